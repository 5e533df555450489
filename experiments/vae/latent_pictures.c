#include "experiments/vae/latent_pictures.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/image/image.h"
#include "core/text.h"

/* One after the other: an array of all would be large. */
static tr_status make_one(const pictures *self, const autoencoder *a, const tr_array *x, tr_array *picture,
                          uint8_t *levels) {
  uint8_t *made;
  TR_TRY(autoencoder_decode(a, x, picture));
  TR_TRY(tr_image_of_array(picture, &made));
  memcpy(levels, made, (size_t)(self->height * self->width) * 3);
  free(made);
  return TR_OK;
}

static tr_status make(const pictures *self, const tr_array *x, uint8_t *levels) {
  const autoencoder *a = self->user;
  const int64_t shape[] = {1, a->about.channels, self->height, self->width};
  tr_array *picture;
  tr_status status = tr_array_create(x->ctx, a->dtype, 4, shape, &picture);
  for (int64_t i = 0; status == TR_OK && i < x->shape[0]; i++) {
    const tr_array one = tr_rows(x, i, 1);
    status = make_one(self, a, &one, picture, levels + 3 * i * self->height * self->width);
  }
  tr_array_destroy(&picture);
  return status;
}

tr_status latent_pictures(tr_ctx *ctx, autoencoder *a, int ndim, const int64_t *shape, pictures *out) {
  const tr_vae_info *about = &a->about;
  if (ndim != 4 || shape[1] != about->latent_channels)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--vae '%s' has latents of %d channels: the model's states are none of these",
                   TR_SHOW(a->folder, 200), about->latent_channels);
  TR_TRY(autoencoder_check_levels(ctx, a));
  *out = (pictures){
      .height = about->factor * shape[2], .width = about->factor * shape[3], .make = make, .user = a};
  return TR_OK;
}
