#include "integrators/ode/runge_kutta.h"

#include "core/require_private.h"
#include "integrators/ode/fixed_grid_private.h"

_Static_assert(TR_RK_MAX_STAGES <= TR_FIXED_MAX_SLOPES, "a slope for every stage");

static const tr_butcher *table_of(const tr_fixed_grid *g) {
  return g->run->method->detail;
}

static int cost(const tr_fixed_grid *g) {
  return table_of(g)->stages;
}

static tr_status step(tr_fixed_grid *g) {
  const tr_butcher *table = table_of(g);
  double t = g->t[0], t_next = g->t[1];
  TR_TRY(tr_fixed_eval(g, t, g->run->x, 0));
  TR_TRY(tr_fixed_slope(g, 0));
  for (int i = 1; i < table->stages; i++) {
    double at =
        table->c[i] == 1 ? t_next : t + table->c[i] * (t_next - t); /* never past the end by rounding */
    TR_TRY(tr_fixed_update(g, i, table->a[i]));
    TR_TRY(tr_fixed_eval(g, at, g->work, i));
  }
  return tr_fixed_update(g, table->stages, table->b);
}

tr_status tr_runge_kutta_solve(tr_ode_run *run) {
  TR_REQUIRE(TR_CTX_OF(run), run);
  const tr_butcher *table = run->method->detail;
  if (!table || table->stages < 1 || table->stages > TR_RK_MAX_STAGES)
    return TR_FAIL(run->ctx, TR_E_ARG, "the method %s has %d stages: use 1 to %d", run->method->info.name,
                   table ? table->stages : 0, TR_RK_MAX_STAGES);
  return tr_fixed_grid_solve(run, &(tr_fixed_stepper){table->stages, cost, step});
}
