/* Fixed grids: order by refinement in both directions, exactness, dense output, breaks, limits, bad input. */
#include <stdlib.h>

#include "core/registry.h"
#include "core/vec.h"
#include "integrators/ode.h"
#include "integrators/ode_run.h"
#include "integrators/register.h"
#include "tests/support/ode_problems.h"

/* TR_TEST_RESOURCES */

static const struct {
  const char *name;
  int order, nfe;
} methods[] = {{"euler", 1, 1}, {"heun2", 2, 2}, {"midpoint", 2, 2}, {"rk4", 4, 4}, {"rk4-classical", 4, 4}};
enum { METHODS = sizeof methods / sizeof *methods };

/* Global error of n steps on a slightly uneven grid from t0 to t1. */
static double error_of(tr_ctx *ctx, const problem *p, const char *method, double t0, double t1, int n) {
  double *grid = malloc(((size_t)n + 1) * sizeof *grid);
  for (int i = 0; i <= n; i++) {
    double u = (double)i / n;
    grid[i] = t0 + (t1 - t0) * (u + 0.1 * u * (1 - u));
  }
  grid[n] = t1;
  tr_ode_spec spec = {.method = find_ode(ctx, method), .grid = grid, .n_grid = n + 1};
  tr_ode_stats stats;
  double error = solve_error(ctx, p, &spec, TR_F64, t0, t1, &stats);
  CHECK(stats.n_steps == n);
  CHECK(stats.n_rhs == (long)n * spec.method->nfe_per_step);
  CHECK(stats.t_end == t1);
  free(grid);
  return error;
}

static void order(tr_ctx *ctx, const problem *p, double t0, double t1) {
  for (int m = 0; m < METHODS; m++) {
    const tr_ode_method *method = find_ode(ctx, methods[m].name);
    CHECK_NEAR(method->order, methods[m].order, 0);
    CHECK(method->nfe_per_step == methods[m].nfe);
    double coarse = error_of(ctx, p, methods[m].name, t0, t1, 40);
    double fine = error_of(ctx, p, methods[m].name, t0, t1, 80);
    CHECK_NEAR(log2(coarse / fine), methods[m].order, 0.2);
    CHECK(fine < 0.1);
  }
}

/* t + (t1 - t) may round to more than t1: f must not see it. */
static void never_past_the_end(tr_ctx *ctx) {
  int traps = 0;
  for (int i = 1; i < 400; i++) {
    double grid[] = {0.0025 * i - 0.001, 0.99937};
    if (grid[0] + (grid[1] - grid[0]) > grid[1]) traps++;
    for (int m = 0; m < METHODS; m++) {
      tr_ode_spec spec = {.method = find_ode(ctx, methods[m].name), .grid = grid, .n_grid = 2};
      solve_error(ctx, &logistic, &spec, TR_F64, grid[0], grid[1], NULL); /* checks the times of f */
    }
  }
  CHECK(traps > 0);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  order(ctx, &rotation, 0, 1);
  order(ctx, &rotation, 1, 0);
  order(ctx, &logistic, 0, 1);
  order(ctx, &logistic, 1, -0.5);
  never_past_the_end(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
