/* Writing animated GIFs, whole or not at all: what every viewer shows. A GIF has 256 colours: levels of grey
 * and up to 256 colours in all frames together are kept as they are, more are brought to 256 that serve all
 * frames (boxes of the colours, split where the squared error is largest; Wu, Graphics Gems II), so that
 * nothing flickers. The same images give the same bytes. */
#ifndef TR_CORE_IO_IMAGE_GIF_H
#define TR_CORE_IO_IMAGE_GIF_H

#include <stdint.h>

#include "core/io/image/png.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_GIF_MAX_SIDE 65535 /* pixels */

/* Seconds that a frame stays, in hundredths, 0.02 to 655; `last` of the last one, before all begins again. */
typedef struct {
  double frame, last;
} tr_gif_timing;

/* frames >= 1 pictures, each a grid of n >= 1 images laid out as tr_png_grid does: images (frames, n, height,
 * width, channels), row-major; channels 1 is grey, 3 is RGB. `layout` NULL: all defaults. TR_E_SHAPE and
 * TR_E_ARG for sizes and timings that no GIF has; TR_E_IO where it cannot be written. */
TR_API tr_status tr_gif_grid(tr_ctx *ctx, const char *path, const tr_png_layout *layout,
                             const tr_gif_timing *timing, int64_t frames, int64_t n, int64_t height,
                             int64_t width, int channels, const uint8_t *images);

#ifdef __cplusplus
}
#endif

#endif
