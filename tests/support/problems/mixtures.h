/* Random Gaussian mixtures of any dimension, with their exact fields, and points drawn from them. */
#ifndef TR_TESTS_MIXTURES_H
#define TR_TESTS_MIXTURES_H

#include "tests/support/check.h"
#include "transport/exact/exact.h"

/* K components of n elements, means within +-1, variances from `least` to `least` + 0.3; `which` picks one.
 */
tr_drift *mixture_random(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind, int n, int K,
                         double least, uint64_t which);
/* x (N, n): N points within +-1.5, addressed by `which`. */
tr_array *mixture_points(tr_ctx *ctx, int64_t rows, int n, uint64_t which);
/* ln p_t of every row of x; out (N). */
void mixture_log_density(const tr_drift *drift, double t, const tr_array *x, double *out);

#endif
