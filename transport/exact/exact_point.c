#include "transport/exact/exact_point_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static tr_gaussian component(const tr_mixture *m, int k) {
  int64_t n = m->n;
  return (tr_gaussian){n, m->mean + k * n, m->variance + k * n, m->axes ? m->axes + k * n * n : NULL};
}

static double variance_at(const tr_coeffs *at, double variance) {
  return at->alpha * at->alpha * variance + at->sigma * at->sigma;
}

tr_status tr_exact_point_create(tr_ctx *ctx, const tr_mixture *mixture, tr_exact_point *out) {
  size_t n = (size_t)mixture->n, K = (size_t)mixture->K;
  *out = (tr_exact_point){.mixture = mixture, .r = malloc((K + K * n + 5 * n) * sizeof(double))};
  if (!out->r) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the exact mixture");
  out->z = out->r + K;
  out->score = out->z + K * n;
  out->u = out->score + n;
  out->h = out->u + n;
  out->p = out->h + n;
  out->q = out->p + n;
  return TR_OK;
}

void tr_exact_point_free(tr_exact_point *point) {
  free(point->r);
  *point = (tr_exact_point){0};
}

static tr_status check_exists(tr_ctx *ctx, const tr_mixture *m, const tr_coeffs *at) {
  if (at->sigma > 0) return TR_OK;
  for (int64_t i = 0; i < m->K * m->n; i++)
    if (m->variance[i] == 0)
      return TR_FAIL(ctx, TR_E_ARG,
                     "the exact field of a mixture with a variance of 0 does not exist at t = %g, where "
                     "sigma = 0",
                     at->t);
  return TR_OK;
}

/* Distances z, responsibilities r and the log-density. */
static void find_components(tr_exact_point *point, const double *x) {
  const tr_mixture *m = point->mixture;
  double best = -INFINITY, sum = 0, *r = point->r;
  for (int k = 0; k < m->K; k++) {
    tr_gaussian g = component(m, k);
    double log_density = m->log_weight[k], *z = point->z + k * m->n;
    for (int64_t i = 0; i < m->n; i++) point->p[i] = x[i] - point->at.alpha * g.mean[i];
    tr_gaussian_turn(&g, point->p, z);
    for (int64_t i = 0; i < m->n; i++) {
      double V = variance_at(&point->at, g.variance[i]);
      log_density -= (z[i] * z[i] / V + log(2 * TR_PI * V)) / 2;
    }
    r[k] = log_density;
    best = fmax(best, log_density);
  }
  for (int k = 0; k < m->K; k++) sum += r[k] = exp(r[k] - best);
  for (int k = 0; k < m->K; k++) r[k] /= sum;
  point->log_density = best + log(sum);
}

/* u (n) of component k. */
static void component_field(tr_exact_point *point, recipe q, int k, double *u) {
  tr_gaussian g = component(point->mixture, k);
  const double *z = point->z + k * g.n;
  for (int64_t i = 0; i < g.n; i++)
    point->p[i] = (q.B * g.variance[i] + q.G) * z[i] / variance_at(&point->at, g.variance[i]);
  tr_gaussian_turn_back(&g, point->p, u);
  for (int64_t i = 0; i < g.n; i++) u[i] += q.A * g.mean[i];
}

static void sum_field(tr_exact_point *point, recipe q, double *f) {
  const tr_mixture *m = point->mixture;
  memset(f, 0, (size_t)m->n * sizeof *f);
  for (int k = 0; k < m->K; k++) {
    component_field(point, q, k, point->u);
    for (int64_t i = 0; i < m->n; i++) f[i] += point->r[k] * point->u[i];
  }
}

tr_status tr_exact_point_set(tr_ctx *ctx, tr_exact_point *point, const tr_coeffs *at, const double *x) {
  TR_TRY(check_exists(ctx, point->mixture, at));
  point->at = *at;
  point->has_score = false;
  find_components(point, x);
  return TR_OK;
}

void tr_exact_point_field(tr_exact_point *point, tr_quantity kind, double *f) {
  sum_field(point, recipe_of(kind, &point->at), f);
}

static void need_score(tr_exact_point *point) {
  if (!point->has_score) sum_field(point, recipe_of(TR_SCORE, &point->at), point->score);
  point->has_score = true;
}

/* u and h of component k. */
static void component_pair(tr_exact_point *point, recipe q, int k) {
  component_field(point, recipe_of(TR_SCORE, &point->at), k, point->h);
  for (int64_t i = 0; i < point->mixture->n; i++) point->h[i] -= point->score[i];
  component_field(point, q, k, point->u);
}

static double dot(int64_t n, const double *a, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

double tr_exact_point_divergence(tr_exact_point *point, tr_quantity kind) {
  const tr_mixture *m = point->mixture;
  recipe q = recipe_of(kind, &point->at);
  double trace = 0;
  need_score(point);
  for (int k = 0; k < m->K; k++) {
    const double *c = m->variance + k * m->n;
    component_pair(point, q, k);
    double own = dot(m->n, point->u, point->h);
    for (int64_t i = 0; i < m->n; i++) own += (q.B * c[i] + q.G) / variance_at(&point->at, c[i]);
    trace += point->r[k] * own;
  }
  return trace;
}

void tr_exact_point_product(tr_exact_point *point, tr_quantity kind, bool transposed, const double *w,
                            double *out) {
  const tr_mixture *m = point->mixture;
  recipe q = recipe_of(kind, &point->at);
  memset(out, 0, (size_t)m->n * sizeof *out);
  need_score(point);
  for (int k = 0; k < m->K; k++) {
    tr_gaussian g = component(m, k);
    component_pair(point, q, k);
    const double *left = transposed ? point->h : point->u, *right = transposed ? point->u : point->h;
    double along = dot(m->n, right, w);
    tr_gaussian_turn(&g, w, point->p);
    for (int64_t i = 0; i < m->n; i++)
      point->p[i] *= (q.B * g.variance[i] + q.G) / variance_at(&point->at, g.variance[i]);
    tr_gaussian_turn_back(&g, point->p, point->q);
    for (int64_t i = 0; i < m->n; i++) out[i] += point->r[k] * (point->q[i] + along * left[i]);
  }
}
