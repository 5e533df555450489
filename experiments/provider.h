/* The drift provider of a command: a checkpoint's network with its path, prediction and guidance. */
#ifndef TR_EXPERIMENTS_PROVIDER_H
#define TR_EXPERIMENTS_PROVIDER_H

#include "experiments/common_options.h"
#include "experiments/model.h"
#include "experiments/program.h"

typedef struct {
  model model;
  tr_dtype dtype;
  tr_interpolant interpolant;
  const tr_prediction_type *prediction;
  tr_drift *network, *guided;
  tr_drift *drift; /* the one to use: guided, or the network itself */
} provider;

/* Opens the device and the checkpoint and settles path and prediction, whose names (and the number of heads)
 * are written back into the options for the record. provider_close in any case. */
tr_status provider_load(program *p, model_options *options, machine_options *machine, uint64_t seed,
                        provider *out);
/* Builds the network, and the guidance around it unless the scale is 1. */
tr_status provider_build(program *p, const guidance_options *guidance, provider *out);
void provider_close(provider *pr);

/* Number of elements in a row of latents, and their shape (n, C, H, W). */
int64_t provider_row(const provider *pr);
void provider_shape(const provider *pr, int64_t n, int64_t shape[4]);

#endif
