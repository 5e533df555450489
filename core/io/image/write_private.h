/* Writing pictures by the thousand. Not for users of the library. */
#ifndef TR_CORE_IO_IMAGE_WRITE_PRIVATE_H
#define TR_CORE_IO_IMAGE_WRITE_PRIVATE_H

#include <stdint.h>

#include "core/context.h"

/* TR_E_SHAPE unless pictures of so many channels are written: 1 or 3. */
tr_status tr_image_check_channels(tr_ctx *ctx, int channels);

/* The PNG of tr_png_write (core/io/image/png.h), without waiting for the disk: see
 * tr_out_file_commit_unsynced. */
tr_status tr_png_write_unsynced(tr_ctx *ctx, const char *path, int64_t height, int64_t width, int channels,
                                const uint8_t *pixels);

/* The bytes at the end of every PNG: its last chunk, IEND. */
#define TR_PNG_END_BYTES 12
extern const unsigned char tr_png_end[TR_PNG_END_BYTES];

#endif
