/* Pictures of states: levels of 256 of a batch, before it is written. A model that works in pixels has its
 * own rounding; one of latents has pictures where an autoencoder makes them. */
#ifndef TR_EXPERIMENTS_VAE_PICTURES_H
#define TR_EXPERIMENTS_VAE_PICTURES_H

#include "experiments/vae/autoencoder.h"

typedef struct pictures pictures;
struct pictures {
  int64_t height, width; /* of each; 0: the states are no pictures, and there is no `make` */
  /* Fills levels (n, height, width, 3), RGB in host memory, from the states x (n, ...), which stay as they
   * are. A picture does not depend on the others of its batch. */
  tr_status (*make)(const pictures *self, const tr_array *x, uint8_t *levels);
  const autoencoder *vae; /* of `make`, borrowed; NULL: of pixels */
};

static inline bool pictures_any(const pictures *p) {
  return p->make != NULL;
}

/* Those of a model that works in pixels, states (n, C, H, W) with C = 1, the same in all three colours, or 3:
 * 127.5 x + 128 clamped and truncated (tr_image_of_array). States of any other shape have none. */
pictures pictures_of_pixels(int ndim, const int64_t *shape);

/* Those of states of this shape: with --vae by the autoencoder, which is opened (autoencoder_close in any
 * case), else of pixels. dtype and products are the model's; products in bf16 are those of the model alone.
 * TR_E_ARG for states that are no latents of the autoencoder. */
tr_status pictures_open(program *p, const autoencoder_options *options, tr_dtype dtype,
                        tr_nn_products products, int ndim, const int64_t *shape, autoencoder *vae,
                        pictures *out);

#endif
