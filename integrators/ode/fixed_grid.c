#include "integrators/ode/fixed_grid_private.h"

#include <math.h>

#include "core/vec/vec.h"

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
  return tr_program_lincomb(&g->run->list, terms, factor, term, g->work);
}

static void exchange(tr_fixed_grid *g) {
  tr_array *x = g->run->x;
  g->run->x = g->work;
  g->work = x;
}

/* Back to the start of step number `bad`. Since then the device has left both states as they were, and every
 * step has exchanged them. */
static void go_back(tr_fixed_grid *g, int bad) {
  tr_ode_stats *stats = g->run->stats;
  const double *grid = g->run->spec->grid;
  if ((g->steps - bad) % 2 == 1) exchange(g);
  g->steps = bad;
  stats->n_steps = bad;
  stats->t_end = bad ? grid[bad] : g->run->times[0];
  stats->h_last = bad ? fabs(grid[bad] - grid[bad - 1]) : 0;
}

/* Asks the watch, and fails if a step taken so far has lost the state. */
static tr_status ask(tr_fixed_grid *g, bool wait) {
  const double *grid = g->run->spec->grid;
  int64_t bad;
  TR_TRY(tr_watch_ask(g->run->ctx, g->watch, wait, &bad));
  if (bad == TR_WATCH_NONE) return TR_OK;
  g->lost = true;
  go_back(g, (int)bad);
  return TR_FAIL(g->run->ctx, TR_E_NONFINITE,
                 "%s: the state is no longer finite after the step from t = %.10g to %.10g",
                 g->run->method->info.name, grid[bad], grid[bad + 1]);
}

/* `work` becomes the accepted state. */
static tr_status accept(tr_fixed_grid *g) {
  tr_ode_run *run = g->run;
  exchange(g);
  g->steps++;
  TR_TRY(tr_dense_push(&g->dense, g->t[1]));
  const bool wait = g->steps % TR_FIXED_PATIENCE == 0 || tr_ode_output_due(run, g->t[1]);
  TR_TRY(tr_program_watch(&run->list, run->x, g->steps - 1, g->work));
  if (wait || !run->rhs->listed) TR_TRY(tr_program_run(&run->list));
  TR_TRY(ask(g, wait));
  g->age++;
  return tr_ode_accept(run, g->t[1]);
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
  TR_TRY(tr_watch_take(g->run->ctx, &g->watch));
  tr_program_init(&g->run->list, g->watch);
  TR_TRY(tr_dense_open(&g->dense, g->run));
  TR_TRY(tr_array_like(g->run->x, &g->work));
  for (int i = 0; i < n_slopes; i++) TR_TRY(tr_array_like(g->run->x, &g->f[i]));
  return TR_OK;
}

/* Whatever ended the walk, the last good state belongs into the caller's array. */
static tr_status settle(tr_fixed_grid *g, tr_array *x, tr_status status) {
  tr_status found = tr_program_run(&g->run->list);
  if (found == TR_OK && !g->lost) found = ask(g, true);
  if (g->run->x != x) {
    tr_status copied = tr_array_copy(g->run->x, x);
    if (found == TR_OK) found = copied;
    exchange(g);
  }
  return status == TR_OK ? found : status;
}

static void close_grid(tr_fixed_grid *g) {
  tr_program_init(&g->run->list, -1);
  tr_slot_give(g->run->ctx, &g->watch);
  tr_dense_close(&g->dense);
  tr_array_destroy(&g->work);
  for (int i = 0; i < TR_FIXED_MAX_SLOPES; i++) tr_array_destroy(&g->f[i]);
}

tr_status tr_fixed_grid_solve(tr_ode_run *run, const tr_fixed_stepper *stepper) {
  tr_fixed_grid g = {.run = run, .watch = -1};
  tr_array *x = run->x;
  tr_status status = open_grid(&g, stepper->n_slopes);
  if (status == TR_OK) status = settle(&g, x, walk(&g, stepper));
  close_grid(&g);
  return status;
}
