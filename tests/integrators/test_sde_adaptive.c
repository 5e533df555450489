/* Adaptive SDE steps on a Brownian tree: the error falls with the tolerance along one path, work goes where
 * it is needed, rejections leave no trace, outputs are hit, limits and refusals. */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "integrators/register.h"
#include "tests/support/problems/sde_problems.h"

/* TR_TEST_RESOURCES */

enum { SAMPLES = 64, FINE = 1024 };

static const char *const methods[] = {"sra1", "shark", "sosra"};
enum { METHODS = sizeof methods / sizeof *methods };

static const double unit[] = {0, 1};

static tr_brownian *tree(tr_ctx *ctx) {
  tr_brownian *path = NULL;
  CHECK_OK(ctx, tr_brownian_create_tree(ctx, 17, 0, 0, 1, &path));
  return path;
}
static tr_array *start(tr_ctx *ctx) {
  tr_array *x = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){SAMPLES, 1}, &x));
  CHECK_OK(ctx, tr_fill(0.2, x));
  return x;
}
static tr_sde_spec spec_for(tr_ctx *ctx, const char *method, double tol) {
  return (tr_sde_spec){.method = find_sde(ctx, method), .grid = unit, .n_grid = 2, .rtol = tol, .atol = tol};
}

static void solve(tr_ctx *ctx, const tr_sde_spec *spec, const tr_sde_problem *problem, double *end,
                  tr_sde_stats *stats) {
  tr_brownian *path = tree(ctx);
  tr_array *x = start(ctx);
  CHECK_OK(ctx, tr_sde_solve(spec, problem, path, NULL, 0, x, NULL, NULL, stats));
  CHECK_OK(ctx, tr_array_get_f64(x, end));
  CHECK(stats->stop_reason == TR_STOP_END && stats->t_end == 1);
  CHECK(stats->n_rhs == (stats->n_steps + stats->n_rejected) * spec->method->nfe_per_step);
  tr_array_destroy(&x);
  tr_brownian_destroy(&path);
}

static void on_grid(tr_ctx *ctx, const char *method, const tr_sde_problem *problem, int steps, double *end) {
  double *grid = malloc(((size_t)steps + 1) * sizeof *grid);
  for (int i = 0; i <= steps; i++) grid[i] = (double)i / steps;
  tr_sde_spec spec = {.method = find_sde(ctx, method), .grid = grid, .n_grid = steps + 1};
  tr_sde_stats stats;
  solve(ctx, &spec, problem, end, &stats);
  CHECK(stats.n_steps == steps && stats.n_rejected == 0);
  free(grid);
}

static double distance(const double *a, const double *b) {
  double sum = 0;
  for (int i = 0; i < SAMPLES; i++) sum += (a[i] - b[i]) * (a[i] - b[i]) / SAMPLES;
  return sqrt(sum);
}

/* Against a fine grid of another method over the same path: the error falls with the tolerance and, against
 * the work, with strong order 1.5. */
static void error_follows_tolerance(tr_ctx *ctx) {
  enum { DECADES = 3 };
  double limit[SAMPLES], end[SAMPLES];
  on_grid(ctx, "sra1", &sine, FINE, limit);
  for (int m = 0; m < METHODS; m++) {
    double error[DECADES], work[DECADES];
    for (int k = 0; k < DECADES; k++) {
      double tol = pow(10, -1 - k);
      tr_sde_spec spec = spec_for(ctx, methods[m], tol);
      tr_sde_stats stats;
      solve(ctx, &spec, &sine, end, &stats);
      error[k] = distance(end, limit);
      work[k] = (double)stats.n_rhs;
      printf("%s tol %g: error %.2e, %ld evaluations, %ld rejected\n", methods[m], tol, error[k], stats.n_rhs,
             stats.n_rejected);
      CHECK(error[k] < 3 * tol);
      if (k) CHECK(error[k] < 0.5 * error[k - 1]);
    }
    CHECK(log(error[0] / error[DECADES - 1]) / log(work[DECADES - 1] / work[0]) > 1.25);
  }
}

/* A drift that is fast for a short while. */
static double burst(double t) {
  return 2 + 300 * exp(-(t - 0.3) * (t - 0.3) / (2 * 0.01 * 0.01));
}
static tr_status burst_drift(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)user;
  TR_TRY(tr_scale(-burst(t), x, dx));
  return tr_map(TR_MAP_ADDC, burst(t) * sin(5 * t), dx, NULL, dx);
}
static tr_status one(double t, double *out, void *user) {
  (void)t, (void)user;
  *out = 0.04;
  return TR_OK;
}
static const tr_sde_problem bursting = {.drift = burst_drift, .g2 = one};

/* At the work of the adaptive solve a uniform grid is several times further off. */
static void work_where_needed(tr_ctx *ctx) {
  double limit[SAMPLES], end[SAMPLES], uniform[SAMPLES];
  on_grid(ctx, "shark", &bursting, FINE, limit);
  for (int m = 0; m < METHODS; m++) {
    tr_sde_spec spec = spec_for(ctx, methods[m], 1e-3);
    tr_sde_stats stats;
    solve(ctx, &spec, &bursting, end, &stats);
    on_grid(ctx, methods[m], &bursting, (int)(stats.n_rhs / spec.method->nfe_per_step), uniform);
    printf("%s burst: %ld evaluations, %ld rejected, error %.2e, uniform grid %.2e\n", methods[m],
           stats.n_rhs, stats.n_rejected, distance(end, limit), distance(uniform, limit));
    CHECK(distance(end, limit) < 3e-3);
    CHECK(5 * distance(end, limit) < distance(uniform, limit));
  }
}

static void rejections_leave_no_trace(tr_ctx *ctx) {
  double limit[SAMPLES], end[SAMPLES];
  on_grid(ctx, "sra1", &sine, FINE, limit);
  for (int m = 0; m < METHODS; m++) {
    tr_sde_spec spec = spec_for(ctx, methods[m], 1e-3);
    tr_sde_stats stats;
    spec.h0 = 1;
    solve(ctx, &spec, &sine, end, &stats);
    CHECK(stats.n_rejected > 2);
    CHECK(distance(end, limit) < 3e-3);
  }
}

typedef struct {
  int seen;
  double value[8][SAMPLES];
} listener;
static tr_status listen(int index, double t, const tr_array *x, void *user) {
  listener *l = user;
  (void)t;
  CHECK(index == l->seen);
  return tr_array_get_f64(x, l->value[l->seen++]);
}

/* Output times and the grid's inner points end a step: the states there are those of the path, not a line. */
static void outputs_are_hit(tr_ctx *ctx) {
  static const double times[] = {0, 0.123, 0.125, 0.5, 0.77, 1}, inner[] = {0, 0.3, 0.5, 1};
  static listener got, want;
  for (int fixed = 0; fixed < 2; fixed++) {
    double grid[FINE * 4 + 6];
    int n = 0, next = 1;
    for (int i = 0; i <= FINE; i++) {
      while (next < 5 && times[next] < (double)i / FINE) grid[n++] = times[next++];
      if (next < 5 && times[next] == (double)i / FINE) next++;
      grid[n++] = (double)i / FINE;
    }
    tr_sde_spec spec = spec_for(ctx, "shark", 1e-3);
    spec.grid = inner, spec.n_grid = 4;
    if (fixed) spec = (tr_sde_spec){.method = find_sde(ctx, "shark"), .grid = grid, .n_grid = n};
    tr_brownian *path = tree(ctx);
    tr_array *x = start(ctx);
    tr_sde_stats stats;
    listener *l = fixed ? &want : &got;
    *l = (listener){0};
    CHECK_OK(ctx, tr_sde_solve(&spec, &sine, path, times, 6, x, listen, l, &stats));
    CHECK(l->seen == 6 && stats.t_end == 1);
    tr_array_destroy(&x);
    tr_brownian_destroy(&path);
  }
  CHECK(distance(got.value[0], want.value[0]) == 0);
  for (int i = 1; i < 6; i++) CHECK(distance(got.value[i], want.value[i]) < 3e-3);
}

/* A method that leaves the state at 0.2 and says that one element of it is off by error_size h^1.5. */
static double error_size;
static tr_status stay(const tr_sde_method *method, const double *params, const tr_sde_problem *problem,
                      double t, double t_next, const tr_array *z, const tr_array *z2, tr_array *x,
                      tr_array *const *scratch, tr_program *list) {
  (void)method, (void)params, (void)problem, (void)t, (void)t_next;
  (void)z, (void)z2, (void)x, (void)scratch, (void)list;
  return TR_OK;
}
static tr_status known_error(const tr_sde_method *method, double h, tr_array *const *scratch, tr_array *error,
                             tr_program *list) {
  (void)method, (void)scratch;
  const double value[SAMPLES] = {[3] = error_size * pow(h, 1.5)};
  TR_TRY(tr_program_run(list));
  return tr_array_set_f64(error, value);
}
static const tr_sde_method known = {
    .info = {.name = "known-error"}, .nfe_per_step = 1, .step = stay, .error = known_error};

typedef struct {
  double first, before, longest;
} steps_seen;
static void watch_steps(double t, long n_rhs, void *user) {
  steps_seen *seen = user;
  (void)n_rhs;
  if (seen->before == 0) seen->first = t;
  seen->longest = fmax(seen->longest, t - seen->before);
  seen->before = t;
}

/* A step is accepted up to the tolerance atol + rtol |x|, in the root mean square over all elements, and not
 * beyond; both parts of the tolerance count. */
static void no_more_than_allowed(tr_ctx *ctx) {
  static const double tolerances[][2] = {{0, 0.5}, {1, 0.3}, {2, 0.1}}; /* rtol, atol: 0.5 in all */
  for (int i = 0; i < 3; i++)
    for (int over = 0; over < 2; over++) {
      tr_sde_spec spec = {.method = &known, .grid = unit, .n_grid = 2, .h0 = 0.125};
      tr_sde_stats stats;
      steps_seen seen = {0};
      double end[SAMPLES], allowed = 0.5 * sqrt(SAMPLES);
      error_size = (over ? 1.002 : 0.998) * allowed / pow(0.125, 1.5);
      spec.rtol = tolerances[i][0], spec.atol = tolerances[i][1];
      spec.on_progress = watch_steps;
      spec.progress_user = &seen;
      solve(ctx, &spec, &sine, end, &stats);
      CHECK(over ? stats.n_rejected == 1 : stats.n_rejected == 0);
      CHECK(over ? seen.first < 0.125 : seen.first == 0.125);
      CHECK(error_size * pow(seen.longest, 1.5) <= allowed);
      CHECK(stats.n_steps < 20);
    }
}

/* --- Limits and refusals. --- */
typedef struct {
  tr_sde_spec spec;
  tr_sde_problem problem;
  tr_brownian *path;
  tr_sde_stats stats;
  double end[SAMPLES];
} call;

static call good(tr_ctx *ctx) {
  return (call){.spec = spec_for(ctx, "shark", 1e-3), .problem = sine, .path = tree(ctx)};
}
static tr_status go(tr_ctx *ctx, call *c) {
  tr_array *x = start(ctx);
  tr_status status = tr_sde_solve(&c->spec, &c->problem, c->path, NULL, 0, x, NULL, NULL, &c->stats);
  tr_error kept = *tr_ctx_error(ctx);
  if (status != TR_OK) tr_ctx_clear(ctx);
  CHECK_OK(ctx, tr_array_get_f64(x, c->end));
  if (status != TR_OK) TR_FAIL(ctx, status, "%s", kept.message);
  tr_array_destroy(&x);
  tr_brownian_destroy(&c->path);
  return status;
}

static tr_status late_nan(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)user;
  return t > 0.6 ? tr_fill(NAN, dx) : tr_scale(-1, x, dx);
}
static tr_status singular_g2(double t, double *out, void *user) {
  (void)user;
  *out = t == 0 ? INFINITY : 1;
  return TR_OK;
}
static tr_status singular_step(double t, double h, const tr_array *z, tr_array *x, long *n_rhs,
                               tr_program *list, void *user) {
  (void)t, (void)user;
  *n_rhs += 2;
  return tr_program_axpby(list, 1, x, sqrt(h), z, x);
}
static volatile sig_atomic_t stop_flag = 1;

static void limits(tr_ctx *ctx) {
  for (long most = 1; most < 40; most += 5) {
    call c = good(ctx);
    c.spec.max_nfe = most;
    CHECK_OK(ctx, go(ctx, &c));
    CHECK(c.stats.n_rhs <= most && c.stats.n_rhs >= most - 1 && c.stats.t_end < 1);
    CHECK(c.stats.stop_reason == TR_STOP_MAX_NFE);
  }
  call c = good(ctx);
  c.spec.max_steps = 5;
  CHECK_ERROR(ctx, go(ctx, &c), TR_E_SOLVER, "max_steps");
  CHECK(c.stats.n_steps + c.stats.n_rejected == 5);

  c = good(ctx);
  c.problem.drift = late_nan;
  CHECK_ERROR(ctx, go(ctx, &c), TR_E_SOLVER, "shrunk");
  CHECK(c.stats.t_end > 0.59 && c.stats.t_end <= 0.6 && isfinite(c.end[0]));
  CHECK(c.stats.stop_reason == TR_STOP_ERROR);

  c = good(ctx);
  tr_ctx_set_interrupt(ctx, &stop_flag);
  CHECK_ERROR(ctx, go(ctx, &c), TR_E_INTERRUPTED, "interrupted");
  CHECK(c.stats.n_steps == 1);
  tr_ctx_set_interrupt(ctx, NULL);

  c = good(ctx);
  c.problem.g2 = singular_g2;
  c.problem.singular_step = singular_step;
  CHECK_OK(ctx, go(ctx, &c));
  CHECK(isfinite(c.end[0]) && c.stats.t_end == 1);
}

#define REFUSED(change, want, word)                                                                          \
  do {                                                                                                       \
    call c = good(ctx);                                                                                      \
    change;                                                                                                  \
    CHECK_ERROR(ctx, go(ctx, &c), want, word);                                                               \
    CHECK(c.stats.n_rhs == 0 && c.stats.stop_reason == TR_STOP_ERROR);                                       \
  } while (0)

static void refusals(tr_ctx *ctx) {
  REFUSED(c.spec.rtol = -1e-3, TR_E_ARG, "rtol = -0.001");
  REFUSED(c.spec.rtol = NAN, TR_E_ARG, "rtol = nan");
  REFUSED(c.spec.atol = 0, TR_E_ARG, "atol = 0");
  REFUSED(c.spec.atol = INFINITY, TR_E_ARG, "atol = inf");
  REFUSED(c.spec.h0 = -0.1, TR_E_ARG, "h0 = -0.1");
  REFUSED(c.spec.max_steps = -1, TR_E_ARG, "max_steps = -1");
  REFUSED(c.spec.method = find_sde(ctx, "euler-maruyama"), TR_E_ARG, "no error estimate");
  REFUSED((tr_brownian_destroy(&c.path), tr_brownian_create_addressed(ctx, 1, 0, &c.path)), TR_E_ARG,
          "Brownian tree");
  REFUSED((c.spec.rtol = c.spec.atol = 0, c.spec.h0 = 0.1), TR_E_ARG, "h0");
  REFUSED((c.spec.rtol = c.spec.atol = 0, c.spec.max_steps = 7), TR_E_ARG, "max_steps");
}

/* Where steps must end: one that would leave a crumb before a stop goes half the way, and one that a stop cut
 * short says nothing of how long the next may be. */
static void stops_and_steps(tr_ctx *ctx) {
  static const double crumb[] = {0, 0.31, 1}, pair[] = {0, 0.5, 0.51, 1};
  double end[SAMPLES];
  for (int k = 0; k < 2; k++) {
    steps_seen seen = {0};
    tr_sde_stats stats;
    tr_sde_spec spec = {.method = &known,
                        .grid = k ? pair : crumb,
                        .n_grid = k ? 4 : 3,
                        .atol = 1,
                        .h0 = 0.3,
                        .on_progress = watch_steps,
                        .progress_user = &seen};
    error_size = 0;
    if (k) spec.h0 = 0.5;
    solve(ctx, &spec, &sine, end, &stats);
    if (k == 0) CHECK(seen.first > 0.14 && seen.first < 0.17);
    if (k == 1) CHECK(stats.n_steps == 3); /* 0.5, 0.01 and all the rest: not five times 0.01 */
  }
}

/* The estimate of a step is what it is said to be: x' minus Euler's step, without noise x + h f(t, x). */
static void estimate_of_a_step(tr_ctx *ctx) {
  const double h = 0.1, t = 0.3;
  for (int m = 0; m < METHODS; m++) {
    const tr_sde_method *method = find_sde(ctx, methods[m]);
    tr_array *x = start(ctx), *z, *slope, *error, *scratch[16];
    tr_program list;
    double after[SAMPLES], f[SAMPLES], estimate[SAMPLES];
    CHECK_OK(ctx, tr_array_like(x, &z));
    CHECK_OK(ctx, tr_array_like(x, &slope));
    CHECK_OK(ctx, tr_array_like(x, &error));
    for (int i = 0; i < method->n_scratch; i++) CHECK_OK(ctx, tr_array_like(x, &scratch[i]));
    CHECK_OK(ctx, tr_fill(0, z));
    CHECK_OK(ctx, sine.drift(t, x, slope, sine.user));
    CHECK_OK(ctx, tr_array_get_f64(slope, f));
    tr_program_init(&list, -1);
    CHECK_OK(ctx, method->step(method, NULL, &sine, t, t + h, z, z, x, scratch, &list));
    CHECK_OK(ctx, method->error(method, h, scratch, error, &list));
    CHECK_OK(ctx, tr_program_run(&list));
    CHECK_OK(ctx, tr_array_get_f64(x, after));
    CHECK_OK(ctx, tr_array_get_f64(error, estimate));
    CHECK(fabs(estimate[0]) > 1e-3);
    for (int i = 0; i < SAMPLES; i++) CHECK_NEAR(estimate[i], after[i] - (0.2 + h * f[i]), 1e-14);
    tr_array_destroy(&x), tr_array_destroy(&z), tr_array_destroy(&slope), tr_array_destroy(&error);
    for (int i = 0; i < method->n_scratch; i++) tr_array_destroy(&scratch[i]);
  }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  error_follows_tolerance(ctx);
  work_where_needed(ctx);
  rejections_leave_no_trace(ctx);
  outputs_are_hit(ctx);
  no_more_than_allowed(ctx);
  stops_and_steps(ctx);
  estimate_of_a_step(ctx);
  limits(ctx);
  refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
