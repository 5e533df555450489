/* Images of bytes, and what models see of them. */
#ifndef TR_CORE_IO_IMAGE_IMAGE_H
#define TR_CORE_IO_IMAGE_IMAGE_H

#include "core/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A model that works in pixels has the level u of 256 at u / TR_BINS_PER_UNIT - 1, in [-1, 1]. */
#define TR_BINS_PER_UNIT 127.5

/* An image read from a file. */
typedef struct {
  int64_t height, width;
  int channels;    /* 1 grey, 3 RGB */
  uint8_t *pixels; /* (height, width, channels); the caller frees */
} tr_image;

/* Reads a PNG or JPEG as tr_png_read and tr_jpeg_read do; its content tells which, not its name. Pictures of
 * another size than height x width (0: any) are TR_E_SHAPE, with their size in *out: that is read in the
 * header, and nothing is unpacked. TR_E_IO for what cannot be read or is neither. The caller frees
 * out->pixels, NULL on an error. */
TR_API tr_status tr_image_read(tr_ctx *ctx, const char *path, int channels, int64_t height, int64_t width,
                               tr_image *out);

/* Reads a PNG or JPEG as the SiT code does, by Pillow's convert("RGB"): transparency is dropped, and the
 * lower half of 16-bit levels (Pillow clips 16-bit grey at 255 instead). TR_E_IO for what cannot be read, is
 * neither, or has more than TR_IMAGE_MOST pixels, where Pillow refuses too. The caller frees out->pixels,
 * NULL on an error. */
#define TR_IMAGE_MOST ((int64_t)178956970)
TR_API tr_status tr_image_read_rgb(tr_ctx *ctx, const char *path, tr_image *out);

/* Whether arrays (N, C, H, W) can be pixels: one channel, grey, or three, RGB. */
TR_API bool tr_image_channels(int64_t channels);

/* RGB bytes (N, H, W, 3) of values (N, C, H, W), C = 1 or 3 (TR_E_SHAPE), of a model that works in pixels:
 * 127.5 x + 128 clamped to [0, 255] and truncated, as the SiT code rounds samples. `values` lies in host
 * memory, of dtype f32 or f64. *out is malloc'd. */
TR_API tr_status tr_image_of_values(tr_ctx *ctx, tr_dtype dtype, const void *values, const int64_t shape[4],
                                    uint8_t **out);
/* The same of an array of any device. */
TR_API tr_status tr_image_of_array(const tr_array *x, uint8_t **out);

#ifdef __cplusplus
}
#endif

#endif
