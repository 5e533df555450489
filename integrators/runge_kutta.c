#include "integrators/runge_kutta.h"

#include "core/vec.h"
#include "integrators/dense.h"

typedef struct {
  tr_ode_run *run;
  const tr_butcher *table;
  tr_array *k[TR_RK_MAX_STAGES], *work;
  tr_dense dense;
} walk;

static tr_status open_walk(walk *w, tr_ode_run *run) {
  *w = (walk){.run = run, .table = run->method->detail};
  TR_TRY(tr_dense_open(&w->dense, run));
  TR_TRY(tr_array_like(run->x, &w->work));
  for (int i = 0; i < w->table->stages; i++) TR_TRY(tr_array_like(run->x, &w->k[i]));
  return TR_OK;
}

static void close_walk(walk *w) {
  tr_dense_close(&w->dense);
  tr_array_destroy(&w->work);
  for (int i = 0; i < w->table->stages; i++) tr_array_destroy(&w->k[i]);
}

/* work = x + h sum_j<n weight[j] k_j; weights of zero are left out. */
static tr_status advance(walk *w, double h, int n, const double *weight) {
  double factor[1 + TR_RK_MAX_STAGES] = {1};
  const tr_array *term[1 + TR_RK_MAX_STAGES] = {w->run->x};
  int terms = 1;
  for (int j = 0; j < n; j++) {
    if (weight[j] == 0) continue;
    factor[terms] = h * weight[j];
    term[terms++] = w->k[j];
  }
  return tr_lincomb(terms, factor, term, w->work);
}

static tr_status step(walk *w, double t, double t_next) {
  const tr_butcher *table = w->table;
  double h = t_next - t;
  TR_TRY(tr_ode_eval(w->run, t, w->run->x, w->k[0]));
  TR_TRY(tr_dense_slope(&w->dense, w->k[0]));
  for (int i = 1; i < table->stages; i++) {
    TR_TRY(advance(w, h, i, table->a[i]));
    double at = table->c[i] == 1 ? t_next : t + table->c[i] * h; /* never past the end by rounding */
    TR_TRY(tr_ode_eval(w->run, at, w->work, w->k[i]));
  }
  TR_TRY(advance(w, h, table->stages, table->b));
  bool finite;
  TR_TRY(tr_is_finite(w->work, &finite));
  if (!finite)
    return TR_FAIL(w->run->ctx, TR_E_NONFINITE,
                   "%s: the state is no longer finite after the step from t = %.10g to %.10g",
                   w->run->method->info.name, t, t_next);
  TR_TRY(tr_array_copy(w->work, w->run->x));
  TR_TRY(tr_ode_accept(w->run, t_next));
  return tr_dense_push(&w->dense, t_next);
}

/* At a grid point where a segment begins: tells f how far the segment goes. A break inside a step joins the
 * segments on its two sides. */
static tr_status enter_segment(walk *w, int i) {
  const tr_ode_run *run = w->run;
  for (int j = i + 1; j < run->spec->n_grid; j++)
    for (int e = 1; e < run->n_edges; e++)
      if (tr_ode_same_time(run, run->spec->grid[j], run->edges[e])) {
        TR_TRY(tr_dense_flush(&w->dense));
        tr_dense_restart(&w->dense);
        TR_TRY(tr_ode_enter(w->run, run->spec->grid[i], run->spec->grid[j]));
        return tr_dense_push(&w->dense, run->spec->grid[i]);
      }
  return TR_OK;
}

static bool is_edge(const tr_ode_run *run, double t) {
  for (int e = 0; e < run->n_edges; e++)
    if (tr_ode_same_time(run, t, run->edges[e])) return true;
  return false;
}

static tr_status walk_grid(walk *w) {
  const double *grid = w->run->spec->grid;
  for (int i = 0; i + 1 < w->run->spec->n_grid && tr_ode_affords(w->run, w->table->stages); i++) {
    if (is_edge(w->run, grid[i])) TR_TRY(enter_segment(w, i));
    TR_TRY(step(w, grid[i], grid[i + 1]));
  }
  return tr_dense_flush(&w->dense);
}

tr_status tr_runge_kutta_solve(tr_ode_run *run) {
  walk w;
  tr_status status = open_walk(&w, run);
  if (status == TR_OK) status = walk_grid(&w);
  close_walk(&w);
  return status;
}
