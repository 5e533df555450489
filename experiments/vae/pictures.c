#include "experiments/vae/pictures.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/image/image.h"
#include "core/text.h"

static tr_status round_pixels(const pictures *self, const tr_array *x, uint8_t *levels) {
  uint8_t *made;
  TR_TRY(tr_image_of_array(x, &made));
  memcpy(levels, made, (size_t)(x->shape[0] * self->height * self->width) * 3);
  free(made);
  return TR_OK;
}

pictures pictures_of_pixels(int ndim, const int64_t *shape) {
  if (ndim != 4 || !tr_image_channels(shape[1])) return (pictures){0};
  return (pictures){.height = shape[2], .width = shape[3], .make = round_pixels};
}

/* ---- of latents ---- */

/* One after the other: an array of all would be large. */
static tr_status decode_one(const pictures *self, const tr_array *x, tr_array *picture, uint8_t *levels) {
  TR_TRY(autoencoder_decode(self->vae, x, picture));
  return round_pixels(self, picture, levels);
}

static tr_status decode_latents(const pictures *self, const tr_array *x, uint8_t *levels) {
  const int64_t shape[] = {1, self->vae->about.channels, self->height, self->width};
  tr_array *picture;
  tr_status status = tr_array_create(x->ctx, self->vae->dtype, 4, shape, &picture);
  for (int64_t i = 0; status == TR_OK && i < x->shape[0]; i++) {
    const tr_array one = tr_rows(x, i, 1);
    status = decode_one(self, &one, picture, levels + 3 * i * self->height * self->width);
  }
  tr_array_destroy(&picture);
  return status;
}

static tr_status pictures_of_latents(tr_ctx *ctx, const autoencoder *vae, int ndim, const int64_t *shape,
                                     pictures *out) {
  const tr_vae_info *about = &vae->about;
  if (ndim != 4 || shape[1] != about->latent_channels)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--vae '%s' has latents of %d channels: the model's states are none of these",
                   TR_SHOW(vae->folder, 200), about->latent_channels);
  TR_TRY(autoencoder_check_levels(ctx, vae));
  *out = (pictures){.height = about->factor * shape[2],
                    .width = about->factor * shape[3],
                    .make = decode_latents,
                    .vae = vae};
  return TR_OK;
}

tr_status pictures_open(program *p, const autoencoder_options *options, tr_dtype dtype,
                        tr_nn_products products, int ndim, const int64_t *shape, autoencoder *vae,
                        pictures *out) {
  *out = pictures_of_pixels(ndim, shape);
  if (!options->vae) return TR_OK;
  const tr_nn_products own = products == TR_NN_BF16 ? TR_NN_FULL : products;
  TR_TRY(autoencoder_open(p, options, false, dtype, own, vae));
  return pictures_of_latents(p->ctx, vae, ndim, shape, out);
}
