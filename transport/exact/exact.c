#include "transport/exact/exact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "transport/exact/exact_point_private.h"

typedef struct {
  tr_drift drift;
  tr_interpolant interpolant;
  tr_mixture mixture;
} exact;

/* ---- whole arrays ---- */

typedef struct {
  const exact *self;
  int64_t rows;
  int64_t probes;        /* R, 0: none */
  double *x, *w, *f, *J; /* (rows, n), (R, rows, n), (rows, n), (R, rows, n): one block, ... */
  double *v, *Jv;        /* ... and (n) each, for covectors that come one at a time */
  tr_exact_point point;
} host_copy;

static tr_status open_copy(const exact *self, const tr_array *x, const tr_array *w, host_copy *h) {
  int64_t rows = x->shape[0], n = self->mixture.n;
  if (x->count != rows * n)
    return TR_FAIL(x->ctx, TR_E_SHAPE, "the exact mixture has %lld elements a row, the state %lld",
                   (long long)n, (long long)(rows ? x->count / rows : 0));
  *h = (host_copy){.self = self, .rows = rows, .probes = !w ? 0 : x->count ? w->count / x->count : 1};
  h->x = malloc((size_t)((2 + 2 * h->probes) * x->count + 2 * n) * sizeof *h->x);
  if (!h->x) return TR_FAIL(x->ctx, TR_E_MEM, "out of memory for the exact mixture");
  h->w = h->x + x->count;
  h->f = h->w + h->probes * x->count;
  h->J = h->f + x->count;
  h->v = h->J + h->probes * x->count;
  h->Jv = h->v + n;
  TR_TRY(tr_exact_point_create(x->ctx, &self->mixture, &h->point));
  TR_TRY(tr_array_get_f64(x, h->x));
  return w ? tr_array_get_f64(w, h->w) : TR_OK;
}

enum { FIELD, TRANSPOSED, FORWARD };

/* Goes to a row and fills its f. */
static tr_status go_to(host_copy *h, tr_times times, int64_t row) {
  const exact *self = h->self;
  int64_t n = self->mixture.n;
  tr_coeffs at = tr_interpolant_at(&self->interpolant, times.t[times.n == 1 ? 0 : row]);
  TR_TRY(tr_exact_point_set(self->drift.ctx, &h->point, &at, h->x + row * n));
  tr_exact_point_field(&h->point, self->drift.kind, h->f + row * n);
  return TR_OK;
}

static tr_status compute(host_copy *h, tr_times times, int what) {
  const exact *self = h->self;
  int64_t n = self->mixture.n;
  for (int64_t row = 0; row < h->rows; row++) {
    TR_TRY(go_to(h, times, row));
    for (int64_t place = row * n, i = 0; i < h->probes; i++, place += h->rows * n)
      tr_exact_point_product(&h->point, self->drift.kind, what == TRANSPOSED, h->w + place, h->J + place);
  }
  return TR_OK;
}

static tr_status run(tr_drift *drift, tr_times times, const tr_array *x, const tr_array *w, int what,
                     tr_array *f, tr_array *J) {
  host_copy h = {0};
  tr_status status;
  TR_TRY_GOTO(status, open_copy(drift->impl, x, w, &h), done);
  TR_TRY_GOTO(status, compute(&h, times, what), done);
  if (f) TR_TRY_GOTO(status, tr_array_set_f64(f, h.f), done);
  if (J) TR_TRY_GOTO(status, tr_array_set_f64(J, h.J), done);
done:
  tr_exact_point_free(&h.point);
  free(h.x);
  return status;
}

static tr_status exact_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                            tr_array *f) {
  (void)cond;
  return run(drift, times, x, NULL, FIELD, f, NULL);
}

static tr_status exact_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                           const tr_array *w, tr_array *f, tr_array *wJ) {
  (void)cond;
  return run(drift, times, x, w, TRANSPOSED, f, wJ);
}

static tr_status exact_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                           const tr_array *v, tr_array *Jv) {
  (void)cond;
  return run(drift, times, x, v, FORWARD, NULL, Jv);
}

static tr_status row_product(host_copy *h, int64_t at, const tr_array *w, tr_array *wJ) {
  const int64_t n = h->self->mixture.n;
  tr_array in = tr_view(w, at, 1, &n), out = tr_view(wJ, at, 1, &n);
  TR_TRY(tr_array_get_f64(&in, h->v));
  tr_exact_point_product(&h->point, h->self->drift.kind, true, h->v, h->Jv);
  return tr_array_set_f64(&out, h->Jv);
}

/* All passes of a row before the next row: there is one point at a time. */
static tr_status row_passes(host_copy *h, int64_t row, const tr_drift_passes *passes) {
  int64_t n = h->self->mixture.n;
  for (int k = 0; k < passes->n; k++) {
    const tr_array *w = passes->w[k];
    if (k) TR_TRY(passes->next(passes->user, k, row, 1));
    for (int64_t r = 0; r < w->shape[0]; r++)
      TR_TRY(row_product(h, (r * h->rows + row) * n, w, passes->wJ[k]));
  }
  return TR_OK;
}

static tr_status exact_vjp_passes(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                  const tr_drift_passes *passes, tr_array *f) {
  host_copy h = {0};
  tr_status status;
  (void)cond;
  TR_TRY_GOTO(status, open_copy(drift->impl, x, NULL, &h), done);
  for (int64_t row = 0; row < h.rows; row++) {
    TR_TRY_GOTO(status, go_to(&h, times, row), done);
    TR_TRY_GOTO(status, row_passes(&h, row, passes), done);
  }
  status = tr_array_set_f64(f, h.f);
done:
  tr_exact_point_free(&h.point);
  free(h.x);
  return status;
}

static void exact_destroy(tr_drift *drift) {
  exact *self = drift->impl;
  free(self->mixture.log_weight);
  free(self);
}

static const tr_drift_ops ops = {.name = "exact mixture",
                                 .caps = TR_DRIFT_VJP | TR_DRIFT_JVP | TR_DRIFT_VJP_MULTI |
                                         TR_DRIFT_VJP_PASSES | TR_DRIFT_DETERMINISTIC,
                                 .eval = exact_eval,
                                 .vjp = exact_vjp,
                                 .jvp = exact_jvp,
                                 .vjp_multi = exact_vjp,
                                 .vjp_passes = exact_vjp_passes,
                                 .destroy = exact_destroy};

/* ---- creation ---- */

static tr_status check_parameters(tr_ctx *ctx, tr_quantity kind, int64_t n, int K, const double *weights,
                                  const double *means) {
  if (kind < TR_VELOCITY || kind > TR_CANONICAL)
    return TR_FAIL(ctx, TR_E_ARG, "an exact mixture of quantity %d: velocity to canonical are known",
                   (int)kind);
  if (n < 1 || K < 1)
    return TR_FAIL(ctx, TR_E_ARG, "an exact mixture of %d components with %lld elements: use at least one", K,
                   (long long)n);
  for (int k = 0; k < K; k++)
    if (!(weights[k] > 0 && isfinite(weights[k])))
      return TR_FAIL(ctx, TR_E_ARG, "weight %d of a mixture is %g: weights are positive", k, weights[k]);
  for (int64_t i = 0; i < K * n; i++)
    if (!isfinite(means[i]))
      return TR_FAIL(ctx, TR_E_ARG, "element %lld of a mixture has mean %g", (long long)i, means[i]);
  return TR_OK;
}

/* With weights and means; variances and axes are undefined. */
static tr_status create(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind, int64_t n, int K,
                        const double *weights, const double *means, bool full, exact **out) {
  *out = NULL;
  TR_TRY(tr_interpolant_check(ctx, interpolant));
  TR_TRY(check_parameters(ctx, kind, n, K, weights, means));
  size_t entries = (size_t)K * (size_t)n, of_axes = full ? entries * (size_t)n : 0;
  exact *self = calloc(1, sizeof *self);
  double *block = malloc(((size_t)K + 2 * entries + of_axes) * sizeof *block), sum = 0;
  if (!self || !block) {
    free(self);
    free(block);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for an exact mixture");
  }
  tr_mixture *m = &self->mixture;
  *m = (tr_mixture){n, K, block, block + K, block + (size_t)K + entries, NULL};
  if (full) m->axes = m->variance + entries;
  for (int k = 0; k < K; k++) sum += weights[k];
  for (int k = 0; k < K; k++) m->log_weight[k] = log(weights[k] / sum);
  memcpy(m->mean, means, entries * sizeof *means);
  self->interpolant = *interpolant;
  self->drift = (tr_drift){.ops = &ops, .ctx = ctx, .impl = self, .kind = kind, .null_class = -1};
  *out = self;
  return TR_OK;
}

tr_status tr_exact_create_mixture(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind, int64_t n,
                                  int K, const double *weights, const double *means, const double *variances,
                                  tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, interpolant, weights, means, variances, out);
  exact *self;
  for (int64_t i = 0; i < K * n; i++)
    if (!(variances[i] >= 0 && isfinite(variances[i])))
      return TR_FAIL(ctx, TR_E_ARG, "element %lld of a mixture has variance %g", (long long)i, variances[i]);
  TR_TRY(create(ctx, interpolant, kind, n, K, weights, means, false, &self));
  memcpy(self->mixture.variance, variances, (size_t)(K * n) * sizeof *variances);
  *out = &self->drift;
  return TR_OK;
}

tr_status tr_exact_create_mixture_full(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind,
                                       int64_t n, int K, const double *weights, const double *means,
                                       const double *covariances, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, interpolant, weights, means, covariances, out);
  exact *self;
  TR_TRY(create(ctx, interpolant, kind, n, K, weights, means, true, &self));
  tr_mixture *m = &self->mixture;
  tr_status status = TR_OK;
  for (int64_t k = 0; status == TR_OK && k < K; k++)
    status = tr_gaussian_axes(ctx, n, covariances + k * n * n, m->variance + k * n, m->axes + k * n * n);
  if (status == TR_OK)
    *out = &self->drift;
  else
    exact_destroy(&self->drift);
  return status;
}

tr_status tr_exact_create_gaussian(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind,
                                   int64_t n, const double *mean, const double *variance, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, interpolant, mean, variance, out);
  return tr_exact_create_mixture(ctx, interpolant, kind, n, 1, (const double[]){1}, mean, variance, out);
}

tr_status tr_exact_create_gaussian_full(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind,
                                        int64_t n, const double *mean, const double *covariance,
                                        tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, interpolant, mean, covariance, out);
  return tr_exact_create_mixture_full(ctx, interpolant, kind, n, 1, (const double[]){1}, mean, covariance,
                                      out);
}

/* ---- one point ---- */

/* tr_exact_point_free in any case. */
static tr_status open_point(const tr_drift *drift, tr_quantity quantity, double t, const double *x,
                            tr_exact_point *out) {
  *out = (tr_exact_point){0};
  if (drift->ops != &ops)
    return TR_FAIL(drift->ctx, TR_E_ARG, "the density of %s is not known exactly", drift->ops->name);
  if (quantity < TR_VELOCITY || quantity > TR_CANONICAL)
    return TR_FAIL(drift->ctx, TR_E_ARG, "quantity %d of an exact mixture: velocity to canonical are known",
                   (int)quantity);
  const exact *self = drift->impl;
  tr_coeffs at = tr_interpolant_at(&self->interpolant, t);
  if (isnan(at.t))
    return TR_FAIL(drift->ctx, TR_E_ARG, "t = %g: times lie between 0 (noise) and 1 (data)", t);
  TR_TRY(tr_exact_point_create(drift->ctx, &self->mixture, out));
  return tr_exact_point_set(drift->ctx, out, &at, x);
}

tr_status tr_exact_log_density(const tr_drift *drift, double t, const double *x, double *out) {
  TR_REQUIRE(TR_CTX_OF(drift), drift, x, out);
  tr_exact_point point;
  tr_status status = open_point(drift, TR_SCORE, t, x, &point);
  if (status == TR_OK) *out = point.log_density;
  tr_exact_point_free(&point);
  return status;
}

tr_status tr_exact_field(const tr_drift *drift, tr_quantity quantity, double t, const double *x,
                         double *out) {
  TR_REQUIRE(TR_CTX_OF(drift), drift, x, out);
  tr_exact_point point;
  tr_status status = open_point(drift, quantity, t, x, &point);
  if (status == TR_OK) tr_exact_point_field(&point, quantity, out);
  tr_exact_point_free(&point);
  return status;
}

tr_status tr_exact_divergence(const tr_drift *drift, tr_quantity quantity, double t, const double *x,
                              double *out) {
  TR_REQUIRE(TR_CTX_OF(drift), drift, x, out);
  tr_exact_point point;
  tr_status status = open_point(drift, quantity, t, x, &point);
  if (status == TR_OK) *out = tr_exact_point_divergence(&point, quantity);
  tr_exact_point_free(&point);
  return status;
}

tr_status tr_exact_product(const tr_drift *drift, tr_quantity quantity, bool transposed, double t,
                           const double *x, const double *w, double *out) {
  TR_REQUIRE(TR_CTX_OF(drift), drift, x, w, out);
  tr_exact_point point;
  tr_status status = open_point(drift, quantity, t, x, &point);
  if (status == TR_OK) tr_exact_point_product(&point, quantity, transposed, w, out);
  tr_exact_point_free(&point);
  return status;
}
