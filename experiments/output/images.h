/* Pictures from samples of models that work in pixels (1 or 3 channels, values in [-1, 1]). */
#ifndef TR_EXPERIMENTS_OUTPUT_IMAGES_H
#define TR_EXPERIMENTS_OUTPUT_IMAGES_H

#include "core/array.h"

/* Whether latents (N, C, H, W) are pixels. */
bool images_are_pixels(int channels);

/* RGB bytes (N, H, W, 3) of latents (N, C, H, W), C = 1 or 3, as the reference's sample_ddp.py rounds: 127.5
 * x + 128 clamped to [0, 255] and truncated. `host` holds elements of `dtype` (f32 or f64). *out is malloc'd.
 */
tr_status images_from_latents(tr_ctx *ctx, tr_dtype dtype, const void *host, const int64_t shape[4],
                              unsigned char **out);

#endif
