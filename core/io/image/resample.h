/* Images of other sizes, as Pillow makes them: separable filters in fixed point, along rows and along
 * columns, rounded to levels after each (Pillow's Resample.c; the crop is that of ADM's image_datasets.py,
 * which the SiT code uses). Columns come first where Pillow 13 does so: when the height shrinks, and by more
 * than twice as many pixels as the width (measured on 400 random sizes; Pillow 10 always begins with the
 * rows, which changes single levels by up to 5). */
#ifndef TR_CORE_IO_IMAGE_RESAMPLE_H
#define TR_CORE_IO_IMAGE_RESAMPLE_H

#include "core/io/image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TR_FILTER_BOX,    /* means of boxes, support 1/2 */
  TR_FILTER_BICUBIC /* Keys' cubic with a = -1/2, support 2 */
} tr_image_filter;

/* *out = the image at height x width >= 1 x 1 pixels. A filter is widened by the factor of a reduction. The
 * caller frees out->pixels, NULL on an error. */
TR_API tr_status tr_image_resize(tr_ctx *ctx, const tr_image *image, int64_t height, int64_t width,
                                 tr_image_filter filter, tr_image *out);

/* *out = the middle size x size pixels after the shorter side was made `size` long: halved by boxes while it
 * is at least twice as long, then bicubic. */
TR_API tr_status tr_image_centre_crop(tr_ctx *ctx, const tr_image *image, int64_t size, tr_image *out);

#ifdef __cplusplus
}
#endif

#endif
