/* Which time grid is written: whether one is better than uniform, or noise made it look so. */
#ifndef TR_EXPERIMENTS_TUNE_JUDGE_H
#define TR_EXPERIMENTS_TUNE_JUDGE_H

#include <stdbool.h>

#include "core/context.h"
#include "experiments/common/intervals.h"

/* A time grid that competes: times[0] = 0 < ... < times[n-1] = 1. Errors are rms, or for a checkpoint
 * relative, and infinite for a run that diverged. */
typedef struct {
  char name[80];
  int n;
  double *times;
  double pilot;   /* over the pilot seeds */
  double held;    /* over the seeds held out */
  double *errors; /* (held-out seeds) */
  /* filled by tune_judge */
  stat_interval ln_ratio; /* 95 % for the mean over these seeds of ln(error / uniform's); n = 0: one of the
                             two is infinite or 0 somewhere */
  bool beats;             /* uniform: see below */
} tune_candidate;

/* Number 0 of n candidates is uniform, n_seeds >= 2 are held out. A grid beats uniform if it does on the
 * pilot seeds, and if on those held out an interval for the mean logarithm of the ratio excludes "no better",
 * which is so wide that it holds for all grids that did well on the pilot seeds together (95 %, by
 * Bonferroni): the best of many is better by chance more often than one is. *chosen: of these the one with
 * the least error on the seeds held out; 0: there is none. */
tr_status tune_judge(tr_ctx *ctx, tune_candidate *candidates, int n, int n_seeds, int *chosen);

#endif
