#include "transport/exact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "transport/prediction.h"

typedef struct {
  tr_drift drift;
  tr_interpolant interpolant;
  int64_t n;
  int K;
  double *log_weight, *mean, *variance; /* (K), (K, n), (K, n), one block */
} mixture;

/* Every quantity is sum_k r_k u_k with u_k = A mu_k + (B c_k + G) d_k / V_k. */
typedef struct {
  double A, B, G;
} recipe;

static recipe recipe_of(tr_quantity kind, const tr_coeffs *at) {
  double sine = at->alpha / at->c, cosine = at->sigma / at->c;
  switch (kind) {
  case TR_DENOISER:
    return (recipe){1, at->alpha, 0};
  case TR_NOISE:
    return (recipe){0, 0, at->sigma};
  case TR_SCORE:
    return (recipe){0, 0, -1};
  case TR_CANONICAL:
    return (recipe){cosine, cosine * at->alpha, -sine * at->sigma};
  default:
    return (recipe){at->dalpha, at->alpha * at->dalpha, at->sigma_dsigma};
  }
}

static double variance_at(const mixture *g, const tr_coeffs *at, int64_t i) {
  return at->alpha * at->alpha * g->variance[i] + at->sigma * at->sigma;
}

/* r (K): responsibilities of the components at x; returns ln p_t(x). */
static double responsibilities(const mixture *g, const tr_coeffs *at, const double *x, double *r) {
  double best = -INFINITY, sum = 0;
  for (int k = 0; k < g->K; k++) {
    double log_density = g->log_weight[k];
    for (int64_t i = 0; i < g->n; i++) {
      double V = variance_at(g, at, k * g->n + i), d = x[i] - at->alpha * g->mean[k * g->n + i];
      log_density -= (d * d / V + log(2 * TR_PI * V)) / 2;
    }
    r[k] = log_density;
    best = fmax(best, log_density);
  }
  for (int k = 0; k < g->K; k++) sum += r[k] = exp(r[k] - best);
  for (int k = 0; k < g->K; k++) r[k] /= sum;
  return best + log(sum);
}

static double u_of(const mixture *g, const tr_coeffs *at, recipe q, int64_t ki, double x) {
  double d = x - at->alpha * g->mean[ki];
  return q.A * g->mean[ki] + (q.B * g->variance[ki] + q.G) * d / variance_at(g, at, ki);
}

static void field_row(const mixture *g, const tr_coeffs *at, recipe q, const double *x, const double *r,
                      double *f) {
  for (int64_t i = 0; i < g->n; i++) {
    f[i] = 0;
    for (int k = 0; k < g->K; k++) f[i] += r[k] * u_of(g, at, q, k * g->n + i, x[i]);
  }
}

/* The Jacobian is J_ij = sum_k r_k (kappa_ki delta_ij + u_ki h_kj) with kappa = (B c + G) / V and
 * h_k = grad ln r_k = -d_k / V_k - s. out = J' w (transposed) or J w. */
static void jacobian_row(const mixture *g, const tr_coeffs *at, recipe q, bool transposed, const double *x,
                         const double *r, const double *score, const double *w, double *out) {
  memset(out, 0, (size_t)g->n * sizeof *out);
  for (int k = 0; k < g->K; k++) {
    double dot = 0;
    for (int64_t i = 0; i < g->n; i++) {
      int64_t ki = k * g->n + i;
      double h = -(x[i] - at->alpha * g->mean[ki]) / variance_at(g, at, ki) - score[i];
      dot += w[i] * (transposed ? u_of(g, at, q, ki, x[i]) : h);
    }
    for (int64_t i = 0; i < g->n; i++) {
      int64_t ki = k * g->n + i;
      double V = variance_at(g, at, ki), h = -(x[i] - at->alpha * g->mean[ki]) / V - score[i];
      double kappa = (q.B * g->variance[ki] + q.G) / V;
      out[i] += r[k] * (kappa * w[i] + dot * (transposed ? h : u_of(g, at, q, ki, x[i])));
    }
  }
}

/* ---- whole arrays ---- */

typedef struct {
  const mixture *g;
  int64_t rows;
  int64_t probes; /* R, 0: none */
  double *x, *w, *f, *J, *r,
      *score; /* (rows, n), (R, rows, n), (rows, n), (R, rows, n), (K), (n): one block */
} host_copy;

static tr_status open_copy(const mixture *g, const tr_array *x, const tr_array *w, host_copy *h) {
  int64_t rows = x->shape[0];
  if (x->count != rows * g->n)
    return TR_FAIL(x->ctx, TR_E_SHAPE, "the exact mixture has %lld elements a row, the state %lld",
                   (long long)g->n, (long long)(rows ? x->count / rows : 0));
  *h = (host_copy){.g = g, .rows = rows, .probes = !w ? 0 : x->count ? w->count / x->count : 1};
  h->x = malloc((size_t)((2 + 2 * h->probes) * x->count + g->K + g->n) * sizeof *h->x);
  if (!h->x) return TR_FAIL(x->ctx, TR_E_MEM, "out of memory for the exact mixture");
  h->w = h->x + x->count;
  h->f = h->w + h->probes * x->count;
  h->J = h->f + x->count;
  h->r = h->J + h->probes * x->count;
  h->score = h->r + g->K;
  TR_TRY(tr_array_get_f64(x, h->x));
  return w ? tr_array_get_f64(w, h->w) : TR_OK;
}

static tr_status check_exists(const mixture *g, const tr_coeffs *at) {
  if (at->sigma > 0) return TR_OK;
  for (int64_t i = 0; i < g->K * g->n; i++)
    if (g->variance[i] == 0)
      return TR_FAIL(g->drift.ctx, TR_E_ARG,
                     "the exact field of a mixture with a variance of 0 does not exist at t = %g, where "
                     "sigma = 0",
                     at->t);
  return TR_OK;
}

enum { FIELD, TRANSPOSED, FORWARD };

static tr_status compute(host_copy *h, tr_times times, int what) {
  const mixture *g = h->g;
  for (int64_t row = 0; row < h->rows; row++) {
    tr_coeffs at = tr_interpolant_at(&g->interpolant, times.t[times.n == 1 ? 0 : row]);
    TR_TRY(check_exists(g, &at));
    recipe q = recipe_of(g->drift.kind, &at);
    const double *x = h->x + row * g->n;
    responsibilities(g, &at, x, h->r);
    field_row(g, &at, q, x, h->r, h->f + row * g->n);
    if (what == FIELD) continue;
    field_row(g, &at, recipe_of(TR_SCORE, &at), x, h->r, h->score);
    for (int64_t place = row * g->n, i = 0; i < h->probes; i++, place += h->rows * g->n)
      jacobian_row(g, &at, q, what == TRANSPOSED, x, h->r, h->score, h->w + place, h->J + place);
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

static void exact_destroy(tr_drift *drift) {
  mixture *g = drift->impl;
  free(g->log_weight);
  free(g);
}

static const tr_drift_ops ops = {.name = "exact mixture",
                                 .caps = TR_DRIFT_VJP | TR_DRIFT_JVP | TR_DRIFT_VJP_MULTI |
                                         TR_DRIFT_DETERMINISTIC,
                                 .eval = exact_eval,
                                 .vjp = exact_vjp,
                                 .jvp = exact_jvp,
                                 .vjp_multi = exact_vjp,
                                 .destroy = exact_destroy};

/* ---- creation ---- */

static tr_status check_parameters(tr_ctx *ctx, tr_quantity kind, int64_t n, int K, const double *weights,
                                  const double *means, const double *variances) {
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
    if (!isfinite(means[i]) || !(variances[i] >= 0 && isfinite(variances[i])))
      return TR_FAIL(ctx, TR_E_ARG, "element %lld of a mixture has mean %g and variance %g", (long long)i,
                     means[i], variances[i]);
  return TR_OK;
}

tr_status tr_exact_create_mixture(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind, int64_t n,
                                  int K, const double *weights, const double *means, const double *variances,
                                  tr_drift **out) {
  *out = NULL;
  TR_TRY(check_parameters(ctx, kind, n, K, weights, means, variances));
  size_t entries = (size_t)K * (size_t)n;
  mixture *g = calloc(1, sizeof *g);
  double *block = malloc(((size_t)K + 2 * entries) * sizeof *block), sum = 0;
  if (!g || !block) {
    free(g);
    free(block);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for an exact mixture");
  }
  *g = (mixture){.interpolant = *interpolant,
                 .n = n,
                 .K = K,
                 .log_weight = block,
                 .mean = block + K,
                 .variance = block + (size_t)K + entries};
  for (int k = 0; k < K; k++) sum += weights[k];
  for (int k = 0; k < K; k++) g->log_weight[k] = log(weights[k] / sum);
  memcpy(g->mean, means, entries * sizeof *means);
  memcpy(g->variance, variances, entries * sizeof *variances);
  g->drift = (tr_drift){.ops = &ops, .ctx = ctx, .impl = g, .kind = kind, .null_class = -1};
  *out = &g->drift;
  return TR_OK;
}

tr_status tr_exact_create_gaussian(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind,
                                   int64_t n, const double *mean, const double *variance, tr_drift **out) {
  return tr_exact_create_mixture(ctx, interpolant, kind, n, 1, (const double[]){1}, mean, variance, out);
}

tr_status tr_exact_log_density(const tr_drift *drift, double t, const double *x, double *out) {
  const mixture *g = drift->impl;
  if (drift->ops != &ops)
    return TR_FAIL(drift->ctx, TR_E_ARG, "the density of %s is not known exactly", drift->ops->name);
  tr_coeffs at = tr_interpolant_at(&g->interpolant, t);
  if (isnan(at.t))
    return TR_FAIL(drift->ctx, TR_E_ARG, "t = %g: times lie between 0 (noise) and 1 (data)", t);
  TR_TRY(check_exists(g, &at));
  double *r = malloc((size_t)g->K * sizeof *r);
  if (!r) return TR_FAIL(drift->ctx, TR_E_MEM, "out of memory for a density");
  *out = responsibilities(g, &at, x, r);
  free(r);
  return TR_OK;
}
