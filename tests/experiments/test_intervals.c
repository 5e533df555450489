/* Intervals: Student's quantiles, means, and the bias behind squared errors, whose 95 % hold in simulation.
 */
#include <stdlib.h>

#include "core/random.h"
#include "experiments/common/intervals.h"
#include "experiments/common/statistics.h"
#include "tests/support/check.h"

/* Printed tables of Student's t. */
static void student(void) {
  CHECK_NEAR(stat_student95(1), 12.7062, 5e-5);
  CHECK_NEAR(stat_student95(2), 4.30265, 5e-6);
  CHECK_NEAR(stat_student95(3), 3.18245, 5e-6);
  CHECK_NEAR(stat_student95(7), 2.36462, 5e-6);
  CHECK_NEAR(stat_student95(30), 2.04227, 5e-6);
  CHECK_NEAR(stat_student95(1000), 1.96234, 5e-6);
  CHECK_NEAR(stat_student(3, 0.5), 0.76489, 5e-6);
  CHECK_NEAR(stat_student(1, 0.999), 636.619, 5e-4);
  CHECK(isnan(stat_student95(0)));
}

static void intervals(void) {
  stat_interval one = stat_mean((const double[]){3}, 1), three = stat_mean((const double[]){1, 2, 3}, 3);
  CHECK(one.n == 1 && one.mean == 3 && isnan(one.low) && isnan(one.high));
  CHECK_NEAR(three.mean, 2, 1e-15);
  CHECK_NEAR(three.high - 2, 4.30265 / sqrt(3), 1e-5); /* s = 1 */
  CHECK_NEAR(three.low + three.high, 4, 1e-14);
  stat_average some = stat_average_of(4, (const double[]){1, NAN, 2, 3}),
               single = stat_average_of(1, &some.mean);
  CHECK_NEAR(some.mean, 2, 1e-15);
  CHECK_NEAR(some.se, 1 / sqrt(3), 1e-15);
  CHECK_NEAR(some.low, three.low, 1e-14);
  CHECK_NEAR(some.high, three.high, 1e-14);
  CHECK(single.mean == some.mean && isnan(single.se) && isnan(single.low) && isnan(single.high));
  CHECK(isnan(stat_average_of(1, (const double[]){NAN}).mean));
  stat_interval same = stat_mean((const double[]){5, 5, 5, 5}, 4);
  CHECK(same.mean == 5 && same.low == 5 && same.high == 5);
}

static void normals(uint64_t seed, int n, double *x) {
  tr_random_address address = {.seed = seed, .purpose = TR_RANDOM_TEST};
  for (int i = 0; i < n; i++) {
    double z[2];
    tr_random_normal_pair(&address, 0, (uint32_t)(i / 2), z);
    x[i] = z[i % 2];
  }
}

/* 95 % intervals of five normals hold the true mean in 95 % of the cases: 2000 trials, std 0.5 %. */
static void coverage(void) {
  double x[5];
  int inside = 0;
  for (int i = 0; i < 2000; i++) {
    normals((uint64_t)i, 5, x);
    stat_interval interval = stat_mean(x, 5);
    inside += interval.low <= 0 && interval.high >= 0;
  }
  CHECK_NEAR(inside / 2000.0, 0.95, 0.02);
}

/* ---- the bias behind squared errors ---- */

typedef struct {
  int trials, held, empty, over; /* over: the bias lies above the interval */
} tally;

static void add(tally *t, stat_interval i, double bias2) {
  t->trials++;
  t->held += i.low <= bias2 && bias2 <= i.high;
  t->empty += !(i.low >= 0 && i.high > i.low);
  t->over += bias2 > i.high;
}

static void honest(const tally *t, const char *what, int d, int seeds, double bias) {
  double held = (double)t->held / t->trials;
  printf("%-10s d = %d, %2d seeds, bias %-4g: held %.3f, missed above %.3f\n", what, d, seeds, bias, held,
         (double)t->over / t->trials);
  CHECK(held > 0.93 && held < 0.99);
  CHECK(t->over < 0.045 * t->trials); /* not all on one side */
  CHECK(t->empty == 0);
}

#define SEEDS_MAX 8
#define DIM_MAX   2

/* Runs of n samples each: standard normals scaled by `scale` in the first number and shifted there by
 * `shift`, compared with standard normals. */
static void bias_of_runs(tr_ctx *ctx, int n, int d, int seeds, double shift, double scale, int trials) {
  const double mean[DIM_MAX] = {0};
  double cov[DIM_MAX * DIM_MAX] = {0}, *x = malloc((size_t)(n * d) * sizeof *x);
  double error2[2][SEEDS_MAX], noise2[2][SEEDS_MAX], of_cov = scale * scale - 1;
  tally of[2] = {{0}};
  for (int i = 0; i < d; i++) cov[i * d + i] = 1;
  for (int trial = 0; trial < trials; trial++) {
    for (int s = 0; s < seeds; s++) {
      stat_moment_errors e;
      normals((uint64_t)(trial * seeds + s), n * d, x);
      for (int i = 0; i < n; i++) x[i * d] = shift + scale * x[i * d];
      CHECK_OK(ctx, stat_compare_moments(ctx, n, d, x, mean, cov, &e));
      error2[0][s] = e.mean_error2, noise2[0][s] = e.mean_noise2;
      error2[1][s] = e.cov_error2, noise2[1][s] = e.cov_noise2;
    }
    add(&of[0], stat_bias2(error2[0], noise2[0], seeds), shift * shift / d);
    add(&of[1], stat_bias2(error2[1], noise2[1], seeds), of_cov * of_cov / d);
  }
  honest(&of[0], "mean", d, seeds, shift);
  honest(&of[1], "covariance", d, seeds, of_cov);
  free(x);
}

/* No bias, one below the noise of a run (0.1), one like it, and one far above it. */
static void bias_coverage(tr_ctx *ctx) {
  static const double shift[] = {0, 0.04, 0.2, 1.5}, scale[] = {1, 1.03, 1.1, 1.8};
  for (int d = 1; d <= DIM_MAX; d++)
    for (int k = 0; k < 4; k++) bias_of_runs(ctx, 100, d, 8, shift[k], scale[k], 600);
  for (int k = 0; k < 4; k++) bias_of_runs(ctx, 100, 2, 3, shift[k], scale[k], 600);
}

/* The ends in words: their scale is that of the values, and values far below the noise leave a bias. */
static void bias_ends(void) {
  const double error2[] = {1.2, 0.7, 1.1, 0.9}, noise2[] = {0.4, 0.5, 0.6, 0.5}, none[4] = {0};
  double tiny[4], tiny_noise[4];
  stat_interval i = stat_bias2(error2, noise2, 4), one = stat_bias2(error2, noise2, 1);
  CHECK_NEAR(i.mean, 0.475, 1e-15);
  CHECK(0 < i.low && i.low < i.mean && i.mean < i.high);
  CHECK(one.n == 1 && isnan(one.low) && isnan(one.high));
  for (int k = 0; k < 4; k++) tiny[k] = 1e-30 * error2[k], tiny_noise[k] = 1e-30 * noise2[k];
  stat_interval j = stat_bias2(tiny, tiny_noise, 4);
  CHECK_NEAR(j.low * 1e30, i.low, 1e-9);
  CHECK_NEAR(j.high * 1e30, i.high, 1e-9);
  stat_interval zero = stat_bias2(none, noise2, 4), below = stat_bias2(tiny, noise2, 4);
  CHECK(zero.low == 0 && zero.high == 0.5 && below.low == 0 && below.high > 0);
  /* Equal values, without noise: what is seen is what there is. */
  const double same[] = {4, 4, 4};
  stat_interval equal = stat_bias2(same, none, 3);
  CHECK_NEAR(equal.low, 4, 1e-6);
  CHECK_NEAR(equal.high, 4, 1e-6);
}

int main(void) {
  tr_ctx *ctx;
  CHECK(tr_ctx_open("cpu", 0, &ctx, NULL) == TR_OK);
  student();
  intervals();
  coverage();
  bias_ends();
  bias_coverage(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
