#include "tests/support/problems/orders.h"

#include <stdlib.h>

#include "core/vec/vec.h"
#include "tests/support/problems/moments.h"
#include "tests/support/problems/ode_problems.h"
#include "tests/support/problems/sde_problems.h"

/* ---- ODE ---- */

static const struct {
  const problem *p;
  double from, to;
} runs[ORDERS_RUNS] = {{&rotation, 0, 1}, {&rotation, 1, 0}, {&logistic, 0, 1}, {&logistic, 1, -0.5}};

static double fixed_error(tr_ctx *ctx, const tr_ode_method *method, int run, int n, long *nfe) {
  double *grid = malloc(((size_t)n + 1) * sizeof *grid);
  for (int i = 0; i <= n; i++) {
    double u = (double)i / n;
    grid[i] = runs[run].from + (runs[run].to - runs[run].from) * (u + 0.1 * u * (1 - u));
  }
  grid[n] = runs[run].to;
  tr_ode_spec spec = {.method = method, .grid = grid, .n_grid = n + 1};
  tr_ode_stats stats;
  double error = solve_error(ctx, runs[run].p, &spec, TR_F64, runs[run].from, runs[run].to, &stats);
  CHECK(stats.n_steps == n);
  *nfe += stats.n_rhs;
  free(grid);
  return error;
}

void orders_fixed(tr_ctx *ctx, const tr_ode_method *method, orders *out) {
  enum { STEPS = 60 };
  long nfe = 0;
  out->n = ORDERS_RUNS;
  for (int run = 0; run < ORDERS_RUNS; run++) {
    double coarse = fixed_error(ctx, method, run, STEPS, &nfe);
    out->fine[run] = fixed_error(ctx, method, run, 2 * STEPS, &nfe);
    out->order[run] = log2(coarse / out->fine[run]);
  }
  out->nfe_per_step = (double)nfe / (3 * STEPS * ORDERS_RUNS);
}

void orders_adaptive(tr_ctx *ctx, const tr_ode_method *method, orders *out, double *over_tolerance,
                     double *fall) {
  enum { DECADES = 9, EARLY = 4 }; /* 1e-3 .. 1e-11; 1e-7 is the first of many steps */
  double nfe = 0, all_steps = 0;
  out->n = ORDERS_RUNS;
  *over_tolerance = *fall = 0;
  for (int run = 0; run < ORDERS_RUNS; run++) {
    double error[DECADES], steps[DECADES];
    for (int k = 0; k < DECADES; k++) {
      double tol = pow(10, -3 - k);
      tr_ode_spec spec = {.method = method, .rtol = tol, .atol = tol};
      tr_ode_stats stats;
      error[k] = solve_error(ctx, runs[run].p, &spec, TR_F64, runs[run].from, runs[run].to, &stats);
      steps[k] = (double)stats.n_steps;
      CHECK(isfinite(error[k]));
      nfe += (double)stats.n_rhs;
      all_steps += steps[k];
      *over_tolerance = fmax(*over_tolerance, error[k] / tol);
      if (k >= 2) *fall = fmax(*fall, error[k] / error[k - 2]);
    }
    out->fine[run] = error[DECADES - 1];
    out->order[run] = log(error[EARLY] / error[DECADES - 1]) / log(steps[DECADES - 1] / steps[EARLY]);
  }
  out->nfe_per_step = nfe / all_steps;
}

/* ---- Weak order, exactly. For an affine drift every scheme maps coefficients over the basis (1, x_0, z_1,
 * H_1, .. z_K, H_K) to such coefficients, so the state is that row and the "normals" of step k are unit
 * vectors. Then mean = c_0 + c_1 E x_0 and variance = c_1^2 Var x_0 + sum c_k^2 hold without sampling error.
 * ---- */
static const double mean0 = 0.4, variance0 = 0.3;

static tr_status unit_normal(long step, tr_array *z, void *user) {
  (void)user;
  return moments_unit(2 + 2 * step, z);
}
static tr_status unit_levy(long step, tr_array *z, void *user) {
  (void)user;
  return moments_unit(3 + 2 * step, z);
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

static void measured_moments(tr_ctx *ctx, const tr_sde_method *method, int steps, double *mean,
                             double *variance, long *nfe) {
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
  CHECK(stats.n_steps == steps && stats.t_end == 1);
  CHECK(stats.stop_reason == TR_STOP_END && strcmp(stats.solver, method->info.name) == 0);
  CHECK_OK(ctx, tr_array_get_f64(x, c));
  *nfe += stats.n_rhs;
  *mean = c[0] + c[1] * mean0;
  *variance = c[1] * c[1] * variance0;
  for (int i = 2; i < n; i++) *variance += c[i] * c[i];
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  free(c);
  free(grid);
}

void orders_weak(tr_ctx *ctx, const tr_sde_method *method, orders *out) {
  enum { STEPS = 100 };
  double mean, variance, em[2], ev[2];
  long nfe = 0;
  exact_moments(&mean, &variance);
  for (int k = 0; k < 2; k++) {
    measured_moments(ctx, method, STEPS << k, &em[k], &ev[k], &nfe);
    em[k] = fabs(em[k] - mean), ev[k] = fabs(ev[k] - variance);
  }
  out->n = 2;
  out->order[0] = log2(em[0] / em[1]), out->fine[0] = em[1];
  out->order[1] = log2(ev[0] / ev[1]), out->fine[1] = ev[1];
  out->nfe_per_step = (double)nfe / (3 * STEPS);
}

/* ---- Strong order on coarser views of one path. All methods go to one limit, that of the finest view. ----
 */
enum { SAMPLES = 512, FINE = 1024 };

static void end_on_path(tr_ctx *ctx, const tr_sde_method *method, const tr_brownian *path, int steps,
                        double *end, long *nfe) {
  double grid[FINE + 1];
  for (int i = 0; i <= steps; i++) grid[i] = (double)i / steps;
  tr_sde_spec spec = {.method = method, .grid = grid, .n_grid = steps + 1};
  tr_sde_stats stats;
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){SAMPLES, 1}, &x));
  CHECK_OK(ctx, tr_fill(0.2, x));
  CHECK_OK(ctx, tr_sde_solve(&spec, &sine, path, NULL, 0, x, NULL, NULL, &stats));
  CHECK_OK(ctx, tr_array_get_f64(x, end));
  *nfe += stats.n_rhs;
  tr_array_destroy(&x);
}

void orders_path_open(tr_ctx *ctx, orders_path *out) {
  long nfe = 0;
  out->limit = malloc(SAMPLES * sizeof *out->limit);
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 11, 0, &out->fine));
  end_on_path(ctx, find_sde(ctx, "shark"), out->fine, FINE, out->limit, &nfe);
}

void orders_path_close(orders_path *path) {
  tr_brownian_destroy(&path->fine);
  free(path->limit);
  path->limit = NULL;
}

void orders_strong(tr_ctx *ctx, const tr_sde_method *method, const orders_path *path, orders *out) {
  static const int factors[] = {64, 16};
  double *end = malloc(SAMPLES * sizeof *end), error[2] = {0, 0};
  long nfe = 0;
  for (int k = 0; k < 2; k++) {
    tr_brownian *coarse;
    CHECK_OK(ctx, tr_brownian_create_coarse(ctx, path->fine, factors[k], &coarse));
    end_on_path(ctx, method, coarse, FINE / factors[k], end, &nfe);
    for (int i = 0; i < SAMPLES; i++) error[k] += fabs(end[i] - path->limit[i]) / SAMPLES;
    tr_brownian_destroy(&coarse);
  }
  out->n = 1;
  out->order[0] = log(error[0] / error[1]) / log((double)factors[0] / factors[1]);
  out->fine[0] = error[1];
  out->nfe_per_step = (double)nfe / (FINE / factors[0] + FINE / factors[1]);
  free(end);
}
