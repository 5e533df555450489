/* The order of every registered ODE and SDE method, measured and compared with what its table claims; prints
 * both. A new method is tested here as soon as it is registered. */
#include <stdlib.h>

#include "core/registry.h"
#include "core/vec.h"
#include "integrators/register.h"
#include "integrators/runge_kutta.h"
#include "tests/support/ode_problems.h"
#include "tests/support/sde_problems.h"

/* --- Fixed grids: order by refinement on an uneven grid, in both directions, on a linear and a nonlinear
 * problem.
 * --- */
static const struct {
  const problem *p;
  double from, to;
} runs[] = {{&rotation, 0, 1}, {&rotation, 1, 0}, {&logistic, 0, 1}, {&logistic, 1, -0.5}};
enum { RUNS = sizeof runs / sizeof *runs };

static double fixed_error(tr_ctx *ctx, const tr_ode_method *method, int run, int n) {
  double *grid = malloc(((size_t)n + 1) * sizeof *grid);
  for (int i = 0; i <= n; i++) {
    double u = (double)i / n;
    grid[i] = runs[run].from + (runs[run].to - runs[run].from) * (u + 0.1 * u * (1 - u));
  }
  grid[n] = runs[run].to;
  tr_ode_spec spec = {.method = method, .grid = grid, .n_grid = n + 1};
  tr_ode_stats stats;
  double error = solve_error(ctx, runs[run].p, &spec, TR_F64, runs[run].from, runs[run].to, &stats);
  CHECK(stats.n_steps == n && stats.n_rhs == (long)n * method->nfe_per_step);
  free(grid);
  return error;
}

static void fixed_order(tr_ctx *ctx, const tr_ode_method *method) {
  printf("%-16s claimed %g, %d evaluations a step; measured", method->info.name, method->order,
         method->nfe_per_step);
  for (int run = 0; run < RUNS; run++) {
    double coarse = fixed_error(ctx, method, run, 60), fine = fixed_error(ctx, method, run, 120);
    printf(" %.2f", log2(coarse / fine));
    CHECK_NEAR(log2(coarse / fine), method->order, 0.2);
    CHECK(fine < 0.05);
  }
  printf("\n");
}

/* --- Adaptive methods: the error follows the tolerance down; where the order is constant, error ~
 * steps^-order. */
static void adaptive_order(tr_ctx *ctx, const tr_ode_method *method) {
  enum { DECADES = 9, EARLY = 4 }; /* 1e-3 .. 1e-11; 1e-7 is the first of many steps */
  printf("%-16s claimed %g; measured", method->info.name, method->order);
  for (int run = 0; run < RUNS; run++) {
    double error[DECADES], steps[DECADES];
    for (int k = 0; k < DECADES; k++) {
      double tol = pow(10, -3 - k);
      tr_ode_spec spec = {.method = method, .rtol = tol, .atol = tol};
      tr_ode_stats stats;
      error[k] = solve_error(ctx, runs[run].p, &spec, TR_F64, runs[run].from, runs[run].to, &stats);
      steps[k] = (double)stats.n_steps;
      CHECK(error[k] < 300 * tol);
      if (k >= 2) CHECK(error[k] < 0.3 * error[k - 2]);
    }
    double order = log(error[EARLY] / error[DECADES - 1]) / log(steps[DECADES - 1] / steps[EARLY]);
    printf(" %.2f", order);
    if (method->order == 0) continue;
    CHECK(order > 0.85 * method->order);
    if (runs[run].p == &rotation)
      CHECK(order < 1.15 * method->order); /* elsewhere errors of the steps cancel */
  }
  printf("\n");
}

/* --- Weak order, exactly. For an affine drift every scheme maps coefficients over the basis (1, x_0, z_1,
 * H_1, .. z_K, H_K) to such coefficients, so the state is that row and the "normals" of step k are unit
 * vectors. Then mean = c_0 + c_1 E x_0 and variance = c_1^2 Var x_0 + sum c_k^2 hold without sampling error.
 * --- */
static const double mean0 = 0.4, variance0 = 0.3;

static tr_status unit(long index, tr_array *z) {
  double *c = calloc((size_t)z->count, sizeof *c);
  c[index] = 1;
  tr_status status = tr_array_set_f64(z, c);
  free(c);
  return status;
}
static tr_status unit_normal(long step, tr_array *z, void *user) {
  (void)user;
  return unit(2 + 2 * step, z);
}
static tr_status unit_levy(long step, tr_array *z, void *user) {
  (void)user;
  return unit(3 + 2 * step, z);
}

/* m' = slope m + offset, V' = 2 slope V + g^2, by many classical Runge-Kutta steps. */
static void exact_moments(double *mean, double *variance) {
  enum { N = 20000 };
  double m = mean0, v = variance0, h = 1.0 / N;
  for (int i = 0; i < N; i++) {
    double km[4], kv[4], at[4] = {0, 0.5, 0.5, 1};
    for (int s = 0; s < 4; s++) {
      double t = (i + at[s]) * h, ms = m + (s ? at[s] * h * km[s - 1] : 0),
             vs = v + (s ? at[s] * h * kv[s - 1] : 0);
      km[s] = affine_slope(t) * ms + affine_offset(t);
      kv[s] = 2 * affine_slope(t) * vs + affine_noise2(t);
    }
    m += h / 6 * (km[0] + 2 * km[1] + 2 * km[2] + km[3]);
    v += h / 6 * (kv[0] + 2 * kv[1] + 2 * kv[2] + kv[3]);
  }
  *mean = m, *variance = v;
}

static void moments(tr_ctx *ctx, const tr_sde_method *method, int steps, double *mean, double *variance) {
  int n = 2 * steps + 2;
  double *c = calloc((size_t)n, sizeof *c), *grid = malloc(((size_t)steps + 1) * sizeof *grid);
  for (int i = 0; i <= steps; i++) grid[i] = (double)i / steps;
  c[1] = 1;
  tr_array *x;
  tr_brownian *path;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){n}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, c));
  CHECK_OK(ctx, tr_brownian_create_given_levy(ctx, steps, unit_normal, unit_levy, NULL, &path));
  tr_sde_spec spec = {.method = method, .grid = grid, .n_grid = steps + 1};
  tr_sde_stats stats;
  CHECK_OK(ctx, tr_sde_solve(&spec, &affine, path, NULL, 0, x, NULL, NULL, &stats));
  CHECK(stats.n_steps == steps && stats.n_rhs == (long)steps * method->nfe_per_step && stats.t_end == 1);
  CHECK(strcmp(stats.stop_reason, "end") == 0 && strcmp(stats.solver, method->info.name) == 0);
  CHECK_OK(ctx, tr_array_get_f64(x, c));
  *mean = c[0] + c[1] * mean0;
  *variance = c[1] * c[1] * variance0;
  for (int i = 2; i < n; i++) *variance += c[i] * c[i];
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  free(c);
  free(grid);
}

/* The order of the mean or the variance, whichever is lower. */
static double weak_order(tr_ctx *ctx, const tr_sde_method *method) {
  double mean, variance, em[2], ev[2];
  exact_moments(&mean, &variance);
  for (int k = 0; k < 2; k++) {
    moments(ctx, method, 100 << k, &em[k], &ev[k]);
    em[k] = fabs(em[k] - mean), ev[k] = fabs(ev[k] - variance);
  }
  CHECK(ev[1] < 0.01 && em[1] < 0.01);
  return fmin(log2(em[0] / em[1]), log2(ev[0] / ev[1]));
}

/* --- Strong order on coarser views of one path. All methods go to one limit, that of the finest view. --- */
enum { SAMPLES = 512, FINE = 1024 };

static void end_on_path(tr_ctx *ctx, const tr_sde_method *method, const tr_brownian *path, int steps,
                        double *end) {
  double grid[FINE + 1];
  for (int i = 0; i <= steps; i++) grid[i] = (double)i / steps;
  tr_sde_spec spec = {.method = method, .grid = grid, .n_grid = steps + 1};
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){SAMPLES, 1}, &x));
  CHECK_OK(ctx, tr_fill(0.2, x));
  CHECK_OK(ctx, tr_sde_solve(&spec, &sine, path, NULL, 0, x, NULL, NULL, NULL));
  CHECK_OK(ctx, tr_array_get_f64(x, end));
  tr_array_destroy(&x);
}

static double strong_order(tr_ctx *ctx, const tr_sde_method *method, const tr_brownian *fine,
                           const double *limit) {
  static double end[SAMPLES];
  double error[2] = {0, 0};
  for (int k = 0; k < 2; k++) {
    int factor = k ? 16 : 64;
    tr_brownian *path;
    CHECK_OK(ctx, tr_brownian_create_coarse(ctx, fine, factor, &path));
    end_on_path(ctx, method, path, FINE / factor, end);
    for (int i = 0; i < SAMPLES; i++) error[k] += fabs(end[i] - limit[i]) / SAMPLES;
    tr_brownian_destroy(&path);
  }
  CHECK(error[1] < 0.1);
  return log(error[0] / error[1]) / log(4);
}

static void sde_orders(tr_ctx *ctx) {
  static double limit[SAMPLES];
  tr_brownian *fine;
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 11, 0, &fine));
  end_on_path(ctx, find_sde(ctx, "shark"), fine, FINE, limit);
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, i)) != NULL; i++) {
    const tr_sde_method *method = (const tr_sde_method *)module;
    double weak = weak_order(ctx, method), strong = strong_order(ctx, method, fine, limit);
    printf("%-16s claimed weak %g, strong %g, %d evaluations a step; measured %.2f, %.2f\n", module->name,
           method->weak_order, method->strong_order, method->nfe_per_step, weak, strong);
    CHECK_NEAR(weak, method->weak_order, 0.15);
    CHECK_NEAR(strong, method->strong_order, 0.25);
  }
  tr_brownian_destroy(&fine);
}

/* A user's own method is a table like the built-in ones. */
static const tr_butcher ralston_table = {
    .stages = 3, .c = {0, 0.5, 0.75}, .a = {{0}, {0.5}, {0, 0.75}}, .b = {2. / 9, 1. / 3, 4. / 9}};
static const tr_ode_method ralston = {.info = {"ralston3", NULL, "Ralston's third-order method"},
                                      .order = 3,
                                      .nfe_per_step = 3,
                                      .detail = &ralston_table,
                                      .solve = tr_runge_kutta_solve};

static void ode_orders(tr_ctx *ctx) {
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_ODE_METHOD, &ralston.info));
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, i)) != NULL; i++) {
    const tr_ode_method *method = (const tr_ode_method *)module;
    if (method->caps & TR_ODE_ADAPTIVE)
      adaptive_order(ctx, method);
    else
      fixed_order(ctx, method);
  }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  ode_orders(ctx);
  sde_orders(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
