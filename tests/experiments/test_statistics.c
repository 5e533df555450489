/* Statistics of samples: moments and sliced Wasserstein on known cases. */
#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "experiments/common/intervals.h"
#include "experiments/common/statistics.h"
#include "tests/support/check.h"
#include "transport/path/interpolant.h"

static void normals(uint64_t seed, int n, double *x) {
  tr_random_address address = {.seed = seed, .purpose = TR_RANDOM_TEST};
  for (int i = 0; i < n; i++) {
    double z[2];
    tr_random_normal_pair(&address, 0, (uint32_t)(i / 2), z);
    x[i] = z[i % 2];
  }
}

/* Two points at +-1 in the first coordinate: mean 0, covariance (with n - 1) 2. */
static void moments(tr_ctx *ctx) {
  const double x[] = {1, 0, -1, 0}, mean[] = {0.5, 0}, cov[] = {1, 0, 0, 1};
  stat_moment_errors e;
  CHECK_OK(ctx, stat_compare_moments(ctx, 2, 2, x, mean, cov, &e));
  CHECK_NEAR(e.mean_error2, 0.25 / 2, 1e-15);
  CHECK_NEAR(e.mean_noise2, 2.0 / 2 / 2, 1e-15);
  CHECK_NEAR(e.cov_error2, ((2 - 1) * (2 - 1) + 1) / 2.0, 1e-15);
}

/* Over many sets of exact samples, error2 - noise2 averages to 0; with a shift, to the shift's square. */
static void unbiased(tr_ctx *ctx) {
  enum { N = 50, D = 3, TRIALS = 400 };
  const double mean[D] = {0}, shifted[D] = {0.3, 0, 0}, cov[D * D] = {1, 0, 0, 0, 1, 0, 0, 0, 1},
               wide[D * D] = {1.5, 0, 0, 0, 1, 0, 0, 0, 1};
  double x[N * D], of_mean[TRIALS], of_cov[TRIALS], of_shift[TRIALS], of_wide[TRIALS];
  for (int i = 0; i < TRIALS; i++) {
    stat_moment_errors e;
    normals((uint64_t)(5000 + i), N * D, x);
    CHECK_OK(ctx, stat_compare_moments(ctx, N, D, x, mean, cov, &e));
    of_mean[i] = e.mean_error2 - e.mean_noise2;
    of_cov[i] = e.cov_error2 - e.cov_noise2;
    CHECK_OK(ctx, stat_compare_moments(ctx, N, D, x, shifted, wide, &e));
    of_shift[i] = (e.mean_error2 - e.mean_noise2) * 3.5;
    of_wide[i] = (e.cov_error2 - e.cov_noise2) * (1.5 * 1.5 + 2);
  }
  CHECK_NEAR(stat_mean(of_mean, TRIALS).mean, 0, 0.004); /* noise of one: 0.02 */
  CHECK_NEAR(stat_mean(of_cov, TRIALS).mean, 0, 0.01);   /* noise of one: 0.08 */
  CHECK_NEAR(stat_mean(of_shift, TRIALS).mean, 0.09, 0.015);
  CHECK_NEAR(stat_mean(of_wide, TRIALS).mean, 0.25, 0.03);
}

/* The same against a law known by sets alone, whose rows are not alike (every other one is shifted, as
 * classes are). */
static void law_of_sets(tr_ctx *ctx) {
  enum { SETS = 6, N = 12, D = 3, TRIALS = 1500 };
  double all[(SETS + 1) * N * D], of_mean[TRIALS], of_variance[TRIALS], of_shift[TRIALS], of_wide[TRIALS];
  for (int trial = 0; trial < TRIALS; trial++) {
    stat_law law;
    stat_moment_errors e;
    double *x = all + SETS * N * D;
    normals(1000 + trial, (SETS + 1) * N * D, all);
    for (int i = 0; i < (SETS + 1) * N * D; i++) all[i] += i / D % 2 ? 3 : 0;
    CHECK_OK(ctx, stat_law_create(ctx, SETS, N, D, all, &law));
    CHECK_OK(ctx, stat_law_compare(ctx, &law, x, &e));
    of_mean[trial] = e.mean_error2 - e.mean_noise2;
    of_variance[trial] = e.cov_error2 - e.cov_noise2;
    for (int i = 0; i < N * D; i++) x[i] += i % D == 1;
    CHECK_OK(ctx, stat_law_compare(ctx, &law, x, &e));
    of_shift[trial] = e.mean_error2 - e.mean_noise2;
    for (int i = 0; i < N * D; i++) x[i] *= sqrt(1.5);
    CHECK_OK(ctx, stat_law_compare(ctx, &law, x, &e));
    of_wide[trial] = e.cov_error2 - e.cov_noise2;
    stat_law_free(&law);
  }
  /* the variance of a set is 1 + 9/4 N / (N - 1), in each of 3 numbers */
  double trace = 3 * (1 + 2.25 * N / (N - 1));
  CHECK_NEAR(stat_mean(of_mean, TRIALS).mean, 0, 0.003); /* noise of one: 0.03 */
  CHECK_NEAR(stat_mean(of_variance, TRIALS).mean, 0, 0.015);
  CHECK_NEAR(stat_mean(of_shift, TRIALS).mean, 1 / trace, 0.01);
  CHECK(stat_mean(of_wide, TRIALS).mean > 0.2 && stat_mean(of_wide, TRIALS).mean < 0.4);
}

static void sliced(tr_ctx *ctx) {
  enum { N = 500, D = 5 };
  double x[N * D], y[N * D], w;
  normals(1, N * D, x);
  CHECK_OK(ctx, stat_sliced_w2(ctx, N, D, x, x, 100, &w));
  CHECK(w == 0);
  /* The order of the points does not matter. */
  for (int i = 0; i < N * D; i++) y[i] = x[(N - 1 - i / D) * D + i % D];
  CHECK_OK(ctx, stat_sliced_w2(ctx, N, D, x, y, 100, &w));
  CHECK_NEAR(w, 0, 1e-14);
  /* A shift by s: |s| sqrt(E u_i^2) = |s| / sqrt(d), up to the choice of directions. */
  for (int i = 0; i < N * D; i++) y[i] = x[i] + (i % D == 2 ? 3 : 0);
  CHECK_OK(ctx, stat_sliced_w2(ctx, N, D, x, y, 4000, &w));
  CHECK_NEAR(w, 3 / sqrt(D), 0.03);
  /* One dimension is exact: a shift of 3, and the scaling W2 = |a - 1| sqrt(mean x^2). */
  double square = 0;
  for (int i = 0; i < N; i++) y[i] = x[i] + 3;
  CHECK_OK(ctx, stat_sliced_w2(ctx, N, 1, x, y, 7, &w));
  CHECK_NEAR(w, 3, 1e-12);
  for (int i = 0; i < N; i++) square += x[i] * x[i] / N, y[i] = 1.5 * x[i];
  CHECK_OK(ctx, stat_sliced_w2(ctx, N, 1, x, y, 1, &w));
  CHECK_NEAR(w, 0.5 * sqrt(square), 1e-12);
}

/* By hand: |x - y| = 1, 2, 0, 1 on average 1, within x 1, within y 1. */
static void energy_by_hand(tr_ctx *ctx) {
  const double x[] = {0, 1}, y[] = {1, 2}, plane[] = {0, 0, 3, 4}, one[] = {0, 0, 0, 0, 3, 4};
  double e;
  CHECK_OK(ctx, stat_energy(ctx, 2, 2, 1, x, y, &e));
  CHECK_NEAR(e, 2 * 1 - 1 - 1, 1e-15);
  CHECK_OK(ctx, stat_energy(ctx, 2, 3, 2, plane, one, &e)); /* between 15 / 6, within 5 and 10 / 3 */
  CHECK_NEAR(e, 2 * 15.0 / 6 - 5 - 10.0 / 3, 1e-14);
  CHECK_ERROR(ctx, stat_energy(ctx, 1, 2, 1, x, y, &e), TR_E_ARG, "two each at least");
  CHECK_ERROR(ctx, stat_energy(ctx, 2, 1, 1, x, y, &e), TR_E_ARG, "two each at least");
}

/* E|a + s Z| for a standard normal Z: the mean of a folded normal. */
static double folded(double a, double s) {
  return s * sqrt(2 / TR_PI) * exp(-a * a / (2 * s * s)) + a * erf(a / (s * sqrt(2)));
}

/* Between N(0, 1) and N(a, s^2), on average over many sets: 2 E|a + sqrt(1 + s^2) Z| - (2 + 2 s) / sqrt(pi);
 * and 0 between equal laws. */
static void energy_of_gaussians(tr_ctx *ctx) {
  enum { N = 40, M = 25, TRIALS = 3000 };
  const double a = 0.7, s = 1.5;
  double x[N], y[M], equal[TRIALS], other[TRIALS];
  for (int i = 0; i < TRIALS; i++) {
    normals((uint64_t)(20000 + i), N, x);
    normals((uint64_t)(30000 + i), M, y);
    CHECK_OK(ctx, stat_energy(ctx, N, M, 1, x, y, &equal[i]));
    for (int k = 0; k < M; k++) y[k] = a + s * y[k];
    CHECK_OK(ctx, stat_energy(ctx, N, M, 1, x, y, &other[i]));
  }
  const double exact = 2 * folded(a, sqrt(1 + s * s)) - (2 + 2 * s) / sqrt(TR_PI);
  CHECK(exact > 0.2);
  const stat_average of_equal = stat_average_of(TRIALS, equal), of_other = stat_average_of(TRIALS, other);
  CHECK_NEAR(of_equal.mean, 0, 4 * of_equal.se);
  CHECK_NEAR(of_other.mean, exact, 4 * of_other.se);
  CHECK(of_other.se < 0.02 * exact);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  moments(ctx);
  unbiased(ctx);
  law_of_sets(ctx);
  sliced(ctx);
  energy_by_hand(ctx);
  energy_of_gaussians(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
