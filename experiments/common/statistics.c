#include "experiments/common/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "core/random.h"

/* Mean m (d) and unbiased covariance S (d, d) of x (n, d). */
static void sample_moments(int64_t n, int64_t d, const double *x, double *m, double *S) {
  for (int64_t i = 0; i < d; i++) m[i] = 0;
  for (int64_t i = 0; i < d * d; i++) S[i] = 0;
  for (int64_t r = 0; r < n; r++)
    for (int64_t i = 0; i < d; i++) m[i] += x[r * d + i] / (double)n;
  for (int64_t r = 0; r < n; r++)
    for (int64_t i = 0; i < d; i++) {
      double a = (x[r * d + i] - m[i]) / (double)(n - 1);
      for (int64_t j = 0; j <= i; j++) S[i * d + j] += a * (x[r * d + j] - m[j]);
    }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++) S[j * d + i] = S[i * d + j];
}

/* The mean of |x - m|^4. */
static double fourth_moment(int64_t n, int64_t d, const double *x, const double *m) {
  double sum = 0;
  for (int64_t r = 0; r < n; r++) {
    double square = 0;
    for (int64_t i = 0; i < d; i++) square += (x[r * d + i] - m[i]) * (x[r * d + i] - m[i]);
    sum += square * square / (double)n;
  }
  return sum;
}

tr_status stat_compare_moments(tr_ctx *ctx, int64_t n, int64_t d, const double *x, const double *mean,
                               const double *cov, stat_moment_errors *out) {
  double *m = malloc((size_t)(d + d * d) * sizeof *m), *S = m + d;
  if (!m) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a covariance of %lld dimensions", (long long)d);
  sample_moments(n, d, x, m, S);
  double off = 0, trace = 0, sample_trace = 0, cov_off = 0, cov_square = 0, sample_square = 0;
  for (int64_t i = 0; i < d; i++) {
    off += (m[i] - mean[i]) * (m[i] - mean[i]);
    trace += cov[i * d + i];
    sample_trace += S[i * d + i];
  }
  for (int64_t i = 0; i < d * d; i++) {
    cov_off += (S[i] - cov[i]) * (S[i] - cov[i]);
    cov_square += cov[i] * cov[i];
    sample_square += S[i] * S[i];
  }
  *out = (stat_moment_errors){.mean_error2 = off / trace,
                              .mean_noise2 = sample_trace / (double)n / trace,
                              .cov_error2 = cov_off / cov_square,
                              .cov_noise2 =
                                  (fourth_moment(n, d, x, m) - sample_square) / (double)(n - 1) / cov_square};
  free(m);
  return TR_OK;
}

/* Mean m and unbiased variances v (d) of x (n, d). */
static void diagonal_moments(int64_t n, int64_t d, const double *x, double *m, double *v) {
  for (int64_t i = 0; i < d; i++) m[i] = v[i] = 0;
  for (int64_t r = 0; r < n; r++)
    for (int64_t i = 0; i < d; i++) m[i] += x[r * d + i] / (double)n;
  for (int64_t r = 0; r < n; r++)
    for (int64_t i = 0; i < d; i++) v[i] += (x[r * d + i] - m[i]) * (x[r * d + i] - m[i]) / (double)(n - 1);
}

static double distance2(int64_t d, const double *a, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < d; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

/* Squared distances of mean and variances from those of the law, relative to its spread. */
static stat_moment_errors from_law(const stat_law *law, const double *m, const double *v) {
  double trace = 0, square = 0;
  for (int64_t i = 0; i < law->d; i++) {
    trace += law->variance[i];
    square += law->variance[i] * law->variance[i];
  }
  return (stat_moment_errors){.mean_error2 = distance2(law->d, m, law->mean) / trace,
                              .cov_error2 = distance2(law->d, v, law->variance) / square};
}

tr_status stat_law_create(tr_ctx *ctx, int sets, int64_t n, int64_t d, const double *samples, stat_law *out) {
  *out = (stat_law){.sets = sets, .n = n, .d = d, .mean = calloc((size_t)(2 * d), sizeof(double))};
  double *moments = malloc((size_t)(2 * d) * (size_t)sets * sizeof *moments);
  if (!out->mean || !moments) {
    free(moments);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for the moments of %d sets of samples", sets);
  }
  out->variance = out->mean + d;
  for (int s = 0; s < sets; s++) {
    double *m = moments + 2 * d * s;
    diagonal_moments(n, d, samples + n * d * s, m, m + d);
    for (int64_t i = 0; i < 2 * d; i++) out->mean[i] += m[i] / sets;
  }
  for (int s = 0; s < sets; s++) { /* the variance over the sets, of a set and of the average */
    double *m = moments + 2 * d * s, share = (1 + 1.0 / sets) / (sets - 1);
    stat_moment_errors e = from_law(out, m, m + d);
    out->mean_noise2 += share * e.mean_error2;
    out->variance_noise2 += share * e.cov_error2;
  }
  free(moments);
  return TR_OK;
}

void stat_law_free(stat_law *law) {
  free(law->mean);
  *law = (stat_law){0};
}

tr_status stat_law_compare(tr_ctx *ctx, const stat_law *law, const double *x, stat_moment_errors *out) {
  double *m = malloc((size_t)(2 * law->d) * sizeof *m);
  if (!m) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld moments", (long long)(2 * law->d));
  diagonal_moments(law->n, law->d, x, m, m + law->d);
  *out = from_law(law, m, m + law->d);
  out->mean_noise2 = law->mean_noise2;
  out->cov_noise2 = law->variance_noise2;
  free(m);
  return TR_OK;
}

int stat_ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void stat_direction(uint64_t seed, int number, int64_t d, double *u) {
  tr_random_address address = {.seed = seed, .purpose = TR_RANDOM_PROBE};
  double square = 0, z[2] = {0};
  for (int64_t i = 0; i < d; i++) {
    if (i % 2 == 0) tr_random_normal_pair(&address, (uint64_t)number, (uint32_t)(i / 2), z);
    u[i] = z[i % 2];
    square += u[i] * u[i];
  }
  for (int64_t i = 0; i < d; i++) u[i] /= sqrt(square);
}

static void project(int64_t n, int64_t d, const double *x, const double *u, double *out) {
  for (int64_t r = 0; r < n; r++) {
    out[r] = 0;
    for (int64_t i = 0; i < d; i++) out[r] += u[i] * x[r * d + i];
  }
  qsort(out, (size_t)n, sizeof *out, stat_ascending);
}

tr_status stat_sliced_w2(tr_ctx *ctx, int64_t n, int64_t d, const double *x, const double *y, int directions,
                         double *out) {
  double *u = malloc((size_t)(d + 2 * n) * sizeof *u), *a = u + d, *b = a + n, sum = 0;
  if (!u) return TR_FAIL(ctx, TR_E_MEM, "out of memory for projections of %lld points", (long long)n);
  if (d == 1) directions = 1;
  for (int k = 0; k < directions; k++) {
    stat_direction(0, k, d, u);
    project(n, d, x, u, a);
    project(n, d, y, u, b);
    for (int64_t r = 0; r < n; r++) sum += (a[r] - b[r]) * (a[r] - b[r]) / (double)n / directions;
  }
  free(u);
  *out = sqrt(sum);
  return TR_OK;
}

/* ---- the energy distance ---- */

static double distance(int64_t d, const double *a, const double *b) {
  return sqrt(distance2(d, a, b));
}

/* The mean distance between points of two sets. */
static double between(int64_t n, int64_t m, int64_t d, const double *x, const double *y) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    double of_point = 0;
    for (int64_t j = 0; j < m; j++) of_point += distance(d, x + i * d, y + j * d);
    sum += of_point / (double)m;
  }
  return sum / (double)n;
}

/* The mean distance between two different points of a set. */
static double within(int64_t n, int64_t d, const double *x) {
  double sum = 0;
  for (int64_t i = 1; i < n; i++) {
    double of_point = 0;
    for (int64_t j = 0; j < i; j++) of_point += distance(d, x + i * d, x + j * d);
    sum += of_point / (double)(n - 1);
  }
  return 2 * sum / (double)n;
}

tr_status stat_energy(tr_ctx *ctx, int64_t n, int64_t m, int64_t d, const double *x, const double *y,
                      double *out) {
  if (n < 2 || m < 2 || d < 1)
    return TR_FAIL(ctx, TR_E_ARG,
                   "an energy distance of %lld and %lld samples of %lld numbers: two each at least",
                   (long long)n, (long long)m, (long long)d);
  *out = 2 * between(n, m, d, x, y) - within(n, d, x) - within(m, d, y);
  return TR_OK;
}
