/* The autoencoder of a command: --vae and --tiles. */
#ifndef TR_EXPERIMENTS_VAE_AUTOENCODER_H
#define TR_EXPERIMENTS_VAE_AUTOENCODER_H

#include <jansson.h>

#include "core/options/options.h"
#include "experiments/common/program.h"
#include "experiments/input/file_hash.h"
#include "nets/vae/vae.h"

typedef struct {
  const char *vae;   /* a folder, "ema" or "mse" */
  const char *tiles; /* "none", "diffusers" */
} autoencoder_options;

/* Rows for a table of options. `...`: more of the row of --vae, such as flags. */
#define AUTOENCODER_OPTION(base, member)                                                                     \
  .group = "Autoencoder", .offset = (base) + offsetof(autoencoder_options, member)
#define AUTOENCODER_OPTIONS(base, ...)                                                                       \
  {AUTOENCODER_OPTION(base, vae),                                                                            \
   .name = "vae",                                                                                            \
   .type = TR_OPTION_TEXT,                                                                                   \
   .metavar = "DIR|ema|mse",                                                                                 \
   .help =                                                                                                   \
       "AutoencoderKL in diffusers' layout: a folder with config.json and "                                  \
       "diffusion_pytorch_model.safetensors or .bin; ema and mse are those of Stable Diffusion, fetched "    \
       "where they are absent ('transit fetch').",                                                           \
   __VA_ARGS__},                                                                                             \
  {                                                                                                          \
    AUTOENCODER_OPTION(base, tiles),                                                                         \
        .name = "tiles", .type = TR_OPTION_CHOICE, .choices = "none,diffusers", .default_text = "none",      \
        .help = "diffusers: pictures larger than the autoencoder's sample_size go in tiles, "                \
                "as with enable_tiling there. The numbers are those of diffusers, seams "                    \
                "included; none is exact."                                                                   \
  }

typedef struct {
  tr_vae *vae;
  tr_vae_info about;
  tr_dtype dtype;
  char *folder;
  file_hash hash; /* of the weights; an encoder's has no record that would tell it */
} autoencoder;

/* Opens one half on the program's device; products are not TR_NN_BF16 (autoencoder_check_products). The hash
 * of a decoder is started. autoencoder_close in any case. */
tr_status autoencoder_open(program *p, const autoencoder_options *options, bool encoder, tr_dtype dtype,
                           tr_nn_products products, autoencoder *out);
void autoencoder_close(autoencoder *a);
/* TR_E_ARG for a --dtype that an autoencoder has not. */
tr_status autoencoder_check_products(program *p, tr_nn_products products);

/* {folder, file, sha256, scaling, shift} for run.json, of an autoencoder whose hash is finished. The caller
 * releases it; NULL: out of memory. */
json_t *autoencoder_record(const autoencoder *a);

/* Pictures (n, channels, height, width) of a diffusion model's latents x (n, ...), which stay as they are. */
tr_status autoencoder_decode(const autoencoder *a, const tr_array *x, tr_array *pictures);
/* TR_E_SHAPE for pictures that have no levels: neither grey nor of three colours. */
tr_status autoencoder_check_levels(tr_ctx *ctx, const autoencoder *a);

#endif
