/* Reading JPEG images by libjpeg. */
#ifndef TR_CORE_IO_JPEG_H
#define TR_CORE_IO_JPEG_H

#include "core/context.h"
#include "core/io/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The image as grey (1 channel) or RGB (3), converted by libjpeg. Malformed or cut files and colour spaces
 * that libjpeg does not convert (CMYK) are TR_E_IO with libjpeg's reason. */
tr_status tr_jpeg_read(tr_ctx *ctx, const char *path, int channels, tr_image *out);

#ifdef __cplusplus
}
#endif

#endif
