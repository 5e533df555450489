/* The drift provider of a command: a checkpoint's network with its path, prediction and guidance, and the
 * path that it is sampled along. */
#ifndef TR_EXPERIMENTS_INPUT_PROVIDER_H
#define TR_EXPERIMENTS_INPUT_PROVIDER_H

#include "experiments/common/common_options.h"
#include "experiments/common/program.h"
#include "experiments/input/guide/guide.h"
#include "nets/model.h"

typedef struct {
  tr_model *model;
  tr_dtype dtype;
  tr_nn_products products;
  bool trained; /* whether the network keeps its parameters: may be set between load and build */
  tr_interpolant interpolant; /* the model's own path */
  tr_interpolant along;       /* the path sampled along; the same unless provider_sample_along was called */
  const tr_prediction_type *prediction;
  guide guide;
  const char *ckpt;
  tr_net *net;
  tr_drift *network, *guided, *transferred; /* of the net, and around that */
  tr_drift *drift;                          /* the one to use: the last of these that there is */
} provider;

/* Opens the device and the checkpoint and settles path and prediction, whose names (and the path's
 * parameters, and the network's) are written back into the options for the record. provider_close in
 * any case. */
tr_status provider_load(program *p, model_options *options, machine_options *machine, uint64_t seed,
                        provider *out);
/* The model of a checkpoint by what it says of itself and what these options say of it, warned of where the
 * two differ; what that settles is written back, for the record, but for parameters of the path. height,
 * width: of its states, 0: as trained. tr_model_close. */
tr_status provider_open_model(tr_ctx *ctx, model_options *options, int height, int width, tr_model **out);
/* The guide of --guide-ckpt, between load and build. */
tr_status provider_load_guide(program *p, guidance_options *options, provider *pr);
/* The path to sample along, between load and build: `*name` (NULL: the model's own), written back in its
 * canonical spelling, and its parameters (on the model's own path, those that differ from the model's),
 * written back as used. */
tr_status provider_sample_along(program *p, const char **name, tr_pair_list *params, provider *pr);
/* Whether the paths differ, and what the drift is or will be: the model's prediction, or the canonical field
 * of a transfer (transport/transfer.h), of which a guide of another path or prediction takes one, too. */
bool provider_transfers(const provider *pr);
tr_quantity provider_kind(const provider *pr);
/* Builds the network, the guidance around it unless its scale is 1, and the transfer around both if the paths
 * differ. */
tr_status provider_build(program *p, const guidance_options *guidance, provider *out);
/* --recompute, once built. */
tr_status provider_recompute(const program *p, provider *pr, bool recompute);
void provider_close(provider *pr);
/* What provider_build made, alone. */
void provider_drop(provider *pr);
/* A second provider of what is loaded, with networks of its own that compute in this type; provider_drop ends
 * it. */
provider provider_in(const provider *pr, tr_dtype dtype);

/* What the states of the network are. */
const tr_net_info *provider_info(const provider *pr);
/* Numbers in one state, and the shape (n, C, H, W) or (n, dim) of n of them; returns how many dimensions. */
int64_t provider_row(const provider *pr);
int provider_shape(const provider *pr, int64_t n, int64_t shape[TR_MAX_DIMS]);
/* n undefined states. */
tr_status provider_states(const program *p, const provider *pr, int64_t n, tr_array **out);
/* "4, 32, 32": of one state, written into text; returns text. */
const char *provider_say_shape(const tr_net_info *info, char *text, size_t size);
/* The classes of n states from number `first` on; labels NULL: the network has none. */
tr_cond provider_cond(const int32_t *labels, int64_t first, int64_t n);

#endif
