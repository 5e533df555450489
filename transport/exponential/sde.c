#include "transport/exponential/sde_private.h"

#include <math.h>
#include <string.h>

#include "transport/exact/quadrature_private.h"

#define PANELS (TR_EXPONENTIAL_SDE_NODES / TR_GAUSS_NODES)
/* A polynomial goes no further back than this many relaxation times of the noise, int kappa dlambda: beyond
 * them the state, and its denoiser with it, is another one, and to extrapolate it grows its variance. */
#define MEMORY 2.0

const tr_exponential_sde *tr_exponential_sde_of(const tr_sde_method *method) {
  return method->caps & TR_SDE_OF_PROBLEM ? method->detail : NULL;
}

static tr_coeffs coeffs_at(const tr_exponential_walk *walk, double t) {
  return tr_interpolant_at(&walk->sampler->interpolant, t);
}

/* m = the denoiser at (t, x). Where the prediction cannot give it, F is held from TR_THETA_MIN away: m =
 * sin(theta) y + cos(theta) F. */
static tr_status denoise(tr_exponential_walk *walk, double t, const tr_array *x, tr_array *m,
                         tr_program *list) {
  const tr_sampler *sampler = walk->sampler;
  tr_coeffs here = coeffs_at(walk, t);
  tr_affine of, F;
  if (tr_affine_of(walk->prediction, &here, TR_DENOISER, &of)) {
    TR_TRY(tr_program_run(list));
    TR_TRY(tr_drift_eval(sampler->drift, (tr_times){1, &t}, x, walk->cond, m));
    return tr_affine_list(list, of, x, m, m);
  }
  double away = tr_interpolant_time(&sampler->interpolant, here.theta + TR_THETA_MIN);
  tr_coeffs there = coeffs_at(walk, away);
  double scale = there.c / here.c, sine = here.alpha / here.c, cosine = here.sigma / here.c;
  TR_TRY(tr_convert(x->ctx, &sampler->interpolant, walk->prediction, TR_CANONICAL, away, &F));
  if (!walk->nearby) TR_TRY(tr_array_like(x, &walk->nearby));
  TR_TRY(tr_program_scale(list, scale, x, walk->nearby));
  TR_TRY(tr_program_run(list));
  TR_TRY(tr_drift_eval(sampler->drift, (tr_times){1, &away}, walk->nearby, walk->cond, m));
  return tr_program_axpby(list, sine / here.c + cosine * F.x * scale, x, cosine * F.p, m, m);
}

/* A jump of the field between the two times, or at one of them: at a jump it answers for one side only. */
static bool jumps_between(const tr_drift *drift, double a, double b) {
  for (int i = 0; i < drift->n_breaks; i++)
    if (drift->breaks[i] >= a && drift->breaks[i] <= b) return true;
  return false;
}

static double lambda_of(const tr_coeffs *at) {
  return log(at->alpha / at->sigma);
}

/* ---- weights ---- */

/* The lambda of the latest denoisers, as many as a polynomial of the step to t_end may go through: at most
 * `most`. */
static int nodes(const tr_exponential_walk *walk, int most, double t_end, double memory, double *lambda) {
  const tr_sampler *s = walk->sampler;
  int n = 0;
  for (; n < walk->known && n < most; n++) {
    tr_coeffs at = coeffs_at(walk, walk->t[n]);
    if (n > 0 && jumps_between(s->drift, walk->t[n], walk->t[0])) return n;
    if (!isfinite(lambda[n] = lambda_of(&at))) return n;
    if (n > 0 && tr_diffusion_churn(&s->diffusion, &s->interpolant, walk->t[n], t_end) > memory) return n;
  }
  return n;
}

/* The derivative, at lambda, of the polynomial through n nodes that is 1 at node[own] and 0 at the others. */
static double slope(const double *node, int n, int own, double lambda) {
  double sum = 0;
  for (int k = 0; k < n; k++) {
    if (k == own) continue;
    double product = 1 / (node[own] - node[k]);
    for (int i = 0; i < n; i++)
      if (i != own && i != k) product *= (lambda - node[i]) / (node[own] - node[i]);
    sum += product;
  }
  return sum;
}

/* The kernel of the step from lambda `from` to t_next, the same for its predictor and its corrector. Panels
 * halve towards the end of the step, where e^-K of a large D rises. */
static void set_kernel(tr_exponential_walk *walk, double from, double t_next) {
  const tr_sampler *s = walk->sampler;
  tr_coeffs end = coeffs_at(walk, t_next);
  double to = lambda_of(&end);
  for (int k = 0; k < PANELS; k++) {
    double *lambda = walk->lambda + k * TR_GAUSS_NODES, *kernel = walk->kernel + k * TR_GAUSS_NODES;
    double next = k + 1 < PANELS ? (from + to) / 2 : to;
    tr_gauss_nodes(from, next, lambda, kernel);
    for (int i = 0; i < TR_GAUSS_NODES; i++) {
      double t = tr_interpolant_time(&s->interpolant, atan(exp(lambda[i])));
      double K = tr_diffusion_churn(&s->diffusion, &s->interpolant, t, t_next);
      kernel[i] *= end.alpha - end.sigma * exp(lambda[i] - K);
    }
    from = next;
  }
}

/* weight[j] of m_j - m_base for the polynomial through the n latest denoisers, over the kernel's step. */
static void polynomial_weights(const tr_exponential_walk *walk, const double *node, int n, int base,
                               double *weight) {
  for (int j = 0; j < n; j++) {
    weight[j] = 0;
    for (int i = 0; i < TR_EXPONENTIAL_SDE_NODES && j != base; i++)
      weight[j] += walk->kernel[i] * slope(node, n, j, walk->lambda[i]);
  }
}

/* Of the step from walk->t[0] to t_next, whose weights sum to of_m. */
static void predictor(tr_exponential_walk *walk, const tr_exponential_sde *table, double t_next, double of_m,
                      double *weight) {
  double node[TR_EXPONENTIAL_SDE_POINTS];
  tr_coeffs end = coeffs_at(walk, t_next);
  int n = nodes(walk, table->points, t_next, table->at_middle ? INFINITY : MEMORY, node);
  if (n < 1 || !isfinite(lambda_of(&end))) return;
  if (!table->at_middle) set_kernel(walk, node[0], t_next);
  if (n < 2) return;
  if (table->at_middle)
    weight[1] = -of_m * (lambda_of(&end) - node[0]) / (2 * (node[0] - node[1]));
  else
    polynomial_weights(walk, node, n, 0, weight);
}

/* What the corrector changes in the state at walk->t[0]: of m_j - m_1, where the step behind began. */
static void corrector(const tr_exponential_walk *walk, const tr_exponential_sde *table, double *weight) {
  double node[TR_EXPONENTIAL_SDE_POINTS];
  int n = nodes(walk, table->corrector, walk->t[0], MEMORY, node);
  if (n < 2) return;
  polynomial_weights(walk, node, n, 1, weight);
  for (int j = 2; j < walk->known; j++) weight[j] -= walk->weight[j - 1];
}

/* ---- steps ---- */

/* The latest denoiser comes first; the oldest, when there is no room for more, goes. */
static tr_status remember(tr_exponential_walk *walk, int room, double t, const tr_array *x, long *n_rhs,
                          tr_program *list) {
  tr_array *oldest = walk->m[room - 1];
  for (int j = room - 1; j > 0; j--) {
    walk->m[j] = walk->m[j - 1];
    walk->t[j] = walk->t[j - 1];
  }
  walk->m[0] = oldest;
  if (walk->known == room) walk->known--;
  for (int j = 0; j < room; j++) /* all of them at the first step */
    if (!walk->m[j]) TR_TRY(tr_array_like(x, &walk->m[j]));
  TR_TRY(denoise(walk, t, x, walk->m[0], list));
  ++*n_rhs;
  walk->t[0] = t;
  walk->known++;
  return TR_OK;
}

static tr_status combine(const tr_exponential_walk *walk, double of_x, double of_z, const double *of_m,
                         const tr_array *z, tr_array *x, tr_program *list) {
  const tr_array *term[2 + TR_EXPONENTIAL_SDE_POINTS] = {x, z, walk->m[0]};
  double factor[2 + TR_EXPONENTIAL_SDE_POINTS] = {of_x, of_z, of_m[0]};
  int terms = 3;
  for (int j = 1; j < walk->known; j++) {
    if (of_m[j] == 0) continue;
    factor[terms] = of_m[j];
    term[terms++] = walk->m[j];
  }
  return tr_program_lincomb(list, terms, factor, term, x);
}

tr_status tr_exponential_walk_step(tr_exponential_walk *walk, const tr_exponential_sde *table, double t,
                                   double t_next, const tr_array *z, tr_array *x, long *n_rhs,
                                   tr_program *list) {
  static const tr_exponential_sde order_1 = {.points = 1};
  const tr_sampler *sampler = walk->sampler;
  tr_coeffs a = coeffs_at(walk, t), b = coeffs_at(walk, t_next);
  double correction[TR_EXPONENTIAL_SDE_POINTS] = {0}, of_m[TR_EXPONENTIAL_SDE_POINTS] = {0};
  if (!table) table = &order_1;
  TR_TRY(remember(walk, table->points + (table->corrector > 0), t, x, n_rhs, list));
  if (table->corrector) corrector(walk, table, correction);
  memset(walk->weight, 0, sizeof walk->weight);
  double K = tr_diffusion_churn(&sampler->diffusion, &sampler->interpolant, t, t_next);
  double keep = b.sigma / a.sigma * exp(-K), sum = b.alpha - a.alpha * keep;
  predictor(walk, table, t_next, sum, walk->weight);
  of_m[0] = sum;
  for (int j = 0; j < walk->known; j++) {
    of_m[j] += walk->weight[j] + keep * correction[j];
    of_m[0] -= walk->weight[j];
    if (walk->known > 1) of_m[1] -= keep * correction[j];
  }
  return combine(walk, keep, b.sigma * sqrt(-expm1(-2 * K)), of_m, z, x, list);
}

void tr_exponential_walk_free(tr_exponential_walk *walk) {
  for (int j = 0; j < TR_EXPONENTIAL_SDE_POINTS; j++) tr_array_destroy(&walk->m[j]);
  tr_array_destroy(&walk->nearby);
}
