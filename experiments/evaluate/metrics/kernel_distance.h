/* Squared maximum mean discrepancies, without bias (so below 0 at times where the laws are equal):
 *
 *   mean of k(x, x') + mean of k(y, y') - 2 mean of k(x, y), x and x' different samples, y and y' too.
 *
 * KID (Binkowski et al., arXiv 1801.01401): k = (x'y / d + 1)^3, the mean over subsets of both sides. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_KERNEL_DISTANCE_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_KERNEL_DISTANCE_H

#include "experiments/evaluate/metrics/rows.h"

/* Which rows: `count` subsets of `size` >= 2 different rows of each side, (count, size), memory of its own.
 */
typedef struct {
  int count;
  int64_t size;
  int32_t *a, *b;
} metric_subsets;
#define METRIC_KID_SUBSETS 100
#define METRIC_KID_SIZE    1000
/* Without replacement, addressed by the seed. 2 <= size <= na, nb, which are below 2^31. */
tr_status metric_subsets_draw(tr_ctx *ctx, uint64_t seed, int count, int64_t size, int64_t na, int64_t nb,
                              metric_subsets *out);
void metric_subsets_free(metric_subsets *subsets);

/* The mean over the subsets; NULL: of the whole sets at once. scores: NULL, or one a subset. The interval is
 * a bootstrap of the samples, linearised (the first-order effect of a sample in the subsets that it is in),
 * which holds the variation that the choice of the subsets adds. */
tr_status metric_kid(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, const metric_subsets *subsets,
                     uint64_t seed, metric_value *out, double *scores);

/* Gaussian kernel exp(-|x - y|^2 / (2 s^2)), s the median distance between two of all samples of both sides
 * (of 2000 of them, evenly spread, where there are more), written to *scale unless NULL. All samples equal:
 * 0. It costs (na + nb)^2 d operations. */
tr_status metric_mmd(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, uint64_t seed,
                     metric_value *out, double *scale);

#endif
