#include "experiments/evaluate/metrics/frechet.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/evaluate/metrics/bootstrap.h"
#include "experiments/evaluate/metrics/lapack.h"
#include "experiments/evaluate/metrics/products.h"

/* S = F F', F' as rank rows of d. From eigenvectors, row i is sqrt(lambda_i) q_i; else the rows are the
 * centred samples over sqrt(n - 1). */
typedef struct {
  int64_t rank, d;
  double *rows;        /* (rank, d) */
  double *eigenvalues; /* (rank), or NULL: of samples */
} factor;

static void free_factor(factor *f) {
  free(f->rows);
  free(f->eigenvalues);
  *f = (factor){0};
}

static tr_status no_memory(tr_ctx *ctx, int64_t d) {
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for the Frechet distance of %lld features", (long long)d);
}

static void scale_row(int64_t d, double by, const double *from, double *to) {
  for (int64_t k = 0; k < d; k++) to[k] = by * from[k];
}

static tr_status factor_of_samples(tr_ctx *ctx, const metric_gaussian *g, factor *f) {
  f->rank = g->n;
  f->rows = malloc((size_t)(g->n * g->d) * sizeof *f->rows);
  if (!f->rows) return no_memory(ctx, g->d);
  scale_row(g->n * g->d, 1 / sqrt((double)(g->n - 1)), g->centred, f->rows);
  return TR_OK;
}

/* What rounding leaves below 0 is small, of f32 too: else there are no samples of which it is. */
static tr_status check_eigenvalues(tr_ctx *ctx, int64_t d, const double *ascending) {
  if (ascending[0] >= -1e-3 * fmax(ascending[d - 1], 0)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "a covariance of %lld features with an eigenvalue of %g: all are at least 0",
                 (long long)d, ascending[0]);
}

/* Ascending eigenvalues: those kept are the last ones, and move to the front. */
static tr_status factor_of_covariance(tr_ctx *ctx, const metric_gaussian *g, factor *f) {
  const int64_t d = g->d;
  f->rows = malloc((size_t)(d * d) * sizeof *f->rows);
  f->eigenvalues = malloc((size_t)d * sizeof *f->eigenvalues);
  if (!f->rows || !f->eigenvalues) return no_memory(ctx, d);
  memcpy(f->rows, g->cov, (size_t)(d * d) * sizeof *f->rows);
  TR_TRY(lapack_eigen(ctx, d, f->rows, f->eigenvalues));
  TR_TRY(check_eigenvalues(ctx, d, f->eigenvalues));
  const double least = (double)d * DBL_EPSILON * fmax(f->eigenvalues[d - 1], 0);
  for (int64_t i = 0; i < d; i++)
    if (f->eigenvalues[i] > least) {
      const double value = f->eigenvalues[i];
      scale_row(d, sqrt(value), f->rows + i * d, f->rows + f->rank * d);
      f->eigenvalues[f->rank++] = value;
    }
  return TR_OK;
}

static tr_status factor_of(tr_ctx *ctx, const metric_gaussian *g, factor *f) {
  *f = (factor){.d = g->d};
  return g->centred ? factor_of_samples(ctx, g, f) : factor_of_covariance(ctx, g, f);
}

static tr_status check_features(tr_ctx *ctx, int64_t a, int64_t b) {
  if (a == b) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "a Frechet distance between %lld and %lld features: they must be the same",
                 (long long)a, (long long)b);
}

/* Those of two sides; freed by the caller, whatever the outcome. */
static tr_status factor_both(tr_ctx *ctx, const metric_gaussian *a, const metric_gaussian *b, factor f[2]) {
  f[0] = f[1] = (factor){0};
  TR_TRY(check_features(ctx, a->d, b->d));
  TR_TRY(factor_of(ctx, a, &f[0]));
  return factor_of(ctx, b, &f[1]);
}

/* F1' F2 = U diag(sigma) V'. */
typedef struct {
  const factor *f[2]; /* borrowed */
  int64_t k;
  double *sigma;      /* (k) */
  double *vectors[2]; /* (rank1, k) and (k, rank2), or NULL */
} coupling;

static void free_coupling(coupling *c) {
  free(c->vectors[0]);
  free(c->vectors[1]);
  free(c->sigma);
}

static tr_status couple(tr_ctx *ctx, const factor *a, const factor *b, bool vectors, coupling *c) {
  const int64_t r1 = a->rank, r2 = b->rank, d = a->d;
  *c = (coupling){.f = {a, b}, .k = r1 < r2 ? r1 : r2};
  c->sigma = calloc((size_t)c->k + 1, sizeof *c->sigma);
  if (vectors) {
    c->vectors[0] = malloc((size_t)(r1 * c->k + 1) * sizeof(double));
    c->vectors[1] = malloc((size_t)(r2 * c->k + 1) * sizeof(double));
  }
  double *product = malloc((size_t)(r1 * r2 + 1) * sizeof *product);
  const bool room = c->sigma && product && (!vectors || (c->vectors[0] && c->vectors[1]));
  tr_status status =
      room ? metric_multiply(ctx, r1, a->rows, r2, d, b->rows, false, product) : no_memory(ctx, d);
  if (status == TR_OK && c->k > 0)
    status = lapack_singular(ctx, r1, r2, product, c->sigma, c->vectors[0], c->vectors[1]);
  free(product);
  return status;
}

static double trace(const metric_gaussian *g) {
  double sum = 0;
  for (int64_t i = 0; i < g->d; i++) sum += g->cov[i * g->d + i];
  return sum;
}

static tr_status distance_of(tr_ctx *ctx, const metric_gaussian *a, const metric_gaussian *b,
                             const coupling *c, double *out) {
  double means = 0, cross = 0;
  for (int64_t i = 0; i < a->d; i++) means += (a->mean[i] - b->mean[i]) * (a->mean[i] - b->mean[i]);
  for (int64_t i = c->k; i-- > 0;) cross += c->sigma[i];
  const double value = means + (trace(a) + trace(b) - 2 * cross);
  *out = value < 0 ? 0 : value; /* rounding may take the distance of a set to itself below */
  if (isfinite(value)) return TR_OK;
  return TR_FAIL(ctx, TR_E_NONFINITE,
                 "the Frechet distance of %lld features overflows: means or covariances are too large",
                 (long long)a->d);
}

static tr_status distance_by(tr_ctx *ctx, const metric_gaussian *a, const factor *of_a,
                             const metric_gaussian *b, const factor *of_b, double *out) {
  coupling c;
  tr_status status = couple(ctx, of_a, of_b, false, &c);
  if (status == TR_OK) status = distance_of(ctx, a, b, &c, out);
  free_coupling(&c);
  return status;
}

tr_status metric_frechet(tr_ctx *ctx, const metric_gaussian *a, const metric_gaussian *b, double *out) {
  factor f[2];
  tr_status status = factor_both(ctx, a, b, f);
  if (status == TR_OK) status = distance_by(ctx, a, &f[0], b, &f[1], out);
  free_factor(&f[0]);
  free_factor(&f[1]);
  return status;
}

/* ---- effects of rows ----
 * With x - m = F z, (x - m)' T (x - m) = sum over k of sigma_k (u_k' z)^2, where u_k are the singular vectors
 * of this side. */

/* Component j of singular vector k of a side. */
static double component(const coupling *c, int side, int64_t j, int64_t k) {
  return side == 0 ? c->vectors[0][j * c->k + k] : c->vectors[1][k * c->f[1]->rank + j];
}

/* Of sample i itself z = sqrt(n - 1) e_i. */
static void moved_of_samples(const coupling *c, int side, double *moved) {
  const int64_t n = c->f[side]->rank;
  for (int64_t i = 0; i < n; i++) {
    moved[i] = 0;
    for (int64_t k = 0; k < c->k; k++) moved[i] += c->sigma[k] * pow(component(c, side, i, k), 2);
    moved[i] *= (double)(n - 1);
  }
}

static void add_squares(void *user, int64_t i, int64_t first, int64_t n, const double *products) {
  double *sums = user, sum = 0;
  (void)first;
  for (int64_t k = 0; k < n; k++) sum += products[k] * products[k];
  sums[i] += sum;
}

/* Else z = diag(1 / lambda) F' (x - m): rows w_k = sqrt(sigma_k) sum over j of u_jk / lambda_j F'_j, and the
 * sum of (w_k' (x - m))^2. */
static tr_status moved_of_rows(tr_ctx *ctx, const coupling *c, int side, const metric_gaussian *g,
                               const metric_rows *rows, double *moved) {
  const factor *f = c->f[side];
  double *u = malloc((size_t)(c->k * f->rank + 1) * sizeof *u),
         *w = malloc((size_t)(c->k * f->d + 1) * sizeof *w);
  for (int64_t k = 0; u && k < c->k; k++)
    for (int64_t j = 0; j < f->rank; j++)
      u[k * f->rank + j] = sqrt(c->sigma[k]) * component(c, side, j, k) / f->eigenvalues[j];
  tr_status status =
      u && w ? metric_multiply(ctx, c->k, u, f->rank, f->d, f->rows, true, w) : no_memory(ctx, f->d);
  free(u);
  const metric_rows directions = {"", c->k, f->d, TR_F64, w};
  const metric_chosen x = {rows, rows->n, NULL, g->mean}, y = {&directions, c->k, NULL, NULL};
  memset(moved, 0, (size_t)rows->n * sizeof *moved);
  if (status == TR_OK) status = metric_products(ctx, &x, &y, false, add_squares, moved);
  free(w);
  return status;
}

/* effect_i = (2 (m - other)'(x - m) + |x - m|^2 - moved_i) / n, in the place of moved. */
static tr_status finish_effects(tr_ctx *ctx, const metric_gaussian *g, const double *other,
                                const metric_rows *rows, double *moved) {
  double *row = malloc((size_t)g->d * sizeof *row);
  if (!row) return no_memory(ctx, g->d);
  for (int64_t i = 0; i < rows->n; i++) {
    double sum = 0;
    metric_rows_get(rows, i, 1, row);
    for (int64_t k = 0; k < g->d; k++) {
      const double x = row[k] - g->mean[k];
      sum += x * (2 * (g->mean[k] - other[k]) + x);
    }
    moved[i] = (sum - moved[i]) / (double)rows->n;
  }
  free(row);
  return TR_OK;
}

static tr_status add_side(tr_ctx *ctx, const coupling *c, int side, const metric_gaussian *g,
                          const metric_gaussian *other, const metric_rows *rows, metric_bootstrap *boot) {
  double *effect = malloc((size_t)rows->n * sizeof *effect);
  if (!effect) return no_memory(ctx, g->d);
  tr_status status = TR_OK;
  if (g->centred)
    moved_of_samples(c, side, effect);
  else
    status = moved_of_rows(ctx, c, side, g, rows, effect);
  if (status == TR_OK) status = finish_effects(ctx, g, other->mean, rows, effect);
  if (status == TR_OK) metric_bootstrap_add(boot, rows->n, effect);
  free(effect);
  return status;
}

tr_status metric_frechet_interval(tr_ctx *ctx, const metric_gaussian *a, const metric_rows *rows_a,
                                  const metric_gaussian *b, const metric_rows *rows_b, uint64_t seed,
                                  metric_value *out) {
  factor f[2];
  coupling c = {0};
  double value;
  metric_bootstrap boot = {.seed = seed};
  tr_status status = factor_both(ctx, a, b, f);
  if (status == TR_OK) status = couple(ctx, &f[0], &f[1], rows_a || rows_b, &c);
  if (status == TR_OK && rows_a) status = add_side(ctx, &c, 0, a, b, rows_a, &boot);
  if (status == TR_OK && rows_b) status = add_side(ctx, &c, 1, b, a, rows_b, &boot);
  if (status == TR_OK) status = distance_of(ctx, a, b, &c, &value);
  if (status == TR_OK) {
    *out = metric_bootstrap_interval(&boot, value);
    out->low = fmin(out->value, fmax(out->low, 0));
    if (!rows_a && !rows_b) out->low = out->high = NAN;
  }
  free_coupling(&c);
  free_factor(&f[0]);
  free_factor(&f[1]);
  return status;
}

/* ---- what more samples would show ---- */

static tr_status distance_of_first(tr_ctx *ctx, const metric_rows *rows, int64_t n,
                                   const metric_gaussian *reference, const factor *of_reference,
                                   double *out) {
  const metric_rows part = metric_rows_part(rows, 0, n);
  metric_gaussian g;
  factor f = {0};
  tr_status status = metric_gaussian_of(ctx, &part, &g);
  if (status == TR_OK) status = factor_of(ctx, &g, &f);
  if (status == TR_OK) status = distance_by(ctx, &g, &f, reference, of_reference, out);
  free_factor(&f);
  metric_gaussian_free(&g);
  return status;
}

tr_status metric_frechet_at(tr_ctx *ctx, const metric_rows *rows, const metric_gaussian *reference, int count,
                            const int64_t *n, double *out) {
  for (int i = 0; i < count; i++)
    if (n[i] > rows->n)
      return TR_FAIL(ctx, TR_E_ARG, "%s: a distance of the first %lld samples, there are %lld", rows->name,
                     (long long)n[i], (long long)rows->n);
  TR_TRY(check_features(ctx, rows->d, reference->d));
  factor of_reference;
  tr_status status = factor_of(ctx, reference, &of_reference);
  for (int i = 0; i < count && status == TR_OK; i++)
    status = distance_of_first(ctx, rows, n[i], reference, &of_reference, &out[i]);
  free_factor(&of_reference);
  return status;
}

tr_status metric_frechet_limit(tr_ctx *ctx, int count, const int64_t *n, const double *values, double *out) {
  double x_mean = 0, y_mean = 0, xx = 0, xy = 0;
  for (int i = 0; i < count; i++) x_mean += 1 / (double)n[i] / count, y_mean += values[i] / count;
  for (int i = 0; i < count; i++) {
    const double x = 1 / (double)n[i] - x_mean;
    xx += x * x, xy += x * (values[i] - y_mean);
  }
  if (!(xx > 0))
    return TR_FAIL(ctx, TR_E_ARG, "a line through %d numbers of samples: two different ones are needed",
                   count);
  *out = y_mean - xy / xx * x_mean;
  return TR_OK;
}
