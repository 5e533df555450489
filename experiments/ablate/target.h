/* What an ablation learns and judges by: an exact mixture, or data and other data. */
#ifndef TR_EXPERIMENTS_ABLATE_TARGET_H
#define TR_EXPERIMENTS_ABLATE_TARGET_H

#include "experiments/ablate/plan.h"
#include "experiments/input/mixture.h"
#include "experiments/train/run.h"

typedef struct {
  const ablate_options *options;
  bool exact; /* a mixture */
  mixture mixture;
  int64_t row; /* numbers in a state */
  /* Of data, what --eval-path has: */
  int64_t n_held;
  double *held;                                             /* (n_held, row): in the model's own space */
  uint8_t *levels;                                          /* the same of images of 256 levels, else NULL */
  int32_t *labels;                                          /* (n_held), NULL: there are no classes */
  char sha256[TR_SHA256_TEXT], held_sha256[TR_SHA256_TEXT]; /* of --data-path and of that */
} ablate_target;

/* The mixture; data come by ablate_target_hold. ablate_target_close in any case. */
tr_status ablate_target_open(tr_ctx *ctx, ablate_options *options, ablate_target *out);
void ablate_target_close(ablate_target *target);

/* Opens --eval-path, for a training that has been set up on --data-path. */
tr_status ablate_target_hold(ablate_target *target, const train_run *run);

/* The rows of the next step of a training on the target; host: room for them, of exact targets. */
tr_status ablate_target_batch(const ablate_target *target, train_run *run, double *host, tr_train_batch *out);

/* What models are judged by, of a seed: `set` 0 is what samples are compared with, 1 makes the floor with it,
 * 2 has the samples whose likelihood is taken. x (n, row). Of exact targets. */
void ablate_target_sample(const ablate_target *target, long seed, int set, int64_t n, double *x);

#endif
