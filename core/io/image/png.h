/* Reading PNG images, and writing those of 8 bits a channel, whole or not at all. The same pixels give the
 * same bytes on the same libpng and zlib. */
#ifndef TR_CORE_IO_IMAGE_PNG_H
#define TR_CORE_IO_IMAGE_PNG_H

#include <stdint.h>

#include "core/context.h"
#include "core/io/image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_PNG_MAX_SIDE 1000000 /* pixels; what libpng's readers accept by default */

/* The levels of a file as they are, grey (1 channel) or RGB (3): palettes are looked up, grey is r = g = b,
 * levels of 1, 2 and 4 bits are spread over 0 to 255 and those of 16 bits divided by 257. Colour management
 * (gAMA, iCCP, ...) is ignored. TR_E_IO for a malformed file or a wrong checksum, a 16-bit level that is no
 * multiple of 257, a pixel that is not opaque, and colours where 1 channel is asked for. The caller frees
 * out->pixels, NULL on an error. */
TR_API tr_status tr_png_read(tr_ctx *ctx, const char *path, int channels, tr_image *out);

/* pixels (height, width, channels), row-major; channels 1 is grey, 3 is RGB. */
TR_API tr_status tr_png_write(tr_ctx *ctx, const char *path, int64_t height, int64_t width, int channels,
                              const uint8_t *pixels);

/* How a grid of images is laid out. Zero means: chosen from the images. */
typedef struct {
  int64_t columns; /* default: the smallest square that holds them */
  int64_t scale;   /* each pixel becomes scale x scale; default: tiles of at least 64 pixels, unless many */
} tr_png_layout;

/* n >= 1 images (n, height, width, channels) as one picture: row by row, left to right, with a border between
 * and around the tiles. `layout` NULL: all defaults. */
TR_API tr_status tr_png_grid(tr_ctx *ctx, const char *path, const tr_png_layout *layout, int64_t n,
                             int64_t height, int64_t width, int channels, const uint8_t *images);
/* The samples x (N, C, H, W), C = 1 or 3, of a model that works in pixels as one picture
 * (tr_image_of_array). */
TR_API tr_status tr_png_array(const char *path, const tr_png_layout *layout, const tr_array *x);

#ifdef __cplusplus
}
#endif

#endif
