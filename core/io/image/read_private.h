/* What the readers of pictures share. Not for users of the library. */
#ifndef TR_CORE_IO_IMAGE_READ_PRIVATE_H
#define TR_CORE_IO_IMAGE_READ_PRIVATE_H

#include <stdio.h>

#include "core/io/image/image.h"

/* The size that is wanted, and whether every picture is to become levels of 8 bits, as tr_image_read_rgb
 * says.
 */
typedef struct {
  int64_t height, width; /* 0: any */
  int64_t most;          /* pixels; 0: any number */
  bool convert;
} tr_image_wanted;

bool tr_image_has_size(const tr_image_wanted *wanted, const tr_image *image);
/* Of a picture that has not: TR_E_SHAPE that names its size and the one wanted, TR_E_IO for too many pixels.
 */
tr_status tr_image_other_size(tr_ctx *ctx, const char *path, const tr_image_wanted *wanted,
                              const tr_image *image);

/* Fills an image whose channels are set from an open file, with the errors of tr_image_read. The size is
 * looked at before anything is unpacked, and set where the header could be read. What stands in out->pixels
 * after an error the caller frees.
 */
typedef tr_status (*tr_image_reader)(tr_ctx *ctx, const char *path, FILE *stream,
                                     const tr_image_wanted *wanted, tr_image *out);
tr_status tr_png_read_stream(tr_ctx *ctx, const char *path, FILE *stream, const tr_image_wanted *wanted,
                             tr_image *out);
tr_status tr_jpeg_read_stream(tr_ctx *ctx, const char *path, FILE *stream, const tr_image_wanted *wanted,
                              tr_image *out);

/* What a public function that reads one format does once nothing is NULL. */
tr_status tr_image_read_by(tr_image_reader read, tr_ctx *ctx, const char *path, int channels, tr_image *out);

/* What the first bytes of a file say it is: "PNG", "JPEG", or a format of pictures that is not read ("WebP",
 * "BMP", ...); NULL for anything else. Static text. */
#define TR_IMAGE_HEAD 16
const char *tr_image_format(const unsigned char *head, size_t size);
/* The same of a file; NULL also where it cannot be read, and no error is kept. */
const char *tr_image_format_of(tr_ctx *ctx, const char *path);

#endif
