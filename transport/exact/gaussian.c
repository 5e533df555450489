#include "transport/exact/gaussian.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "transport/exact/symmetric_private.h"

/* ---- creation ---- */

tr_status tr_gaussian_axes(tr_ctx *ctx, int64_t n, const double *covariance, double *variance, double *axes) {
  TR_REQUIRE(ctx, covariance, variance, axes);
  if (n < 1) return TR_FAIL(ctx, TR_E_ARG, "a covariance of %lld elements: use at least one", (long long)n);
  double largest = 0;
  TR_TRY(tr_symmetric_eigen(ctx, n, covariance, variance, axes));
  for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(variance[i]));
  for (int64_t i = 0; i < n; i++) {
    if (variance[i] < -(double)n * DBL_EPSILON * largest)
      return TR_FAIL(ctx, TR_E_ARG, "a covariance has the eigenvalue %.6g: none may be below 0", variance[i]);
    variance[i] = fmax(variance[i], 0);
  }
  return TR_OK;
}

tr_status tr_gaussian_create(tr_ctx *ctx, int64_t n, const double *mean, const double *covariance,
                             tr_gaussian *out) {
  if (out) *out = (tr_gaussian){0};
  TR_REQUIRE(ctx, mean, covariance, out);
  if (n < 1) return TR_FAIL(ctx, TR_E_ARG, "a Gaussian of %lld elements: use at least one", (long long)n);
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(mean[i]))
      return TR_FAIL(ctx, TR_E_ARG, "entry %lld of the mean of a Gaussian is %g", (long long)i, mean[i]);
  double *block = malloc((size_t)(n * n + 2 * n) * sizeof *block);
  if (!block) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a Gaussian of %lld elements", (long long)n);
  *out = (tr_gaussian){n, block, block + n, block + 2 * n};
  memcpy(out->mean, mean, (size_t)n * sizeof *mean);
  tr_status status = tr_gaussian_axes(ctx, n, covariance, out->variance, out->axes);
  if (status != TR_OK) tr_gaussian_free(out);
  return status;
}

void tr_gaussian_free(tr_gaussian *g) {
  if (!g) return;
  free(g->mean);
  *g = (tr_gaussian){0};
}

/* ---- axes ---- */

void tr_gaussian_turn(const tr_gaussian *g, const double *x, double *out) {
  if (!g || !x || !out) return;
  for (int64_t i = 0; i < g->n; i++) {
    out[i] = g->axes ? 0 : x[i];
    for (int64_t j = 0; g->axes && j < g->n; j++) out[i] += g->axes[i * g->n + j] * x[j];
  }
}

void tr_gaussian_turn_back(const tr_gaussian *g, const double *x, double *out) {
  if (!g || !x || !out) return;
  if (!g->axes) {
    memcpy(out, x, (size_t)g->n * sizeof *x);
    return;
  }
  memset(out, 0, (size_t)g->n * sizeof *out);
  for (int64_t i = 0; i < g->n; i++)
    for (int64_t j = 0; j < g->n; j++) out[j] += g->axes[i * g->n + j] * x[i];
}

/* ---- p_t and the flow ---- */

static double variance_at(const tr_gaussian *g, const tr_coeffs *at, int64_t i) {
  return at->alpha * at->alpha * g->variance[i] + at->sigma * at->sigma;
}

/* Component (i, j) of axes' diag(d) axes with d = alpha^2 c + sigma^2. */
static double covariance_entry(const tr_gaussian *g, const tr_coeffs *at, int64_t i, int64_t j) {
  double sum = 0;
  if (!g->axes) return i == j ? variance_at(g, at, i) : 0;
  for (int64_t k = 0; k < g->n; k++)
    sum += g->axes[k * g->n + i] * variance_at(g, at, k) * g->axes[k * g->n + j];
  return sum;
}

void tr_gaussian_moments(const tr_gaussian *g, const tr_interpolant *interpolant, double t, double *mean,
                         double *covariance) {
  if (!g || !interpolant) return;
  tr_coeffs at = tr_interpolant_at(interpolant, t);
  for (int64_t i = 0; mean && i < g->n; i++) mean[i] = at.alpha * g->mean[i];
  for (int64_t i = 0; covariance && i < g->n; i++)
    for (int64_t j = 0; j < g->n; j++) covariance[i * g->n + j] = covariance_entry(g, &at, i, j);
}

static tr_status two_times(tr_ctx *ctx, const tr_gaussian *g, const tr_interpolant *interpolant, double s,
                           double t, tr_coeffs *from, tr_coeffs *to) {
  *from = tr_interpolant_at(interpolant, s);
  *to = tr_interpolant_at(interpolant, t);
  if (isnan(from->t) || isnan(to->t))
    return TR_FAIL(ctx, TR_E_ARG, "the flow from t = %g to t = %g: times lie between 0 (noise) and 1 (data)",
                   s, t);
  for (int64_t i = 0; i < g->n; i++)
    if (variance_at(g, from, i) == 0)
      return TR_FAIL(
          ctx, TR_E_ARG,
          "the flow of a Gaussian with a variance of 0 does not exist from t = %g, where sigma = 0", s);
  return TR_OK;
}

tr_status tr_gaussian_flow(tr_ctx *ctx, const tr_gaussian *g, const tr_interpolant *interpolant, double s,
                           double t, const double *x, double *out) {
  TR_REQUIRE(ctx, g, interpolant, x, out);
  tr_coeffs from, to;
  TR_TRY(two_times(ctx, g, interpolant, s, t, &from, &to));
  double *d = malloc((size_t)(2 * g->n) * sizeof *d), *z = d + g->n;
  if (!d) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld elements", (long long)g->n);
  for (int64_t i = 0; i < g->n; i++) d[i] = x[i] - from.alpha * g->mean[i];
  tr_gaussian_turn(g, d, z);
  for (int64_t i = 0; i < g->n; i++) z[i] *= sqrt(variance_at(g, &to, i) / variance_at(g, &from, i));
  tr_gaussian_turn_back(g, z, d);
  for (int64_t i = 0; i < g->n; i++) out[i] = to.alpha * g->mean[i] + d[i];
  free(d);
  return TR_OK;
}

tr_status tr_gaussian_log_determinant(tr_ctx *ctx, const tr_gaussian *g, const tr_interpolant *interpolant,
                                      double s, double t, double *out) {
  TR_REQUIRE(ctx, g, interpolant, out);
  tr_coeffs from, to;
  TR_TRY(two_times(ctx, g, interpolant, s, t, &from, &to));
  *out = 0;
  for (int64_t i = 0; i < g->n; i++) *out += log(variance_at(g, &to, i) / variance_at(g, &from, i)) / 2;
  return TR_OK;
}

/* ---- distances ---- */

static tr_status check_pair(tr_ctx *ctx, const tr_gaussian *a, const tr_gaussian *b) {
  if (a->n == b->n) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "Gaussians of %lld and %lld elements: they must agree", (long long)a->n,
                 (long long)b->n);
}

/* out (n, n) = the covariance of a in the axes of b. column: room for n. */
static void in_axes_of(const tr_gaussian *a, const tr_gaussian *b, double *out, double *column) {
  static const tr_coeffs target = {.alpha = 1};
  int64_t n = a->n;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) out[i * n + j] = covariance_entry(a, &target, i, j);
  for (int64_t i = 0; i < n; i++) { /* rows: C axes_b' */
    tr_gaussian_turn(b, out + i * n, column);
    memcpy(out + i * n, column, (size_t)n * sizeof *out);
  }
  for (int64_t j = 0; j < n; j++) { /* columns: axes_b (C axes_b') */
    double *x = column + n;
    for (int64_t i = 0; i < n; i++) x[i] = out[i * n + j];
    tr_gaussian_turn(b, x, column);
    for (int64_t i = 0; i < n; i++) out[i * n + j] = column[i];
  }
}

/* Room for two vectors and `matrices` matrices after them. */
static tr_status room(tr_ctx *ctx, int64_t n, int matrices, double **out) {
  *out = malloc((size_t)(2 * n + matrices * n * n) * sizeof **out);
  return *out ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld elements", (long long)n);
}

tr_status tr_gaussian_kl(tr_ctx *ctx, const tr_gaussian *a, const tr_gaussian *b, double *out) {
  TR_REQUIRE(ctx, a, b, out);
  int64_t n = a->n;
  double *work, sum = 0;
  TR_TRY(check_pair(ctx, a, b));
  for (int64_t i = 0; i < n; i++)
    if (b->variance[i] == 0)
      return TR_FAIL(ctx, TR_E_ARG, "KL to a Gaussian with a variance of 0, which has no density");
  TR_TRY(room(ctx, n, 1, &work));
  double *z = work, *d = work + n, *C = work + 2 * n;
  in_axes_of(a, b, C, work);
  for (int64_t i = 0; i < n; i++) d[i] = b->mean[i] - a->mean[i];
  tr_gaussian_turn(b, d, z);
  for (int64_t i = 0; i < n; i++)
    sum += (C[i * n + i] + z[i] * z[i]) / b->variance[i] - 1 + log(b->variance[i]) - log(a->variance[i]);
  *out = sum / 2;
  free(work);
  return TR_OK;
}

tr_status tr_gaussian_w2(tr_ctx *ctx, const tr_gaussian *a, const tr_gaussian *b, double *out) {
  TR_REQUIRE(ctx, a, b, out);
  int64_t n = a->n;
  double *work, square = 0;
  TR_TRY(check_pair(ctx, a, b));
  TR_TRY(room(ctx, n, 2, &work));
  double *values = work, *C = work + 2 * n, *axes = C + n * n;
  in_axes_of(a, b, C, work);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) {
      double scale = sqrt(b->variance[i]) * sqrt(b->variance[j]);
      C[i * n + j] = C[j * n + i] = scale * (C[i * n + j] / 2 + C[j * n + i] / 2);
    }
  tr_status status = tr_symmetric_eigen(ctx, n, C, values, axes);
  for (int64_t i = 0; status == TR_OK && i < n; i++) {
    double d = a->mean[i] - b->mean[i];
    square += d * d + a->variance[i] + b->variance[i] - 2 * sqrt(fmax(values[i], 0));
  }
  *out = sqrt(fmax(square, 0));
  free(work);
  return status;
}
