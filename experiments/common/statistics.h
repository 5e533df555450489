/* Statistics of samples: errors of mean and covariance with the part that sampling alone explains, sliced
 * Wasserstein distance. Host memory, double. */
#ifndef TR_EXPERIMENTS_COMMON_STATISTICS_H
#define TR_EXPERIMENTS_COMMON_STATISTICS_H

#include <stdint.h>

#include "core/context.h"

/* How far the moments of n >= 2 samples are from given ones, squared: of the mean |m - mu|^2 / tr C, of the
 * covariance |S - C|_F^2 / |C|_F^2. `noise2` is an estimate of what exact samples of the same number would
 * show on average, so that error2 - noise2 estimates the squared bias without its own bias (of the mean
 * exactly, of the covariance to order 1 / n). */
typedef struct {
  double mean_error2, mean_noise2, cov_error2, cov_noise2;
} stat_moment_errors;
/* x (n, d); mean (d) and cov (d, d), not all zero. */
tr_status stat_compare_moments(tr_ctx *ctx, int64_t n, int64_t d, const double *x, const double *mean,
                               const double *cov, stat_moment_errors *out);

/* A law known by sets of samples alone: every set has n samples of d numbers, drawn alike (the same classes,
 * say) and independently of the other sets. Its mean and its variances number by number are the averages over
 * the sets of what each set shows. */
typedef struct {
  int sets;
  int64_t n, d;
  double *mean, *variance; /* (d) */
  /* expected squared errors, as below, of one more such set: its own noise and that of the averages */
  double mean_noise2, variance_noise2;
} stat_law;
/* samples (sets, n, d), sets >= 2, n >= 2; stat_law_free in any case. */
tr_status stat_law_create(tr_ctx *ctx, int sets, int64_t n, int64_t d, const double *samples, stat_law *out);
void stat_law_free(stat_law *law);
/* How far x (n, d), a set drawn alike, is from the law: of the mean |m - mu|^2 / sum of variances, of the
 * variances |S - C|^2 / |C|^2 (in cov_...). If x has the law, error2 - noise2 is 0 on average, exactly. */
tr_status stat_law_compare(tr_ctx *ctx, const stat_law *law, const double *x, stat_moment_errors *out);

/* For qsort of doubles. */
int stat_ascending(const void *a, const void *b);
/* Unit vector u (d) number `number` of those that a seed addresses, uniform on the sphere. */
void stat_direction(uint64_t seed, int number, int64_t d, double *u);

/* Sliced Wasserstein-2 distance of two sets of n points x, y (n, d): the root mean square over `directions`
 * random directions (always the same) of W2 between the projections. 1 dimension has one direction: exact. */
tr_status stat_sliced_w2(tr_ctx *ctx, int64_t n, int64_t d, const double *x, const double *y, int directions,
                         double *out);

/* The squared energy distance of two laws, 2 E|X - Y| - E|X - X'| - E|Y - Y'| (Szekely and Rizzo 2013), 0 if
 * and only if they are equal, estimated from n >= 2 samples x (n, d) and m >= 2 samples y (m, d): without
 * bias, so that it is 0 on average, and sometimes below, where the laws are equal. It costs (n + m)^2 d / 2
 * operations. */
tr_status stat_energy(tr_ctx *ctx, int64_t n, int64_t m, int64_t d, const double *x, const double *y,
                      double *out);

#endif
