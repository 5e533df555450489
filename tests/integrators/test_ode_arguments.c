/* Bad arguments are one-line errors that name the value; nothing is evaluated and the state stays. */
#include "core/module/registry.h"
#include "integrators/ode/adams_bashforth.h"
#include "integrators/ode/ode_run_private.h"
#include "integrators/ode/runge_kutta.h"
#include "integrators/register.h"
#include "tests/support/problems/ode_problems.h"

static tr_ctx *ctx;
static const double unit[] = {0, 1};

typedef struct {
  tr_ode_spec spec;
  const double *times;
  int n_times;
} call;

static call good(const char *method) {
  return (call){
      {.method = find_ode(ctx, method), .rtol = 1e-3, .atol = 1e-6, .grid = unit, .n_grid = 2}, unit, 2};
}

static void refused(call c, const char *word) {
  recorder r = record(&rotation);
  tr_rhs rhs = recorded(&r);
  tr_array *x = exact_state(ctx, &rotation, TR_F64, 0);
  tr_ode_stats stats;
  tr_status status = tr_ode_solve(&c.spec, &rhs, c.times, c.n_times, x, NULL, NULL, &stats);
  const char *message = tr_ctx_error(ctx)->message;
  CHECK(strchr(message, '\n') == NULL);
  CHECK(r.calls == 0 && stats.n_rhs == 0);
  CHECK(distance(&rotation, x, 0) == 0);
  CHECK_ERROR(ctx, status, TR_E_ARG, word);
  tr_array_destroy(&x);
}

#define REFUSED(method, change, word)                                                                        \
  do {                                                                                                       \
    call c = good(method);                                                                                   \
    change;                                                                                                  \
    refused(c, word);                                                                                        \
  } while (0)

static void tolerances(void) {
  static const char *const adaptive[] = {"cvode-adams", "cvode-bdf", "dopri5", "bosh3"};
  for (int i = 0; i < 4; i++) {
    REFUSED(adaptive[i], c.spec.rtol = 0, "rtol = 0");
    REFUSED(adaptive[i], c.spec.rtol = -1e-3, "rtol = -0.001");
    REFUSED(adaptive[i], c.spec.rtol = NAN, "rtol = nan");
    REFUSED(adaptive[i], c.spec.rtol = INFINITY, "rtol = inf");
    REFUSED(adaptive[i], c.spec.atol = -1, "atol = -1");
    REFUSED(adaptive[i], c.spec.atol = NAN, "atol = nan");
    REFUSED(adaptive[i], c.spec.drift_rel_noise = 1, "drift_rel_noise = 1");
    REFUSED(adaptive[i], c.spec.drift_rel_noise = NAN, "drift_rel_noise = nan");
    REFUSED(adaptive[i], c.spec.h0 = -0.1, "h0 = -0.1");
    REFUSED(adaptive[i], c.spec.h0 = NAN, "h0 = nan");
    REFUSED(adaptive[i], c.spec.max_steps = -1, "max_steps = -1");
    REFUSED(adaptive[i], c.spec.max_nfe = -5, "max_nfe = -5");
  }
}

/* What a method does not read may not be given. */
static void unread_fields(void) {
  REFUSED("dopri5", c.spec.max_order = 3, "max_order");
  REFUSED("dopri5", c.spec.nonlin_coef = 1, "nonlin_coef");
  REFUSED("cvode-bdf", c.spec.anderson = 2, "Anderson");
  REFUSED("cvode-adams", c.spec.krylov = 5, "Krylov");
  REFUSED("euler", c.spec.h0 = 0.1, "h0");
  REFUSED("cvode-adams", c.spec.max_order = 13, "max_order = 13");
  REFUSED("cvode-bdf", c.spec.max_order = 6, "max_order = 6");
  REFUSED("cvode-adams", c.spec.max_order = -1, "max_order = -1");
  REFUSED("cvode-adams", c.spec.nonlin_coef = NAN, "nonlin_coef = nan");
  REFUSED("cvode-adams", c.spec.anderson = -1, "anderson = -1");
  REFUSED("cvode-bdf", c.spec.krylov = 1000, "krylov = 1000");
}

static void times(void) {
  static const double same[] = {0, 0.5, 0.5, 1}, back[] = {0, 0.5, 0.4, 1}, nan[] = {0, NAN, 1},
                      infinite[] = {0, INFINITY}, short_grid[] = {0, 0.5}, long_grid[] = {0, 0.5, 1.1},
                      reversed[] = {1, 0};
  static const char *const any[] = {"cvode-adams", "dopri5", "euler"};
  for (int i = 0; i < 3; i++) {
    REFUSED(any[i], (c.times = same, c.n_times = 4), "strictly monotone");
    REFUSED(any[i], (c.times = back, c.n_times = 4), "point 2, 0.4");
    REFUSED(any[i], (c.times = nan, c.n_times = 3), "nan");
    REFUSED(any[i], (c.times = infinite, c.n_times = 2), "inf");
    REFUSED(any[i], c.n_times = 1, "at least 2");
    REFUSED(any[i], c.times = NULL, "times is NULL");
    REFUSED(any[i], (c.spec.breaks = nan, c.spec.n_breaks = 3), "break point 1");
    REFUSED(any[i], c.spec.n_breaks = 2, "none are given");
    REFUSED(any[i], c.spec.n_breaks = -1, "break points");
    REFUSED(any[i], c.spec.method = NULL, "no method");
  }
  REFUSED("rk4", (c.spec.grid = same, c.spec.n_grid = 4), "strictly monotone");
  REFUSED("rk4", (c.spec.grid = back, c.spec.n_grid = 4), "strictly monotone");
  REFUSED("rk4", (c.spec.grid = nan, c.spec.n_grid = 3), "nan");
  REFUSED("rk4", c.spec.n_grid = 1, "at least 2");
  REFUSED("rk4", c.spec.grid = NULL, "at least 2");
  REFUSED("rk4", (c.spec.grid = short_grid, c.spec.n_grid = 2), "from 0 to 0.5");
  REFUSED("rk4", (c.spec.grid = long_grid, c.spec.n_grid = 3), "1.1");
  REFUSED("rk4", (c.spec.grid = reversed, c.spec.n_grid = 2), "from 1 to 0");
}

static void segments_and_states(void) {
  REFUSED("cvode-adams", (c.spec.norm = (tr_segments){1, {3}}), "segments");
  REFUSED("cvode-adams", c.spec.absolute[0] = -1, "absolute tolerance");
  REFUSED("cvode-adams", c.spec.absolute[1] = 1e-3, "absolute tolerance");
  recorder r = record(&rotation);
  tr_rhs rhs = recorded(&r), none = {0};
  tr_array *x;
  call c = good("cvode-adams");
  CHECK_OK(ctx, tr_array_create(ctx, TR_I32, 1, (int64_t[]){4}, &x));
  CHECK_ERROR(ctx, tr_ode_solve(&c.spec, &rhs, unit, 2, x, NULL, NULL, NULL), TR_E_SHAPE, "i32 (4)");
  tr_array_destroy(&x);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){0, 4}, &x));
  CHECK_ERROR(ctx, tr_ode_solve(&c.spec, &rhs, unit, 2, x, NULL, NULL, NULL), TR_E_SHAPE, "(0, 4)");
  tr_array_destroy(&x);
  x = exact_state(ctx, &rotation, TR_F64, 0);
  CHECK_ERROR(ctx, tr_ode_solve(&c.spec, &none, unit, 2, x, NULL, NULL, NULL), TR_E_ARG,
              "no right-hand side");
  CHECK_OK(ctx, tr_array_set_f64(x, (double[16]){[3] = NAN}));
  CHECK_ERROR(ctx, tr_ode_solve(&c.spec, &rhs, unit, 2, x, NULL, NULL, NULL), TR_E_NONFINITE, "at t = 0 ");
  CHECK(r.calls == 0);
  tr_array_destroy(&x);
}

/* A method of one's own whose table does not hold. */
static void tables(void) {
  static const tr_butcher none = {0}, many = {.stages = TR_RK_MAX_STAGES + 1};
  static const tr_adams_bashforth one = {1}, four = {TR_ADAMS_MAX_STEPS + 1};
  tr_ode_method own = *find_ode(ctx, "rk4");
  own.info.name = "own";
  REFUSED("rk4", (own.detail = NULL, c.spec.method = &own), "own has 0 stages");
  REFUSED("rk4", (own.detail = &none, c.spec.method = &own), "own has 0 stages");
  REFUSED("rk4", (own.detail = &many, c.spec.method = &own), "own has 9 stages");
  own.solve = tr_adams_bashforth_solve;
  REFUSED("rk4", (own.detail = NULL, c.spec.method = &own), "own is of 0 steps");
  REFUSED("rk4", (own.detail = &one, c.spec.method = &own), "own is of 1 steps");
  REFUSED("rk4", (own.detail = &four, c.spec.method = &own), "own is of 4 steps");
  own.solve = NULL;
  REFUSED("rk4", c.spec.method = &own, "own has no solve");
}

/* A component that starts at 0 with atol = 0 has no error weight. */
static void zero_weight(void) {
  recorder r = record(&rotation); /* its second component starts at 0 */
  tr_rhs rhs = recorded(&r);
  tr_array *x = exact_state(ctx, &rotation, TR_F64, 0);
  call c = good("cvode-adams");
  c.spec.atol = 0;
  CHECK_ERROR(ctx, tr_ode_solve(&c.spec, &rhs, unit, 2, x, NULL, NULL, NULL), TR_E_SOLVER, "t = 0");
  tr_array_destroy(&x);
}

static tr_status refuse_output(int index, double t, const tr_array *x, void *user) {
  (void)t, (void)user;
  return index < 1 ? TR_OK : TR_FAIL(x->ctx, TR_E_IO, "no room for state %d", index);
}

/* An error of the listener ends the solve and is reported as it is. */
static void output_error(void) {
  static const char *const any[] = {"cvode-adams", "cvode-bdf", "dopri5", "bosh3", "rk4"};
  for (int i = 0; i < 5; i++) {
    recorder r = record(&rotation);
    tr_rhs rhs = recorded(&r);
    tr_array *x = exact_state(ctx, &rotation, TR_F64, 0);
    call c = good(any[i]);
    CHECK_ERROR(ctx, tr_ode_solve(&c.spec, &rhs, (double[]){0, 0.5, 1}, 3, x, refuse_output, NULL, NULL),
                TR_E_IO, "no room for state 1");
    tr_array_destroy(&x);
  }
}

/* Aliases, spelling in any case, and the hint for a wrong name. */
static void names(void) {
  const tr_module *module;
  CHECK(find_ode(ctx, "heun") == find_ode(ctx, "heun2"));
  CHECK(find_ode(ctx, "adams") == find_ode(ctx, "CVODE-Adams"));
  CHECK_ERROR(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "dopri", &module), TR_E_ARG, "dopri5");
  CHECK(tr_module_at(ctx, TR_KIND_ODE_METHOD, 0) == &find_ode(ctx, "cvode-adams")->info);
  CHECK_ERROR(ctx, tr_integrators_register(ctx), TR_E_ARG, NULL);
}

/* A method's parameters reach it settled: the default, what is set, and nothing out of range. */
static double seen;
static tr_status look(tr_ode_run *run) {
  seen = run->spec->values.v[0];
  return tr_ode_accept(run, run->times[run->n_times - 1]);
}
static void parameters(void) {
  static const tr_param params[] = {
      {.name = "depth", .value = 4, .range = {.ends = TR_RANGE_GE, .low = 1}, .help = "a number"}};
  static const tr_ode_method own = {.info = {.name = "own", .params = params, .n_params = 1}, .solve = look};
  call c = good("euler");
  recorder r = record(&rotation);
  tr_rhs rhs = recorded(&r);
  tr_array *x = exact_state(ctx, &rotation, TR_F64, 0);
  c.spec.method = &own;
  CHECK_OK(ctx, tr_ode_solve(&c.spec, &rhs, c.times, c.n_times, x, NULL, NULL, NULL));
  CHECK(seen == 4);
  CHECK_OK(ctx, tr_module_set(ctx, &own.info, &c.spec.values, "depth", 2));
  CHECK_OK(ctx, tr_ode_solve(&c.spec, &rhs, c.times, c.n_times, x, NULL, NULL, NULL));
  CHECK(seen == 2);
  tr_array_destroy(&x);
  c.spec.values.v[0] = 0; /* past the name */
  refused(c, "depth of own is 0: use a finite number >= 1");
}

/* Stale errors of the context do not disturb a solve. */
static void stale_error(void) {
  TR_FAIL(ctx, TR_E_IO, "an error of long ago");
  tr_ode_spec spec = {.method = find_ode(ctx, "cvode-adams"), .rtol = 1e-6, .atol = 1e-6};
  CHECK(solve_error(ctx, &rotation, &spec, TR_F64, 0, 1, NULL) < 300e-6);
  tr_ctx_clear(ctx);
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  tolerances();
  unread_fields();
  times();
  segments_and_states();
  tables();
  zero_weight();
  output_error();
  names();
  parameters();
  stale_error();
  tr_ctx_close(&ctx);
  return check_report();
}
