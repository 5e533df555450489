/* Fixed grids: times within the interval, parity with torchdiffeq, Adams-Bashforth's weights, start and
 * restarts. Measured orders: test_orders.c. */
#include "integrators/ode/adams_bashforth.h"
#include "integrators/ode/ode.h"
#include "integrators/register.h"
#include "tests/support/problems/ode_problems.h"

/* TR_TEST_RESOURCES */

static const char *const methods[] = {"euler", "heun2", "midpoint", "rk4", "rk4-classical", "ab2", "ab3"};
enum { METHODS = sizeof methods / sizeof *methods };

/* t + (t1 - t) may round to more than t1: f must not see it. */
static void never_past_the_end(tr_ctx *ctx) {
  int traps = 0;
  for (int i = 1; i < 400; i++) {
    double grid[] = {0.0025 * i - 0.001, 0.99937};
    if (grid[0] + (grid[1] - grid[0]) > grid[1]) traps++;
    for (int m = 0; m < METHODS; m++) {
      tr_ode_spec spec = {.method = find_ode(ctx, methods[m]), .grid = grid, .n_grid = 2};
      solve_error(ctx, &logistic, &spec, TR_F64, grid[0], grid[1], NULL); /* checks the times of f */
    }
  }
  CHECK(traps > 0);
}

/* The logistic problem over the grid 0, 0.3, 0.5, 1 by torchdiffeq 0.2.5 in float64, method by method. */
static void as_torchdiffeq(tr_ctx *ctx) {
  static const double grid[] = {0, 0.3, 0.5, 1};
  static const struct {
    const char *name;
    double end[5];
  } cases[] = {{"euler",
                {0.95442522089344939, 0.78106259189336813, 0.64302862912197578, 0.54211616122000228,
                 0.4671282106049503}},
               {"heun2",
                {0.90856395489605135, 0.69463990667705577, 0.55991021196335167, 0.46807416579615879,
                 0.4017717775601517}},
               {"midpoint",
                {0.89787038553565646, 0.68047297985794153, 0.54889783214100174, 0.45996616346111724,
                 0.39581244051950226}},
               {"rk4",
                {0.90466150195797657, 0.68656141182010633, 0.55324751498939673, 0.46330806664728591,
                 0.39852943335900215}}};
  for (int m = 0; m < 4; m++) {
    tr_ode_spec spec = {.method = find_ode(ctx, cases[m].name), .grid = grid, .n_grid = 4};
    recorder r = record(&logistic);
    tr_rhs rhs = recorded(&r);
    double end[5];
    tr_array *x = exact_state(ctx, &logistic, TR_F64, 0);
    CHECK_OK(ctx, tr_ode_solve(&spec, &rhs, (double[]){0, 1}, 2, x, NULL, NULL, NULL));
    CHECK_OK(ctx, tr_array_get_f64(x, end));
    CHECK(check_relative(end, cases[m].end, 5) < 1e-14);
    tr_array_destroy(&x);
  }
}

/* The weights of Adams-Bashforth: known ones on uniform nodes; the integral of any polynomial of degree k - 1
 * over the step, on uneven nodes in both directions. */
static void adams_weights(void) {
  const double uniform[] = {0.1, 0.2, 0.3, 0.4},
               known[3][3] = {{1}, {1.5, -0.5}, {23. / 12, -16. / 12, 5. / 12}};
  const double uneven[2][4] = {{0.1, 0.15, 0.4, 0.47}, {0.47, 0.4, 0.15, 0.1}};
  for (int k = 1; k <= TR_ADAMS_MAX_STEPS; k++) {
    double w[TR_ADAMS_MAX_STEPS];
    tr_adams_weights(k, uniform + 2, w);
    for (int j = 0; j < k; j++) CHECK_NEAR(w[j], known[k - 1][j], 1e-14);
    for (int way = 0; way < 2; way++)
      for (int degree = 0; degree < k; degree++) {
        const double *t = uneven[way] + 2;
        double sum = 0, exact = (pow(t[1], degree + 1) - pow(t[0], degree + 1)) / (degree + 1);
        tr_adams_weights(k, t, w);
        for (int j = 0; j < k; j++) sum += (t[1] - t[0]) * w[j] * pow(t[-j], degree);
        CHECK_NEAR(sum, exact, 1e-14);
      }
  }
}

/* One step is Heun's, to the bit; two steps cost two evaluations; so does every segment between breaks on
 * grid points, and a segment of one step costs two. */
static void adams_segments(tr_ctx *ctx) {
  static const double grid[] = {0, 0.2, 0.3, 0.4, 0.55, 0.7, 1};
  static const struct {
    int n_grid, n_breaks;
    double breaks[2];
    long calls;
  } cases[] = {{2, 0, {0}, 2}, {3, 0, {0}, 2}, {7, 0, {0}, 6}, {7, 1, {0.4}, 6}, {7, 2, {0.2, 0.4}, 7}};
  double end[2][PROBLEM_MAX];
  for (int m = 0; m < 2; m++)
    for (int c = 0; c < 5; c++) {
      tr_ode_spec spec = {
          .method = find_ode(ctx, m ? "ab3" : "ab2"), .grid = grid, .n_grid = cases[c].n_grid};
      spec.breaks = cases[c].breaks, spec.n_breaks = cases[c].n_breaks;
      tr_ode_stats stats;
      double error = solve_error(ctx, &logistic, &spec, TR_F64, 0, grid[spec.n_grid - 1], &stats);
      CHECK(stats.n_rhs == cases[c].calls && stats.n_steps == spec.n_grid - 1);
      CHECK(error < 0.03);
    }
  for (int m = 0; m < 2; m++) {
    tr_ode_spec spec = {.method = find_ode(ctx, m ? "ab3" : "heun2"), .grid = grid, .n_grid = 2};
    recorder r = record(&logistic);
    tr_rhs rhs = recorded(&r);
    tr_array *x = exact_state(ctx, &logistic, TR_F32, 0);
    CHECK_OK(ctx, tr_ode_solve(&spec, &rhs, grid, 2, x, NULL, NULL, NULL));
    CHECK_OK(ctx, tr_array_get_f64(x, end[m]));
    tr_array_destroy(&x);
  }
  CHECK(memcmp(end[0], end[1], (size_t)logistic.n * sizeof(double)) == 0);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  never_past_the_end(ctx);
  as_torchdiffeq(ctx);
  adams_weights();
  adams_segments(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
