/* Reading JPEG images by libjpeg. */
#ifndef TR_CORE_IO_IMAGE_JPEG_H
#define TR_CORE_IO_IMAGE_JPEG_H

#include "core/context.h"
#include "core/io/image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The image as grey (1 channel) or RGB (3): grey is r = g = b, YCbCr is converted by libjpeg; profiles and
 * the camera's orientation are ignored. TR_E_IO with the reason: malformed or cut files, colour spaces that
 * have no RGB here (CMYK, YCCK), more than 8 bits, and colours where 1 channel is asked for. The caller frees
 * out->pixels, NULL on an error. */
TR_API tr_status tr_jpeg_read(tr_ctx *ctx, const char *path, int channels, tr_image *out);

#ifdef __cplusplus
}
#endif

#endif
