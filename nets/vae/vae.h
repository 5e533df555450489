/* The autoencoder of latent diffusion, AutoencoderKL as diffusers has it (Rombach et al. 2022): pictures in
 * [-1, 1] to means and variances of latents, and latents to pictures. It is a kind of network
 * (nets/network.h) that is no field.
 *
 * Any height and width will do. What a picture becomes does not depend on the other pictures of a batch.
 * Norms and attention see the whole picture; the memory of a call is that of the largest layer's input and
 * output, for one picture or, on a device with memory of its own, a few. It is kept for the next call. */
#ifndef TR_NETS_VAE_VAE_H
#define TR_NETS_VAE_VAE_H

#include "nets/net.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_vae tr_vae;

/* Zeros: both halves in f32. */
typedef struct {
  tr_dtype dtype;          /* f32 or f64: of weights, pictures and latents */
  tr_nn_products products; /* as in tr_net_options */
  bool encoder, decoder;   /* the halves to load; neither: both */
  bool tiles;              /* see tr_vae_set_tiles */
} tr_vae_options;

typedef struct {
  int channels; /* of pictures */
  int latent_channels;
  int factor;            /* pixels of a picture to one of its latents, along a side */
  int sample_size;       /* pixels along a side of a tile of diffusers */
  double scaling, shift; /* a diffusion model's latents are (z - shift) scaling */
  bool encoder, decoder; /* the halves that are loaded */
} tr_vae_info;

/* Opens a folder in diffusers' layout: config.json, and diffusion_pytorch_model.safetensors or else .bin,
 * .safetensors.index.json or .fp16.safetensors, of f32, f16 or bf16. Missing sizes are those of diffusers'
 * own defaults, also the scaling, 0.18215. The names that older files have for their attention are read as
 * well. A folder or file that is not there or damaged, tensors that are not those of the config, a half that
 * is asked for and missing: TR_E_IO or TR_E_SHAPE naming the file; another architecture, or a variant that is
 * not supported: TR_E_UNSUPPORTED. What the config says beyond what is known is passed over with a warning.
 * Modules need not be registered. Destroy with tr_vae_destroy. */
TR_API tr_status tr_vae_open(tr_ctx *ctx, const char *folder, const tr_vae_options *options, tr_vae **out);

/* Zeros: those of Stable Diffusion's autoencoder: widths 128, 256, 512, 512, two layers a block, 4 latent
 * channels, 32 groups of channels in a norm, a sample_size of 256 pixels. */
#define TR_VAE_LEVELS 6
typedef struct {
  int levels;                /* widths given */
  int widths[TR_VAE_LEVELS]; /* from the pixels to the latents */
  int layers, latent_channels, groups, sample_size;
} tr_vae_sizes;
/* One of these sizes with random weights, addressed by the seed (TR_NET_RANDOM): for benches and tests.
 * TR_E_ARG for sizes that make no network. */
TR_API tr_status tr_vae_create_random(tr_ctx *ctx, const tr_vae_sizes *sizes, const tr_vae_options *options,
                                      uint64_t seed, tr_vae **out);
TR_API void tr_vae_destroy(tr_vae **vae); /* frees and sets *vae to NULL; NULL is fine */

TR_API tr_vae_info tr_vae_about(const tr_vae *vae); /* zeros of NULL */
/* The network behind it. */
TR_API tr_net *tr_vae_network(tr_vae *vae);
/* The file that its weights were read from; NULL of random ones. */
TR_API const char *tr_vae_file(const tr_vae *vae);

/* pictures (N, channels, factor h, factor w), in [-1, 1] where the decoder keeps to it, unrounded, of latents
 * z (N, latent_channels, h, w) as the decoder takes them: see tr_vae_unscale. Both of the autoencoder's type.
 * TR_E_SHAPE for others, TR_E_ARG without a decoder, TR_E_NONFINITE for pictures that are not finite,
 * TR_E_INTERRUPTED within a layer of tr_ctx_set_interrupt's flag; then the pictures are of no use. */
TR_API tr_status tr_vae_decode(tr_vae *vae, const tr_array *z, tr_array *pictures);

/* mean and logvar (N, latent_channels, H / factor, W / factor), rounded down, of the normal latents of
 * pictures (N, channels, H, W) in [-1, 1]: the logarithm of their variance, clamped to -30 .. 20. Errors as
 * above; TR_E_ARG without an encoder, TR_E_SHAPE for a side below `factor`. */
TR_API tr_status tr_vae_encode(tr_vae *vae, const tr_array *pictures, tr_array *mean, tr_array *logvar);

/* z = x / scaling + shift: what the decoder takes, of a diffusion model's latents x, of the same shape; z may
 * be x. */
TR_API tr_status tr_vae_unscale(const tr_vae *vae, const tr_array *x, tr_array *z);

/* x = (mean + exp(logvar / 2) eps - shift) scaling, n numbers: what a diffusion model is trained on. logvar
 * and eps (standard normals) NULL: of the means. x may be mean. Does nothing for a pointer that must not be
 * NULL. */
TR_API void tr_vae_latents(const tr_vae_info *info, int64_t n, const double *mean, const double *logvar,
                           const double *eps, double *x);

/* Whether a picture that is larger than the config's sample_size goes in tiles of that size, as with
 * diffusers' enable_tiling: each overlaps its neighbours by a quarter, and where they do, they are blended
 * linearly. Each tile has norms and attention of its own, so that pictures differ from those of the whole,
 * with seams; it is for who wants the numbers of diffusers, not memory. Off at first. TR_E_UNSUPPORTED where
 * the sample_size cannot be cut so. */
TR_API tr_status tr_vae_set_tiles(tr_vae *vae, bool tiles);

#ifdef __cplusplus
}
#endif

#endif
