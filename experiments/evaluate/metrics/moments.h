/* Mean and covariance (of n - 1) of rows of d numbers, in one pass.
 *
 * The first 256 rows give a shift, their mean; then S = sum (x - shift)(x - shift)' goes by the products of
 * core/nn (gradient_of_linear, f64) over blocks of 256 rows, counted from the first row on. On the processor
 * every element is one chain of multiply-adds in the order of the rows, so that the bits depend neither on
 * how the rows arrived nor on threads. Memory: 3/2 d^2 doubles and four blocks; while n <= d the rows are
 * kept, too, at most d^2 doubles more. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_MOMENTS_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_MOMENTS_H

#include "experiments/evaluate/metrics/rows.h"

/* What the Frechet distance knows of a set. Memory of its own, freed by metric_gaussian_free. */
typedef struct {
  int64_t n;          /* samples, 0: not known (stored statistics) */
  int64_t d;          /* 0: there is none */
  double *mean, *cov; /* (d), (d, d) */
  double *centred;    /* (n, d): the rows less their mean, where n <= d; else NULL */
} metric_gaussian;
void metric_gaussian_free(metric_gaussian *g); /* and zeroes; zeroed is fine */

typedef struct metric_moments metric_moments;
/* d >= 1 numbers a row; `name` is borrowed, for messages. */
tr_status metric_moments_create(tr_ctx *ctx, const char *name, int64_t d, metric_moments **out);
/* n >= 0 more rows, f32 or f64 (n, d). TR_E_NONFINITE names the first row, counted from all, that holds NaN
 * or infinity. */
tr_status metric_moments_add(metric_moments *m, tr_dtype dtype, int64_t n, const void *rows);
/* Destroys *m, whatever the outcome. Fewer than two rows: TR_E_ARG. */
tr_status metric_moments_finish(metric_moments **m, metric_gaussian *out);
void metric_moments_destroy(metric_moments **m); /* NULL is fine */

/* Of rows in memory. */
tr_status metric_gaussian_of(tr_ctx *ctx, const metric_rows *rows, metric_gaussian *out);
/* From stored statistics, mean (d) and cov (d, d), copied; n: 0 where it is not known. TR_E_NONFINITE for
 * what is not finite; TR_E_ARG for a covariance that is not symmetric to 1e-6 of its largest element (what is
 * left of that is averaged), or has a variance below 0. */
tr_status metric_gaussian_given(tr_ctx *ctx, const char *name, int64_t n, int64_t d, const double *mean,
                                const double *cov, metric_gaussian *out);

#endif
