#include "integrators/ode/adams_bashforth.h"

#include "core/require_private.h"
#include "integrators/ode/fixed_grid_private.h"

/* In the variable u = (s - t[0]) / h the step is [0, 1] and the nodes are numbers of order one. */
void tr_adams_weights(int k, const double *t, double *weight) {
  if (!t || !weight || k > TR_ADAMS_MAX_STEPS) return;
  double h = t[1] - t[0];
  for (int j = 0; j < k; j++) {
    double poly[TR_ADAMS_MAX_STEPS] = {1}; /* coefficients of the product, ascending */
    int degree = 0;
    for (int m = 0; m < k; m++) {
      if (m == j) continue;
      double root = (t[-m] - t[0]) / h, scale = h / (t[-j] - t[-m]);
      degree++;
      for (int i = degree; i > 0; i--) poly[i] = scale * (poly[i - 1] - root * poly[i]);
      poly[0] *= -scale * root;
    }
    weight[j] = 0;
    for (int i = 0; i <= degree; i++) weight[j] += poly[i] / (i + 1);
  }
}

static int history_of(const tr_fixed_grid *g) {
  return ((const tr_adams_bashforth *)g->run->method->detail)->steps;
}

/* The Heun step of the start pays for the slope that the second step uses. */
static int cost(const tr_fixed_grid *g) {
  return g->age == 0 ? 2 : g->age == 1 ? 0 : 1;
}

static tr_status start(tr_fixed_grid *g) {
  TR_TRY(tr_fixed_eval(g, g->t[0], g->run->x, 0));
  TR_TRY(tr_fixed_slope(g, 0));
  TR_TRY(tr_fixed_update(g, 1, (const double[]){1}));
  tr_fixed_shift(g, history_of(g));
  TR_TRY(tr_fixed_eval(g, g->t[1], g->work, 0));
  return tr_fixed_update(g, 2, (const double[]){0.5, 0.5});
}

static tr_status step(tr_fixed_grid *g) {
  double weight[TR_ADAMS_MAX_STEPS];
  int known = g->age + 1, k = known < history_of(g) ? known : history_of(g);
  if (g->age == 0) return start(g);
  if (g->age > 1) {
    tr_fixed_shift(g, history_of(g));
    TR_TRY(tr_fixed_eval(g, g->t[0], g->run->x, 0));
  }
  TR_TRY(tr_fixed_slope(g, 0));
  tr_adams_weights(k, g->t, weight);
  return tr_fixed_update(g, k, weight);
}

tr_status tr_adams_bashforth_solve(tr_ode_run *run) {
  TR_REQUIRE(TR_CTX_OF(run), run);
  const tr_adams_bashforth *table = run->method->detail;
  if (!table || table->steps < 2 || table->steps > TR_ADAMS_MAX_STEPS)
    return TR_FAIL(run->ctx, TR_E_ARG, "the method %s is of %d steps: use 2 to %d", run->method->info.name,
                   table ? table->steps : 0, TR_ADAMS_MAX_STEPS);
  return tr_fixed_grid_solve(run, &(tr_fixed_stepper){table->steps, cost, step});
}
