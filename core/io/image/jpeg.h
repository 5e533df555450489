/* Reading JPEG images by libjpeg. */
#ifndef TR_CORE_IO_IMAGE_JPEG_H
#define TR_CORE_IO_IMAGE_JPEG_H

#include "core/context.h"
#include "core/io/image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The image as grey (1 channel) or RGB (3): grey is r = g = b, YCbCr is converted by libjpeg, CMYK and YCCK,
 * taken as inverted as Adobe writes them, by Pillow's formula (r = (255 - k)(255 - c) / 255, rounded as
 * there); profiles and the camera's orientation are ignored. libjpeg's warnings of what changes no pixel
 * (bytes between segments, an unknown version) are passed over. TR_E_IO with the reason: malformed, cut or
 * damaged files, more than 8 bits, more than 500 scans, and colours where 1 channel is asked for. The caller
 * frees out->pixels, NULL on an error. */
TR_API tr_status tr_jpeg_read(tr_ctx *ctx, const char *path, int channels, tr_image *out);

#ifdef __cplusplus
}
#endif

#endif
