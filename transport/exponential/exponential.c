#include "transport/exponential/exponential.h"

#include <math.h>

#include "core/require_private.h"
#include "integrators/ode/fixed_grid_private.h"
#include "integrators/same_time_private.h"
#include "transport/exact/quadrature_private.h"
#include "transport/path/interpolant.h"

#define PANELS 4 /* of Gauss quadrature, in one step */

/* ---- tables ---- */

double tr_angle_lambda(double theta) {
  double sine = sin(theta), cosine = cos(theta);
  if (sine < TR_SAME_TIME) return -INFINITY;
  if (cosine < TR_SAME_TIME) return INFINITY;
  return log(sine / cosine);
}

/* exp(s - s1) times the Lagrange polynomial that is 1 at node[own]. */
typedef struct {
  const double *node;
  int n, own;
  double s1;
} lagrange;

static double weighted(double s, const void *user) {
  const lagrange *l = user;
  double product = exp(s - l->s1);
  for (int i = 0; i < l->n; i++)
    if (i != l->own) product *= (s - l->node[i]) / (l->node[l->own] - l->node[i]);
  return product;
}

void tr_exponential_lambda(const double *node, int n, int base, double theta1, double *weight) {
  if (!node || !weight || n > TR_EXPONENTIAL_POINTS || base < 0) return;
  double lambda[TR_EXPONENTIAL_POINTS], end = tr_angle_lambda(theta1);
  int known = 0;
  while (known < n && isfinite(lambda[known] = tr_angle_lambda(node[known]))) known++;
  if (known < 2 || known <= base || !isfinite(end)) return;
  double panel = (end - lambda[base]) / PANELS;
  for (int j = 0; j < known; j++) {
    if (j == base) continue;
    lagrange l = {lambda, known, j, end};
    for (int k = 0; k < PANELS; k++)
      weight[j] +=
          sin(theta1) * tr_gauss(weighted, &l, lambda[base] + k * panel, lambda[base] + (k + 1) * panel);
  }
}

double tr_exponential_2m(const double *theta) {
  if (!theta) return NAN;
  double end = tr_angle_lambda(theta[1]), here = tr_angle_lambda(theta[0]),
         before = tr_angle_lambda(theta[-1]);
  if (!isfinite(end) || !isfinite(here) || !isfinite(before)) return 0;
  return -sin(theta[1] - theta[0]) / cos(theta[0]) * (end - here) / (2 * (here - before));
}

/* ---- steps ---- */

static const tr_exponential *table_of(const tr_fixed_grid *g) {
  return g->run->method->detail;
}

static int cost(const tr_fixed_grid *g) {
  (void)g;
  return 1;
}

/* The first step ended at y, theta[0] with the q of its start; constant q' in the frame that turns with theta
 * would have ended tan(h/2) (F - F expected) further. That difference of F is q - q before, over cos(theta)
 * for m, over -sin(theta) for e, and the correction is carried to theta[1] like y with q held. */
static double start_correction(const tr_exponential *table, const double *theta) {
  double shift = tan((theta[0] - theta[-1]) / 2);
  if (table->of == TR_DENOISER) {
    double cosine = cos(theta[0]);
    return -shift / cosine * cos(theta[1]) / cosine;
  }
  double sine = sin(theta[0]);
  return shift / sine * sin(theta[1]) / sine;
}

static void find_weights(const tr_fixed_grid *g, double *weight, int *n) {
  const tr_exponential *table = table_of(g);
  *n = g->age + 1 < table->points ? g->age + 1 : table->points;
  for (int j = 0; j < TR_EXPONENTIAL_POINTS; j++) weight[j] = 0;
  if (*n < 2) return;
  table->weights(g->t, *n, weight);
  if (g->age == 1 && table->corrects_start) weight[1] += start_correction(table, g->t);
}

/* f[0] holds F, then q. */
static tr_status step(tr_fixed_grid *g) {
  const tr_exponential *table = table_of(g);
  const tr_array *term[1 + TR_EXPONENTIAL_POINTS] = {g->run->x, NULL};
  double weight[TR_EXPONENTIAL_POINTS], factor[1 + TR_EXPONENTIAL_POINTS], theta = g->t[0],
                                                                           h = g->t[1] - theta;
  bool denoiser = table->of == TR_DENOISER;
  double of_y = denoiser ? sin(theta) : cos(theta), of_F = denoiser ? cos(theta) : -sin(theta), sum = 0;
  int n, terms = 2;
  if (g->age > 0) tr_fixed_shift(g, table->points);
  TR_TRY(tr_fixed_eval(g, theta, g->run->x, 0));
  TR_TRY(tr_fixed_slope(g, 0));
  find_weights(g, weight, &n);
  for (int j = 1; j < n; j++) {
    if (weight[j] == 0) continue;
    sum += weight[j];
    factor[terms] = weight[j];
    term[terms++] = g->f[j];
  }
  factor[0] = cos(h) - sum * of_y;
  factor[1] = sin(h) - sum * of_F;
  term[1] = g->f[0];
  TR_TRY(tr_program_lincomb(&g->run->list, terms, factor, term, g->work));
  if (table->points == 1) return TR_OK;
  return tr_program_axpby(&g->run->list, of_y, g->run->x, of_F, g->f[0], g->f[0]);
}

static tr_status check_table(const tr_ode_run *run) {
  const tr_exponential *table = run->method->detail;
  bool sound = table && table->points >= 1 && table->points <= TR_EXPONENTIAL_POINTS &&
               (table->of == TR_DENOISER || table->of == TR_NOISE) && (table->points == 1 || table->weights);
  if (sound) return TR_OK;
  return TR_FAIL(
      run->ctx, TR_E_ARG,
      "the table of the method %s does not hold: 1 to %d points of denoiser or noise, and weights for "
      "more than 1 (it has %d)",
      run->method->info.name, TR_EXPONENTIAL_POINTS, table ? table->points : 0);
}

tr_status tr_exponential_solve(tr_ode_run *run) {
  TR_REQUIRE(TR_CTX_OF(run), run);
  TR_TRY(check_table(run));
  const tr_exponential *table = run->method->detail;
  const tr_ode_spec *spec = run->spec;
  double low = fmin(spec->grid[0], spec->grid[spec->n_grid - 1]),
         high = fmax(spec->grid[0], spec->grid[spec->n_grid - 1]);
  if (low < -TR_SAME_TIME || high > TR_PI / 2 + TR_SAME_TIME)
    return TR_FAIL(
        run->ctx, TR_E_ARG,
        "%s works in the angle theta = atan2(alpha, sigma), from 0 to pi/2: the grid goes from %.10g "
        "to %.10g",
        run->method->info.name, spec->grid[0], spec->grid[spec->n_grid - 1]);
  return tr_fixed_grid_solve(run, &(tr_fixed_stepper){table->points, cost, step});
}
