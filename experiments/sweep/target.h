/* What a sweep samples: an exact mixture or a checkpoint, as drift providers for the runs and, in f64, for
 * the tight solves. */
#ifndef TR_EXPERIMENTS_SWEEP_TARGET_H
#define TR_EXPERIMENTS_SWEEP_TARGET_H

#include <jansson.h>

#include "experiments/input/file_hash.h"
#include "experiments/input/mixture.h"
#include "experiments/input/provider.h"
#include "experiments/sweep/options.h"

typedef struct {
  program *program;
  const sweep_options *options;
  tr_dtype dtype;
  int64_t n, row; /* samples of a run, numbers in a sample */
  bool exact;     /* a mixture; otherwise a checkpoint */
  mixture mixture;
  double *mean, *cov;      /* (row), (row, row): of the mixture */
  provider provider, wide; /* the checkpoint; `wide` has the f64 network only */
  int32_t *labels;
  file_hash hash;
  tr_drift *drift, *tight; /* of the path entered; borrowed for a checkpoint on its own path */
  bool owned;              /* whether these two are ours */
} sweep_target;

/* Opens the device and the target, and settles defaults in the options. sweep_target_close in any case. */
tr_status sweep_target_open(program *p, sweep_options *options, sweep_target *out);
void sweep_target_close(sweep_target *target);
/* A checkpoint's own path, NULL for a mixture, which has every path. */
const tr_interpolant *sweep_target_path(const sweep_target *target);

/* Builds the networks of a checkpoint; nothing for a mixture. */
tr_status sweep_target_build(sweep_target *target);
/* Sets drift and tight for this path. */
tr_status sweep_target_enter(sweep_target *target, const tr_interpolant *path);

/* An undefined state of n_rows samples, and the classes of that many. */
tr_status sweep_target_state(const sweep_target *target, tr_dtype dtype, int64_t n_rows, tr_array **out);
tr_cond sweep_target_cond(const sweep_target *target, int64_t n_rows);

/* What the target is, for the manifest: a mixture with all its numbers, a checkpoint with its hash. */
tr_status sweep_target_record(sweep_target *target, json_t **out);
json_t *sweep_mixture_record(const mixture *m);

#endif
