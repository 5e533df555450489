#include "integrators/ode/fixed_grid_private.h"

#include "core/vec.h"

tr_status tr_fixed_eval(tr_fixed_grid *g, double t, const tr_array *x, int slot) {
  return tr_ode_eval(g->run, t, x, g->f[slot]);
}

void tr_fixed_shift(tr_fixed_grid *g, int n) {
  tr_array *oldest = g->f[n - 1];
  for (int i = n - 1; i > 0; i--) g->f[i] = g->f[i - 1];
  g->f[0] = oldest;
}

tr_status tr_fixed_slope(tr_fixed_grid *g, int slot) {
  return tr_dense_slope(&g->dense, g->f[slot]);
}

tr_status tr_fixed_update(tr_fixed_grid *g, int n, const double *weight) {
  double h = g->t[1] - g->t[0], factor[1 + TR_FIXED_MAX_SLOPES] = {1};
  const tr_array *term[1 + TR_FIXED_MAX_SLOPES] = {g->run->x};
  int terms = 1;
  for (int j = 0; j < n; j++) {
    if (weight[j] == 0) continue;
    factor[terms] = h * weight[j];
    term[terms++] = g->f[j];
  }
  return tr_lincomb(terms, factor, term, g->work);
}

/* `work` becomes the accepted state. */
static tr_status accept(tr_fixed_grid *g) {
  bool finite;
  TR_TRY(tr_is_finite(g->work, &finite));
  if (!finite)
    return TR_FAIL(g->run->ctx, TR_E_NONFINITE,
                   "%s: the state is no longer finite after the step from t = %.10g to %.10g",
                   g->run->method->info.name, g->t[0], g->t[1]);
  TR_TRY(tr_array_copy(g->work, g->run->x));
  TR_TRY(tr_ode_accept(g->run, g->t[1]));
  g->age++;
  return tr_dense_push(&g->dense, g->t[1]);
}

static bool is_edge(const tr_ode_run *run, double t) {
  for (int e = 0; e < run->n_edges; e++)
    if (tr_ode_same_time(run, t, run->edges[e])) return true;
  return false;
}

/* At grid point i, where a segment begins: forgets what was before and tells f how far the segment goes. A
 * break inside a step joins the segments on its two sides. */
static tr_status enter_segment(tr_fixed_grid *g, int i) {
  const tr_ode_spec *spec = g->run->spec;
  int end = i + 1;
  while (end < spec->n_grid - 1 && !is_edge(g->run, spec->grid[end])) end++;
  g->age = 0;
  TR_TRY(tr_dense_flush(&g->dense));
  tr_dense_restart(&g->dense);
  TR_TRY(tr_ode_enter(g->run, spec->grid[i], spec->grid[end]));
  return tr_dense_push(&g->dense, spec->grid[i]);
}

static tr_status walk(tr_fixed_grid *g, const tr_fixed_stepper *stepper) {
  const tr_ode_spec *spec = g->run->spec;
  for (int i = 0; i + 1 < spec->n_grid; i++) {
    g->t = spec->grid + i;
    if (is_edge(g->run, g->t[0])) TR_TRY(enter_segment(g, i));
    if (!tr_ode_affords(g->run, stepper->cost(g))) break;
    TR_TRY(stepper->step(g));
    TR_TRY(accept(g));
  }
  return tr_dense_flush(&g->dense);
}

static tr_status open_grid(tr_fixed_grid *g, int n_slopes) {
  TR_TRY(tr_dense_open(&g->dense, g->run));
  TR_TRY(tr_array_like(g->run->x, &g->work));
  for (int i = 0; i < n_slopes; i++) TR_TRY(tr_array_like(g->run->x, &g->f[i]));
  return TR_OK;
}

static void close_grid(tr_fixed_grid *g) {
  tr_dense_close(&g->dense);
  tr_array_destroy(&g->work);
  for (int i = 0; i < TR_FIXED_MAX_SLOPES; i++) tr_array_destroy(&g->f[i]);
}

tr_status tr_fixed_grid_solve(tr_ode_run *run, const tr_fixed_stepper *stepper) {
  tr_fixed_grid g = {.run = run};
  tr_status status = open_grid(&g, stepper->n_slopes);
  if (status == TR_OK) status = walk(&g, stepper);
  close_grid(&g);
  return status;
}
