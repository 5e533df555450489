/* Bootstrap of sums of what single samples contribute (linearised statistics): the only kind of resampling
 * here, since it costs a few numbers a sample however dear the statistic is. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_BOOTSTRAP_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_BOOTSTRAP_H

#include "experiments/evaluate/metrics/rows.h"

#define METRIC_REPLICATES 1000

/* Deviations of the replicates from the estimate, 0 to begin with. Each set of samples adds to them. */
typedef struct {
  uint64_t seed;
  uint32_t sets; /* added so far: part of the address of what is drawn */
  double deviation[METRIC_REPLICATES];
} metric_bootstrap;

/* n >= 1 samples that contribute effect[i] to the statistic: every replicate draws n of them with
 * replacement, and what the sum of their effects exceeds the sum of all by is added to its deviation. n <
 * 2^32. */
void metric_bootstrap_add(metric_bootstrap *b, int64_t n, const double *effect);
/* value and value plus the 2.5 % and 97.5 % points of the deviations. */
metric_value metric_bootstrap_interval(const metric_bootstrap *b, double value);

/* The share of `true` among n >= 1 decisions with the interval of their bootstrap; where all are alike it
 * would have no width, and is the exact one-sided bound: 0.05^(1/n) to 1, or 0 to 1 - 0.05^(1/n). */
tr_status metric_share(tr_ctx *ctx, int64_t n, const bool *decisions, uint64_t seed, metric_value *out);

#endif
