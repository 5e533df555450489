/* Nearest neighbours by exact squared distances in double, without an N x N matrix: tiles of |x|^2 + |y|^2 -
 * 2 x'y by matrix products decide where their error bound allows, and the rest is decided by sums of squared
 * differences. So results are those of the differences, to the bit, ties included. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_NEIGHBOURS_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_NEIGHBOURS_H

#include "experiments/evaluate/metrics/rows.h"

#define METRIC_MAX_NEIGHBOURS 32

/* The k nearest of `centres` to each of `points`, nearest first, of equals the one that comes first.
 * centres NULL: the points themselves, without the point itself. distances2 (n, k); index (n, k) or NULL.
 * 1 <= k <= METRIC_MAX_NEIGHBOURS, and k of them there must be: else TR_E_ARG. */
tr_status metric_neighbours(tr_ctx *ctx, const metric_rows *points, const metric_rows *centres, int k,
                            double *distances2, int64_t *index);

/* a_inside[i]: whether a_i lies within the ball, border included, of any b_j, of squared radius radii2_b[j]
 * (n of b); b_inside likewise the other way round. Both at the cost of one. */
tr_status metric_inside(tr_ctx *ctx, const metric_rows *a, const double *radii2_a, bool *a_inside,
                        const metric_rows *b, const double *radii2_b, bool *b_inside);

#endif
