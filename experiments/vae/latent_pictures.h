/* Pictures of a diffusion model's latents by an autoencoder (experiments/sample/pictures.h). */
#ifndef TR_EXPERIMENTS_VAE_LATENT_PICTURES_H
#define TR_EXPERIMENTS_VAE_LATENT_PICTURES_H

#include "experiments/sample/pictures.h"
#include "experiments/vae/autoencoder.h"

/* Those of states of this shape, (N, C, H, W); the autoencoder is borrowed. TR_E_ARG for states that are no
 * latents of it. */
tr_status latent_pictures(tr_ctx *ctx, autoencoder *a, int ndim, const int64_t *shape, pictures *out);

#endif
