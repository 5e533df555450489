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

double tr_difference_of_angles(double a, double b) {
  return a - b;
}

double tr_difference_of_sines(double a, double b) {
  return 2 * cos((a + b) / 2) * sin((a - b) / 2);
}

/* The Lagrange polynomial in a variable that is 1 at node[own], 0 at the others. */
typedef struct {
  tr_exponential_difference difference;
  const double *node;
  int n, own;
  double end; /* the lambda of the step's end, where finite */
} lagrange;

static double cardinal(const lagrange *l, double at) {
  double product = 1;
  for (int i = 0; i < l->n; i++)
    if (i != l->own) product *= l->difference(at, l->node[i]) / l->difference(l->node[l->own], l->node[i]);
  return product;
}

/* m is weighed by cos(theta1) d tan(theta) = sin(theta1) exp(lambda - lambda1) dlambda, here without the
 * sine; nodes of the first are lambdas, of the others angles. */
static double in_lambda(double s, const void *user) {
  const lagrange *l = user;
  return exp(s - l->end) * cardinal(l, s);
}

static double in_angle_over_lambda(double s, const void *user) {
  const lagrange *l = user;
  return exp(s - l->end) * cardinal(l, atan(exp(s)));
}

static double in_angle(double theta, const void *user) {
  double cosine = cos(theta);
  return cardinal(user, theta) / (cosine * cosine);
}

static double integral(double (*f)(double, const void *), const lagrange *l, double from, double to,
                       int panels) {
  double panel = (to - from) / panels, sum = 0;
  for (int k = 0; k < panels; k++) sum += tr_gauss(f, l, from + k * panel, from + (k + 1) * panel);
  return sum;
}

void tr_exponential_lambda(const double *node, int n, int base, double theta1, double *weight) {
  if (!node || !weight || n > TR_EXPONENTIAL_POINTS || base < 0) return;
  double lambda[TR_EXPONENTIAL_POINTS], end = tr_angle_lambda(theta1);
  int known = 0;
  while (known < n && isfinite(lambda[known] = tr_angle_lambda(node[known]))) known++;
  if (known < 2 || known <= base || !isfinite(end)) return;
  for (int j = 0; j < known; j++) {
    lagrange l = {tr_difference_of_angles, lambda, known, j, end};
    if (j != base) weight[j] += sin(theta1) * integral(in_lambda, &l, lambda[base], end, PANELS);
  }
}

void tr_exponential_weights(tr_exponential_difference difference, const double *node, int n, int base,
                            double theta1, double *weight) {
  if (!difference || !node || !weight || n > TR_EXPONENTIAL_POINTS || base < 0 || base >= n) return;
  double start = tr_angle_lambda(node[base]), end = tr_angle_lambda(theta1);
  if (!isfinite(start)) return;
  int panels =
      isfinite(end) ? PANELS + (int)fabs(end - start) : PANELS; /* the last step of a run may be long */
  for (int j = 0; j < n; j++) {
    lagrange l = {difference, node, n, j, end};
    if (j == base) continue;
    if (end == INFINITY)
      weight[j] += cardinal(&l, theta1);
    else if (end == -INFINITY)
      weight[j] += cos(theta1) * integral(in_angle, &l, node[base], theta1, panels);
    else
      weight[j] += sin(theta1) * integral(in_angle_over_lambda, &l, start, end, panels);
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

/* q = of_y y + of_F F. */
static double of_y(tr_quantity of, double theta) {
  return of == TR_DENOISER ? sin(theta) : cos(theta);
}

static double of_F(tr_quantity of, double theta) {
  return of == TR_DENOISER ? cos(theta) : -sin(theta);
}

/* The first step, DDIM from theta[-1] to theta[0], held F in the frame that turns with theta and expected the
 * q of its start at its end. It found another; had F changed evenly on the way, y would have ended
 * tan(h/2) (F - F expected) further, which is this times (q - q before). */
static double start_shift(tr_quantity of, const double *theta) {
  return tan((theta[0] - theta[-1]) / 2) / of_F(of, theta[0]);
}

/* F goes on changing at the rate (F - F expected) / sin(h), which adds 1 - cos(h') of it to y. */
double tr_exponential_second(tr_quantity of, const double *theta) {
  if (!theta) return NAN;
  double corrected =
      1 + of_y(of, theta[0]) * start_shift(of, theta); /* q_n - q_n-1 over what it was before */
  return (cos(theta[1] - theta[0]) - 1) / (sin(theta[0] - theta[-1]) * of_F(of, theta[0]) * corrected);
}

/* Of q - q_n as it was found. */
static double second_weight(tr_quantity of, const double *theta) {
  double shift = start_shift(of, theta), corrected = 1 + of_y(of, theta[0]) * shift;
  return corrected * tr_exponential_second(of, theta) - cos(theta[1] - theta[0]) * shift;
}

static bool starts(const tr_fixed_grid *g, const tr_exponential_rule *rule) {
  return g->age == 1 && rule->corrects_start && table_of(g)->points > 1;
}

static void find_weights(const tr_fixed_grid *g, const tr_exponential_rule *rule, double *weight, int *n) {
  const tr_exponential *table = table_of(g);
  *n = g->age + 1 < table->points ? g->age + 1 : table->points;
  for (int j = 0; j < TR_EXPONENTIAL_POINTS; j++) weight[j] = 0;
  if (*n < 2) return;
  if (starts(g, rule))
    weight[1] = second_weight(table->of, g->t);
  else
    rule->weights(g->t, *n, weight);
}

/* f[0], which holds F at y, becomes q: after the first step that of the corrected y and the same F. */
static tr_status keep_q(tr_fixed_grid *g, const tr_exponential_rule *rule) {
  tr_quantity of = table_of(g)->of;
  double y = of_y(of, g->t[0]), F = of_F(of, g->t[0]);
  if (!starts(g, rule)) return tr_program_axpby(&g->run->list, y, g->run->x, F, g->f[0], g->f[0]);
  double more = y * start_shift(of, g->t), factor[] = {(1 + more) * y, (1 + more) * F, -more};
  const tr_array *term[] = {g->run->x, g->f[0], g->f[1]};
  return tr_program_lincomb(&g->run->list, 3, factor, term, g->f[0]);
}

/* f[0] holds F, then q. */
static tr_status step(tr_fixed_grid *g, const tr_exponential_rule *rule) {
  const tr_exponential *table = table_of(g);
  const tr_array *term[1 + TR_EXPONENTIAL_POINTS] = {g->run->x, NULL};
  double weight[TR_EXPONENTIAL_POINTS], factor[1 + TR_EXPONENTIAL_POINTS], theta = g->t[0],
                                                                           h = g->t[1] - theta, sum = 0;
  int n, terms = 2;
  if (g->age > 0) tr_fixed_shift(g, table->points);
  TR_TRY(tr_fixed_eval(g, theta, g->run->x, 0));
  TR_TRY(tr_fixed_slope(g, 0));
  find_weights(g, rule, weight, &n);
  for (int j = 1; j < n; j++) {
    if (weight[j] == 0) continue;
    sum += weight[j];
    factor[terms] = weight[j];
    term[terms++] = g->f[j];
  }
  factor[0] = cos(h) - sum * of_y(table->of, theta);
  factor[1] = sin(h) - sum * of_F(table->of, theta);
  term[1] = g->f[0];
  TR_TRY(tr_program_lincomb(&g->run->list, terms, factor, term, g->work));
  return table->points == 1 ? TR_OK : keep_q(g, rule);
}

static tr_status step_by_rule(tr_fixed_grid *g) {
  return step(g, &table_of(g)->rule);
}

static tr_status step_by_uneven(tr_fixed_grid *g) {
  return step(g, &table_of(g)->uneven);
}

#define LONGEST   2.0 /* step in lambda */
#define UNEVENEST 5.0 /* longest over shortest */
#define FAR       4.0 /* |lambda| from which on steps do not count: alpha or sigma is below 0.02 there */

static bool even_in_lambda(const tr_ode_spec *spec) {
  double shortest = INFINITY, longest = 0;
  for (int i = 0; i + 1 < spec->n_grid; i++) {
    double from = tr_angle_lambda(spec->grid[i]), to = tr_angle_lambda(spec->grid[i + 1]);
    if (fmin(from, to) >= FAR || fmax(from, to) <= -FAR) continue;
    shortest = fmin(shortest, fabs(to - from));
    longest = fmax(longest, fabs(to - from));
  }
  return longest <= LONGEST && longest <= UNEVENEST * shortest;
}

static tr_status check_table(const tr_ode_run *run) {
  const tr_exponential *table = run->method->detail;
  bool sound = table && table->points >= 1 && table->points <= TR_EXPONENTIAL_POINTS &&
               (table->of == TR_DENOISER || table->of == TR_NOISE) &&
               (table->points == 1 || table->rule.weights);
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
  bool uneven = table->uneven.weights && !even_in_lambda(spec);
  return tr_fixed_grid_solve(
      run, &(tr_fixed_stepper){table->points, cost, uneven ? step_by_uneven : step_by_rule});
}
