/* Frechet distance of two Gaussians (FID of pool features, sFID of spatial ones):
 *
 *   |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2),
 *
 * the last trace as the sum of the singular values of F1' F2, where S = F F': F from a symmetric eigensolver,
 * eigenvalues below d eps of the largest dropped, or the centred rows / sqrt(n - 1) where n <= d. Exact where
 * rank is missing, and never complex (Heusel et al., arXiv 1706.08500; the published evaluators take a
 * general matrix root). Range: >= 0 to rounding; about 1e-14 of the larger trace. By LAPACK. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_FRECHET_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_FRECHET_H

#include "experiments/evaluate/metrics/moments.h"

/* Different d: TR_E_SHAPE. A covariance with an eigenvalue far below 0: TR_E_ARG. A distance that overflows:
 * TR_E_NONFINITE. A solver that does not converge: TR_E_SOLVER. */
tr_status metric_frechet(tr_ctx *ctx, const metric_gaussian *a, const metric_gaussian *b, double *out);

/* The same with a bootstrap interval of the linearised distance. Replicates of the distance itself are biased
 * upwards by about the bias of the distance; so what is resampled is its first-order effect of a row,
 *
 *   h(x) = 2 (m1 - m2)'(x - m1) + (x - m1)'(I - T)(x - m1) - its mean,  T S1 T = S2 (the transport map),
 *
 * and likewise on the other side: replicates are centred at the estimate. The interval is of the expectation
 * at these n. rows of a side whose statistics were given (NULL) do not vary: the interval is then of the
 * other side alone, and NaN where neither has rows. */
tr_status metric_frechet_interval(tr_ctx *ctx, const metric_gaussian *a, const metric_rows *rows_a,
                                  const metric_gaussian *b, const metric_rows *rows_b, uint64_t seed,
                                  metric_value *out);

/* Of the first n[i] rows against `reference`, 2 <= n[i] <= rows->n; `reference` is decomposed once. */
tr_status metric_frechet_at(tr_ctx *ctx, const metric_rows *rows, const metric_gaussian *reference, int count,
                            const int64_t *n, double *out);
/* FID_inf (Chong and Forsyth, arXiv 1911.07023): the least-squares line through (1 / n[i], value[i]) at 0. At
 * least two different n, else TR_E_ARG. */
tr_status metric_frechet_limit(tr_ctx *ctx, int count, const int64_t *n, const double *values, double *out);

#endif
