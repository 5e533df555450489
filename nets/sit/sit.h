/* SiT networks (scalable interpolant transformers; Ma et al. 2024, architecture of DiT, Peebles and Xie 2023)
 * as drift providers. */
#ifndef TR_NETS_SIT_SIT_H
#define TR_NETS_SIT_SIT_H

#include "nets/checkpoint/tensors.h"
#include "transport/drift.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int channels;     /* C of the latents */
  int out_channels; /* C, or 2 C with learn_sigma (the first C are used) */
  int patch;        /* side of a patch */
  int grid;         /* tokens along a side: latents are (C, grid * patch, grid * patch) */
  int hidden, depth, heads, mlp_hidden;
  int time_frequencies; /* width of the sinusoidal embedding (256) */
  int num_classes;      /* without the null class */
  int null_class;       /* = num_classes when the label table has that row, else -1 */
} tr_sit_config;

/* The configuration that the tensors spell out: every size but the number of heads, which the weights do not
 * tell. heads: > 0 as given; 0: from `model_name` ("SiT-S/2": 6, B: 12, L: 16, XL: 16) when it is known;
 * otherwise TR_E_ARG asking for it. num_classes: the label table has num_classes rows, or one more when
 * trained with label dropout. `declared_classes` (0: unknown) tells which; unknown means the last row is the
 * null class. Missing or unknown tensors and shapes that do not fit are TR_E_SHAPE naming the tensor. */
tr_status tr_sit_config_infer(tr_ctx *ctx, const tr_tensors *weights, int heads, const char *model_name,
                              int declared_classes, tr_sit_config *out);

/* The configuration of a named size, "SiT-S/2" ... "SiT-XL/8", for latents of the given channels and side. */
tr_status tr_sit_config_named(tr_ctx *ctx, const char *model_name, int channels, int side, int num_classes,
                              bool learn_sigma, tr_sit_config *out);

/* A network in dtype f32 or f64 on the context's device, its weights copied from `weights` (checked finite).
 * Its drift provider predicts `kind`. Destroy with tr_drift_destroy. */
tr_status tr_sit_create(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, const tr_tensors *weights,
                        tr_quantity kind, tr_drift **out);

/* The same with random weights (addressed by `seed`; scaled normals in every layer, none zero), for benches
 * and tests. */
tr_status tr_sit_create_random(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, uint64_t seed,
                               tr_quantity kind, tr_drift **out);

/* Whether the backward computes the activations of each block again instead of keeping them: about a tenth of
 * the memory, the same bits, and a repeated forward through the blocks, all but the last layer of each, for
 * each pass of covectors (transport/drift.h; all that tr_drift_vjp or tr_drift_vjp_multi is given are one
 * pass), or for each part of it where the gradients of the pass take more than 64 MiB. Off at first. TR_E_ARG
 * if the provider is not a SiT. */
tr_status tr_sit_set_recompute(tr_drift *drift, bool recompute);
/* How many such forwards of a whole batch there were since the network was made; n_forward does not count
 * them. 0 if the provider is not a SiT. */
long tr_sit_recomputed(const tr_drift *drift);

const tr_sit_config *tr_sit_config_of(const tr_drift *drift); /* NULL if the provider is not a SiT */

#ifdef __cplusplus
}
#endif

#endif
