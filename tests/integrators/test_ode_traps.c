/* What SUNDIALS does badly when left alone, one check each: fatal right-hand sides retried, NaN burned,
 * overshoot past the stop time, impossible tolerances burned, hard components hidden in the norm, messages
 * printed. And the limits: max_nfe, max_steps, interruption. */
#include <stdlib.h>
#include <unistd.h>

#include "integrators/ode/ode.h"
#include "integrators/register.h"
#include "tests/support/problems/ode_problems.h"

/* TR_TEST_RESOURCES */

enum { GRID = 33 };
static double grid_up[GRID];

static const char *const methods[] = {"cvode-adams", "cvode-bdf", "dopri5", "bosh3", "euler",
                                      "heun2",       "midpoint",  "rk4",    "ab2",   "ab3"};
enum { METHODS = sizeof methods / sizeof *methods };

/* A spec for any method, 0 to 1. */
static tr_ode_spec spec_for(tr_ctx *ctx, const char *method, double tol) {
  tr_ode_spec spec = {.method = find_ode(ctx, method), .rtol = tol, .atol = tol};
  if (!(spec.method->caps & TR_ODE_ADAPTIVE)) spec.grid = grid_up, spec.n_grid = GRID;
  return spec;
}

static tr_status solve(tr_ctx *ctx, const tr_ode_spec *spec, recorder *r, tr_dtype dtype, tr_ode_stats *stats,
                       tr_array **x) {
  *x = exact_state(ctx, r->p, dtype, 0);
  tr_rhs rhs = recorded(r);
  return tr_ode_solve(spec, &rhs, (double[]){0, 1}, 2, *x, NULL, NULL, stats);
}

static void failing_rhs_stops_at_once(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++)
    for (long at = 1; at < 30; at += 3) {
      tr_ode_spec spec = spec_for(ctx, methods[m], 1e-6);
      recorder r = record(&rotation);
      r.fail_at = at, r.fail_status = TR_E_DEVICE;
      tr_array *x;
      tr_ode_stats stats;
      tr_status status = solve(ctx, &spec, &r, TR_F64, &stats, &x);
      char when[64];
      snprintf(when, sizeof when, "at t = %.10g", r.trouble_t);
      CHECK(stats.stop_reason == TR_STOP_ERROR);
      CHECK(r.calls_after_trouble == 1);
      CHECK(distance(&rotation, x, stats.t_end) < 0.2); /* the last accepted state */
      CHECK_ERROR(ctx, status, TR_E_DEVICE, when);
      tr_array_destroy(&x);
    }
}

static void nan_stops_soon(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++)
    for (long at = 1; at < 30; at += 3) {
      tr_ode_spec spec = spec_for(ctx, methods[m], 1e-6);
      recorder r = record(&rotation);
      r.nan_at = at;
      tr_array *x;
      tr_ode_stats stats;
      tr_status status = solve(ctx, &spec, &r, TR_F32, &stats, &x);
      CHECK(r.calls_after_trouble <= 10);
      CHECK(distance(&rotation, x, stats.t_end) < 0.2);
      CHECK_ERROR(ctx, status, TR_E_NONFINITE, "t = ");
      tr_array_destroy(&x);
    }
}

static void blow_up_f(double t, const double *x, double *dx, int n) {
  (void)t;
  for (int i = 0; i < n; i++) dx[i] = x[i] * x[i];
}
static void blow_up_exact(double t, double *x, int n) {
  for (int i = 0; i < n; i++) x[i] = 1 / (0.5 - t);
}
static const problem blow_up = {3, blow_up_f, blow_up_exact}; /* infinite at t = 1/2 */

static void singularity_is_an_error(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++) {
    tr_ode_spec spec = spec_for(ctx, methods[m], 1e-6);
    recorder r = record(&blow_up);
    tr_array *x;
    tr_ode_stats stats;
    tr_status status = solve(ctx, &spec, &r, TR_F64, &stats, &x);
    bool adaptive = spec.method->caps & TR_ODE_ADAPTIVE;
    CHECK(status == (adaptive ? TR_E_SOLVER : TR_E_NONFINITE));
    CHECK(stats.t_end < (adaptive ? 0.5001 : 0.9));
    CHECK(r.calls < 10000); /* not burned up to max_steps */
    CHECK_ERROR(ctx, status, status, adaptive ? "stalled at t = 0." : "from t = 0.");
    tr_array_destroy(&x);
  }
}

static void max_nfe_is_never_exceeded(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++)
    for (long limit = 1; limit < 45; limit++) {
      tr_ode_spec spec = spec_for(ctx, methods[m], 1e-6);
      recorder r = record(&rotation);
      spec.max_nfe = limit;
      tr_array *x;
      tr_ode_stats stats;
      CHECK_OK(ctx, solve(ctx, &spec, &r, TR_F64, &stats, &x));
      CHECK(r.calls <= limit && stats.n_rhs == r.calls);
      CHECK(stats.n_steps + stats.n_rejected <= stats.n_rhs); /* stopping is no rejection */
      CHECK(stats.solver[0]);
      CHECK((stats.t_end == 1) == (stats.stop_reason == TR_STOP_END));
      CHECK(stats.t_end == 1 || stats.stop_reason == TR_STOP_MAX_NFE);
      CHECK(distance(&rotation, x, stats.t_end) < 0.2);
      tr_array_destroy(&x);
    }
}

/* A budget that is met exactly is enough, and one evaluation less is not. */
static void max_nfe_can_be_met(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++) {
    long whole = 0;
    for (int k = 0; k < 3; k++) {
      tr_ode_spec spec = spec_for(ctx, methods[m], 1e-4);
      recorder r = record(&rotation);
      spec.max_nfe = k == 0 ? 0 : k == 1 ? whole : whole - 1;
      tr_array *x;
      tr_ode_stats stats;
      CHECK_OK(ctx, solve(ctx, &spec, &r, TR_F64, &stats, &x));
      if (k == 0) whole = r.calls;
      CHECK((stats.stop_reason == TR_STOP_END) == (k < 2) && (stats.t_end == 1) == (k < 2));
      if (k == 1) CHECK(r.calls == whole);
      tr_array_destroy(&x);
    }
  }
}

static void max_steps_is_an_error(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++) {
    tr_ode_spec spec = spec_for(ctx, methods[m], 1e-9);
    if (!(spec.method->caps & TR_ODE_ADAPTIVE)) continue;
    recorder r = record(&rotation);
    spec.max_steps = 6;
    tr_array *x;
    tr_ode_stats stats;
    CHECK_ERROR(ctx, solve(ctx, &spec, &r, TR_F64, &stats, &x), TR_E_SOLVER, "t = ");
    CHECK(stats.n_steps == 6 && stats.t_end < 1);
    CHECK(distance(&rotation, x, stats.t_end) < 1e-4);
    tr_array_destroy(&x);
  }
}

static volatile sig_atomic_t stop_flag;
typedef struct {
  long calls, n_rhs;
  double t;
} progress;
static void stop_at_third(double t, long n_rhs, void *user) {
  progress *p = user;
  CHECK(t > p->t && n_rhs >= p->n_rhs);
  *p = (progress){p->calls + 1, n_rhs, t};
  if (p->calls == 3) stop_flag = 1;
}

static void interrupts(tr_ctx *ctx) {
  tr_ctx_set_interrupt(ctx, &stop_flag);
  for (int m = 0; m < METHODS; m++) {
    tr_ode_spec spec = spec_for(ctx, methods[m], 1e-8);
    recorder r = record(&rotation);
    progress p = {0};
    spec.on_progress = stop_at_third;
    spec.progress_user = &p;
    tr_array *x;
    tr_ode_stats stats;
    stop_flag = 0;
    CHECK_ERROR(ctx, solve(ctx, &spec, &r, TR_F64, &stats, &x), TR_E_INTERRUPTED, "t = ");
    CHECK(stats.n_steps == 3 && stats.t_end == p.t && stats.n_rhs == p.n_rhs);
    CHECK(stats.h_last > 0);
    tr_array_destroy(&x);
  }
  tr_ctx_set_interrupt(ctx, NULL);
}

static int warnings;
static char last_warning[512];
static void warned(const char *message, void *user) {
  (void)user;
  warnings++;
  snprintf(last_warning, sizeof last_warning, "%s", message);
}

/* f32 states and noisy right-hand sides: the tolerance is raised, said so, and not burned. */
static void impossible_tolerances(tr_ctx *ctx) {
  tr_ctx_on_warning(ctx, warned, NULL);
  for (int m = 0; m < METHODS; m++) {
    tr_ode_spec spec = spec_for(ctx, methods[m], 1e-12);
    if (!(spec.method->caps & TR_ODE_ADAPTIVE)) continue;
    recorder r = record(&rotation);
    tr_array *x;
    tr_ode_stats stats;
    warnings = 0;
    CHECK_OK(ctx, solve(ctx, &spec, &r, TR_F32, &stats, &x));
    CHECK(warnings == 1 && strstr(last_warning, "f32"));
    CHECK(stats.rtol_used == 1e-6);
    CHECK(r.calls < 2000);
    CHECK(distance(&rotation, x, 1) < 3e-4);
    tr_array_destroy(&x);

    spec.drift_rel_noise = 4e-3;
    CHECK_OK(ctx, solve(ctx, &spec, &r, TR_F64, &stats, &x));
    CHECK(warnings == 2 && strstr(last_warning, "right-hand side"));
    CHECK(stats.rtol_used == 2e-3);
    tr_array_destroy(&x);
  }
  tr_ctx_on_warning(ctx, NULL, NULL);
}

/* One hard component among many easy ones. */
static void hidden_f(double t, const double *x, double *dx, int n) {
  for (int i = 0; i < n - 1; i++) dx[i] = -0.1 * x[i];
  dx[n - 1] = 12 * cos(12 * t) + 0.5 * (sin(12 * t) - x[n - 1]);
}
static void hidden_exact(double t, double *x, int n) {
  for (int i = 0; i < n - 1; i++) x[i] = exp(-0.1 * t);
  x[n - 1] = sin(12 * t);
}
static const problem hidden = {PROBLEM_MAX, hidden_f, hidden_exact};

static void segments_show_the_hard_component(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++) {
    tr_ode_spec spec = spec_for(ctx, methods[m], 1e-4);
    if (!(spec.method->caps & TR_ODE_ADAPTIVE)) continue;
    double plain = solve_error(ctx, &hidden, &spec, TR_F64, 0, 1, NULL);
    spec.norm = (tr_segments){2, {PROBLEM_MAX - 1, PROBLEM_MAX}};
    double split = solve_error(ctx, &hidden, &spec, TR_F64, 0, 1, NULL);
    CHECK(split < 0.7 * plain);
    CHECK(split < 100 * 1e-4);
    spec.absolute[1] = 1e-7; /* the hard one alone */
    double own = solve_error(ctx, &hidden, &spec, TR_F64, 0, 1, NULL);
    CHECK(own < 0.1 * split);
    CHECK(own < 100 * 1e-7);
  }
}

/* A right-hand side so easy that an integrator left alone would stride past the end. */
static void easy_f(double t, const double *x, double *dx, int n) {
  (void)x;
  for (int i = 0; i < n; i++) dx[i] = 1 + 1e-3 * t;
}
static void easy_exact(double t, double *x, int n) {
  for (int i = 0; i < n; i++) x[i] = t + 5e-4 * t * t;
}
static const problem easy = {2, easy_f, easy_exact};

static void never_past_the_end(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++)
    for (double tol = 1e-1; tol > 1e-4; tol *= 0.1) {
      tr_ode_spec spec = spec_for(ctx, methods[m], tol);
      solve_error(ctx, &easy, &spec, TR_F64, 0, 1, NULL); /* solve_error checks the times of f */
      if (!(spec.method->caps & TR_ODE_ADAPTIVE)) continue;
      solve_error(ctx, &easy, &spec, TR_F64, 1, 0, NULL);
      solve_error(ctx, &rotation, &spec, TR_F64, 0.3, 0.300001, NULL);
    }
}

static void bdf_counts_its_products(tr_ctx *ctx) {
  tr_ode_spec spec = spec_for(ctx, "cvode-bdf", 1e-6);
  tr_ode_stats stats;
  solve_error(ctx, &rotation, &spec, TR_F64, 0, 1, &stats); /* checks n_rhs against the calls */
  CHECK(stats.n_jv > 0 && stats.n_jv < stats.n_rhs);
  CHECK(stats.n_nl_iters > 0);
  CHECK(strstr(stats.solver, "BDF"));
}

/* Whatever goes wrong, nothing is written to the terminal. */
static void silent(tr_ctx *ctx) {
  char path[] = "/tmp/transit-test-XXXXXX";
  int file = mkstemp(path), out = dup(1), err = dup(2);
  unlink(path);
  fflush(NULL);
  dup2(file, 1);
  dup2(file, 2);
  for (int m = 0; m < METHODS; m++) {
    tr_ode_spec spec = spec_for(ctx, methods[m], 1e-6);
    recorder failing = record(&rotation), nan = record(&rotation), blown = record(&blow_up);
    recorder *each[] = {&failing, &nan, &blown};
    failing.fail_at = 5, failing.fail_status = TR_E_DEVICE;
    nan.nan_at = 5;
    for (int i = 0; i < 3; i++) {
      tr_array *x;
      solve(ctx, &spec, each[i], TR_F64, NULL, &x);
      tr_ctx_clear(ctx);
      tr_array_destroy(&x);
    }
  }
  fflush(NULL);
  dup2(out, 1);
  dup2(err, 2);
  CHECK(lseek(file, 0, SEEK_END) == 0);
  close(file), close(out), close(err);
}

/* rtol, atol and a segment's own tolerance all go to the error test times the method's tolerance_scale; and a
 * segment with one of its own is held to that alone, whatever rtol and atol are. */
static void tolerances_of_the_test(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++) {
    tr_ode_spec spec = spec_for(ctx, methods[m], 1e-4);
    if (!(spec.method->caps & TR_ODE_ADAPTIVE)) continue;
    spec.norm = (tr_segments){2, {PROBLEM_MAX - 1, PROBLEM_MAX}};
    spec.absolute[1] = 1e-5;
    spec.h0 = 0.01;
    tr_ode_method plain = *spec.method, scaled = *spec.method;
    plain.tolerance_scale = 1;
    scaled.tolerance_scale = 0.25;
    spec.method = &scaled;
    double error = solve_error(ctx, &hidden, &spec, TR_F64, 0, 1, NULL);
    spec.method = &plain;
    spec.rtol *= 0.25, spec.atol *= 0.25, spec.absolute[1] *= 0.25;
    CHECK(solve_error(ctx, &hidden, &spec, TR_F64, 0, 1, NULL) == error);
    spec.absolute[1] *= 4;
    CHECK(solve_error(ctx, &hidden, &spec, TR_F64, 0, 1, NULL) != error);

    spec.norm = (tr_segments){1, {PROBLEM_MAX}};
    spec.absolute[0] = 1e-5, spec.absolute[1] = 0;
    double first = 0;
    for (int k = 0; k < 3; k++) {
      spec.rtol = k == 1 ? 1e-6 : 1e-3; /* above the tolerance from which on CVODE's order is another one */
      spec.atol = k == 2 ? 1e-9 : 1e-3;
      double own = solve_error(ctx, &hidden, &spec, TR_F64, 0, 1, NULL);
      if (k == 0) first = own;
      CHECK(own == first);
    }
  }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  for (int i = 0; i < GRID; i++) grid_up[i] = (double)i / (GRID - 1);
  failing_rhs_stops_at_once(ctx);
  nan_stops_soon(ctx);
  singularity_is_an_error(ctx);
  max_nfe_is_never_exceeded(ctx);
  max_nfe_can_be_met(ctx);
  max_steps_is_an_error(ctx);
  interrupts(ctx);
  impossible_tolerances(ctx);
  segments_show_the_hard_component(ctx);
  tolerances_of_the_test(ctx);
  never_past_the_end(ctx);
  bdf_counts_its_products(ctx);
  silent(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
