/* The drift provider of a command: a checkpoint's network with its path, prediction and guidance, and the
 * path that it is sampled along. */
#ifndef TR_EXPERIMENTS_INPUT_PROVIDER_H
#define TR_EXPERIMENTS_INPUT_PROVIDER_H

#include "experiments/common/common_options.h"
#include "experiments/common/program.h"
#include "experiments/input/model.h"

typedef struct {
  model model;
  tr_dtype dtype;
  tr_interpolant interpolant; /* the model's own path */
  tr_interpolant along;       /* the path sampled along; the same unless provider_sample_along was called */
  const tr_prediction_type *prediction;
  tr_drift *network, *guided, *transferred;
  tr_drift *drift; /* the one to use: the last of these that there is */
} provider;

/* Opens the device and the checkpoint and settles path and prediction, whose names (and the path's
 * parameters, and the number of heads) are written back into the options for the record. provider_close in
 * any case. */
tr_status provider_load(program *p, model_options *options, machine_options *machine, uint64_t seed,
                        provider *out);
/* The path to sample along, between load and build: `*name` (NULL: the model's own), written back in its
 * canonical spelling, and its parameters (on the model's own path, those that differ from the model's),
 * written back as used. */
tr_status provider_sample_along(program *p, const char **name, tr_pair_list *params, provider *pr);
/* Whether the paths differ, and what the drift is or will be: the model's prediction, or the canonical field
 * of a transfer (transport/transfer.h). */
bool provider_transfers(const provider *pr);
tr_quantity provider_kind(const provider *pr);
/* Builds the network, the guidance around it unless the scale is 1, and the transfer around both if the paths
 * differ. */
tr_status provider_build(program *p, const guidance_options *guidance, provider *out);
void provider_close(provider *pr);

/* Number of elements in a row of latents, and their shape (n, C, H, W). */
int64_t provider_row(const provider *pr);
void provider_shape(const provider *pr, int64_t n, int64_t shape[4]);

#endif
