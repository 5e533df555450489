/* A callback that fails ends what called it, and what it said is what the user reads: over every registered
 * method of ODEs and SDEs, in either form of a right-hand side, the sampler around each, and every trace. One
 * that said nothing gets a line that names it, the time and the status. */
#include "core/vec/program.h"
#include "core/vec/vec.h"
#include "integrators/sde/stochastic_rk.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "transport/likelihood/likelihood.h"

#define SPEECH "the user's own words"
enum { FAILS_AT = 5, N = 2, ROWS = 3 };

/* What a callback does when its turn comes. */
typedef struct {
  tr_ctx *ctx;
  long turn; /* calls until it fails; 0: never */
  bool speaks;
  double t; /* of that call */
  bool failed;
} trouble;

static tr_status maybe(trouble *it, double t) {
  if (it->turn == 0 || --it->turn > 0) return TR_OK;
  it->turn = 1; /* it goes on failing */
  if (!it->failed) it->t = t;
  it->failed = true;
  return it->speaks ? TR_FAIL(it->ctx, TR_E_DEVICE, SPEECH " at t = %.10g", t) : TR_E_DEVICE;
}

/* The status is the callback's, and the message its own, or one of ours that names it and when: "t = ", or
 * "step ". */
static void heard_at(trouble *it, const char *where, tr_status status, const char *callback,
                     const char *when) {
  char want[160];
  const char *message = tr_ctx_error(it->ctx)->message;
  if (it->speaks)
    snprintf(want, sizeof want, SPEECH " at t = %.10g", it->t);
  else
    snprintf(want, sizeof want, "%s failed at %s%.10g (TR_E_DEVICE)", callback, when, it->t);
  bool right = it->failed && status == TR_E_DEVICE && strstr(message, want) &&
               (!it->speaks || strcmp(message, want) == 0);
  CHECK(right);
  if (!right)
    fprintf(stderr, "  %s, %s: %s '%s', wanted '%s'\n", where, callback, tr_status_name(status), message,
            want);
  tr_ctx_clear(it->ctx);
}

static void heard(trouble *it, const char *where, tr_status status, const char *callback) {
  heard_at(it, where, status, callback, "t = ");
}

static tr_array *state_of(tr_ctx *ctx) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_fill(0.5, x));
  return x;
}

/* ---- solvers on their own ---- */

enum { SIDE, SEGMENT, DRIFT, G2, G2_INTEGRAL, NORMALS, SINGULAR, OUTPUT, CALLBACKS };
static trouble of[CALLBACKS];

static void set(tr_ctx *ctx, int which, bool speaks, long turn) {
  for (int i = 0; i < CALLBACKS; i++) of[i] = (trouble){.ctx = ctx};
  of[which] = (trouble){.ctx = ctx, .turn = turn, .speaks = speaks};
}

static tr_status side(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)user;
  TR_TRY(maybe(&of[SIDE], t));
  return tr_scale(-0.3, x, dx);
}
/* The same as a function of the list. */
static tr_status listed_side(double t, const tr_array *x, tr_array *dx, tr_program *list, void *user) {
  (void)user;
  TR_TRY(maybe(&of[SIDE], t));
  return tr_program_scale(list, -0.3, x, dx);
}
static tr_status segment(double from, double to, void *user) {
  (void)to, (void)user;
  return maybe(&of[SEGMENT], from);
}
static tr_status output(int index, double t, const tr_array *x, void *user) {
  (void)index, (void)x, (void)user;
  return maybe(&of[OUTPUT], t);
}

enum { GRID = 17 };
/* Within the angles that the exponential methods ask for. */
static void fill_grid(double *grid) {
  for (int i = 0; i < GRID; i++) grid[i] = 0.2 + i / (GRID - 1.0);
}

static void ode(tr_ctx *ctx, const tr_rhs *rhs, const tr_ode_method *method, int which, bool speaks,
                const char *callback, long turn) {
  double grid[GRID], times[] = {0.2, 0.5, 0.7, 0.9, 1.2}, breaks[] = {0.45, 0.95};
  tr_ode_spec spec = {.method = method, .breaks = breaks, .n_breaks = 2};
  tr_array *x = state_of(ctx);
  fill_grid(grid);
  if (method->caps & TR_ODE_ADAPTIVE)
    spec.rtol = spec.atol = 1e-8;
  else
    spec.grid = grid, spec.n_grid = GRID;
  set(ctx, which, speaks, turn);
  tr_ode_stats stats;
  tr_status status = tr_ode_solve(&spec, rhs, times, 5, x, output, NULL, &stats);
  CHECK(stats.stop_reason == TR_STOP_ERROR);
  heard(&of[which], method->info.name, status, callback);
  tr_array_destroy(&x);
}

/* By a right-hand side of one's own, of either form. */
static void every_ode(tr_ctx *ctx) {
  const tr_rhs plain = {.fn = side, .on_segment = segment},
               listed = {.listed = listed_side, .on_segment = segment};
  const tr_module *module;
  for (int m = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, m)); m++)
    for (int form = 0; form < 2; form++)
      for (int speaks = 0; speaks < 2; speaks++) {
        const tr_ode_method *method = (const tr_ode_method *)module;
        const tr_rhs *rhs = form ? &listed : &plain;
        ode(ctx, rhs, method, SIDE, speaks, "the right-hand side", 1);
        ode(ctx, rhs, method, SIDE, speaks, "the right-hand side", FAILS_AT);
        ode(ctx, rhs, method, SEGMENT, speaks, "the function told of segments", 1);
        ode(ctx, rhs, method, OUTPUT, speaks, "the function that takes the states", 1);
        ode(ctx, rhs, method, OUTPUT, speaks, "the function that takes the states", 3);
      }
}

static tr_status drift_of(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)user;
  TR_TRY(maybe(&of[DRIFT], t));
  return tr_scale(-0.3, x, dx);
}
static tr_status listed_drift(double t, const tr_array *x, tr_array *dx, tr_program *list, void *user) {
  (void)user;
  TR_TRY(maybe(&of[DRIFT], t));
  return tr_program_scale(list, -0.3, x, dx);
}
static tr_status g2_of(double t, double *out, void *user) {
  *out = t > 1 ? 0.4 : user ? INFINITY : 0.5; /* user: every step but the last is the problem's */
  return maybe(&of[G2], t);
}
static tr_status g2_integral_of(double t0, double t1, double *out, void *user) {
  (void)user;
  *out = 0.5 * (t1 - t0);
  return maybe(&of[G2_INTEGRAL], t0);
}
static tr_status normals_of(long step, tr_array *z, void *user) {
  (void)user;
  TR_TRY(tr_fill(0.1, z));
  return maybe(&of[NORMALS], (double)step);
}

static tr_status singular_of(double t, double h, const tr_array *z, tr_array *x, long *n_rhs,
                             tr_program *list, void *user) {
  (void)h, (void)z, (void)user;
  ++*n_rhs;
  TR_TRY(maybe(&of[SINGULAR], t));
  return tr_program_axpby(list, 0.9, x, 0, x, x);
}

static void sde_walk(tr_ctx *ctx, const tr_sde_spec *spec, const tr_sde_problem *problem, int which,
                     bool speaks, const char *callback, long turn) {
  double times[] = {0.2, 0.5, 0.7, 0.9, 1.2};
  tr_brownian *path;
  tr_sde_stats stats;
  tr_array *x = state_of(ctx);
  if (spec->rtol > 0)
    CHECK_OK(ctx, tr_brownian_create_tree(ctx, 3, 0, 0.2, 1.2, &path));
  else
    CHECK_OK(ctx, tr_brownian_create_given_levy(ctx, GRID, normals_of, normals_of, NULL, &path));
  set(ctx, which, speaks, turn);
  tr_status status = tr_sde_solve(spec, problem, path, times, 5, x, output, NULL, &stats);
  CHECK(stats.stop_reason == TR_STOP_ERROR);
  heard_at(&of[which], spec->method->info.name, status, callback, which == NORMALS ? "step " : "t = ");
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
}

#define TRY(which, callback, turn) sde_walk(ctx, &spec, &problem, which, speaks, callback, turn)

static void sde(tr_ctx *ctx, const tr_sde_method *method, bool speaks, double tolerance) {
  double grid[GRID];
  tr_sde_spec spec = {.method = method, .grid = grid, .n_grid = GRID, .rtol = tolerance, .atol = tolerance};
  tr_sde_problem problem = {
      .drift = drift_of, .g2 = g2_of, .g2_integral = g2_integral_of, .singular_step = singular_of};
  const tr_srk_table *table = method->step ? method->detail : NULL;
  fill_grid(grid);
  TRY(G2, "g^2", 1);
  TRY(G2, "g^2", FAILS_AT);
  TRY(OUTPUT, "the function that takes the states", 1);
  TRY(OUTPUT, "the function that takes the states", 3);
  if (tolerance == 0 && table) {
    TRY(NORMALS, "what gives the normals", 1);
    TRY(NORMALS, "what gives the normals", FAILS_AT);
  }
  if (table) TRY(DRIFT, "the drift", FAILS_AT);
  problem.listed = listed_drift;
  if (table) TRY(DRIFT, "the drift", FAILS_AT);
  if (table && table->exact_variance) TRY(G2_INTEGRAL, "the integral of g^2", FAILS_AT);
  problem.user = &problem; /* every step is the problem's */
  TRY(SINGULAR, "the problem's own step", 1);
  TRY(SINGULAR, "the problem's own step", FAILS_AT);
}

static void every_sde(tr_ctx *ctx) {
  const tr_module *module;
  for (int m = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, m)); m++)
    for (int speaks = 0; speaks < 2; speaks++) {
      const tr_sde_method *method = (const tr_sde_method *)module;
      if (method->caps & TR_SDE_AROUND_ODE) continue; /* the sampler's */
      sde(ctx, method, speaks, 0);
      if (method->error) sde(ctx, method, speaks, 1e-3);
    }
}

/* ---- samplers and densities around a provider ---- */

enum { EVAL, VJP, JVP, TAKE, OF_SAMPLER };
static trouble given[OF_SAMPLER];

static tr_status eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f) {
  (void)drift, (void)cond;
  TR_TRY(maybe(&given[EVAL], times.t[0]));
  return tr_scale(-0.3, x, f);
}
static tr_status vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                     const tr_array *w, tr_array *f, tr_array *wJ) {
  (void)drift, (void)cond;
  TR_TRY(maybe(&given[VJP], times.t[0]));
  TR_TRY(tr_scale(-0.3, x, f));
  return tr_scale(-0.3, w, wJ);
}
static tr_status jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                     const tr_array *v, tr_array *Jv) {
  (void)drift, (void)x, (void)cond;
  TR_TRY(maybe(&given[JVP], times.t[0]));
  return tr_scale(-0.3, v, Jv);
}
static void destroy(tr_drift *drift) {
  (void)drift;
}
static const tr_drift_ops backwards = {
    .name = "a line", .caps = TR_DRIFT_VJP, .eval = eval, .vjp = vjp, .destroy = destroy};
static const tr_drift_ops forwards = {
    .name = "a line", .caps = TR_DRIFT_JVP, .eval = eval, .jvp = jvp, .destroy = destroy};

static tr_status take(int index, double t, const tr_array *x, void *user) {
  (void)index, (void)x, (void)user;
  return maybe(&given[TAKE], t);
}

typedef enum { BY_ODE, BY_SDE, BY_DENSITY } run_kind;

typedef struct {
  tr_sampler sampler;
  tr_drift drift;
  tr_density density;
} line;

static void line_open(tr_ctx *ctx, const tr_drift_ops *ops, line *out) {
  static const double times[] = {0.3, 0.6, 0.8};
  static const tr_restart again = {0.3, 0.6, 1, 3};
  *out = (line){.drift = {.ops = ops, .ctx = ctx, .kind = TR_VELOCITY, .null_class = -1}};
  tr_sampler *s = &out->sampler;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, s));
  CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma", &s->diffusion));
  CHECK_OK(ctx, tr_density_defaults(ctx, &out->density));
  s->drift = &out->drift;
  s->sample_eps = 0.1;
  s->last_size = 0.1;
  s->n_steps = GRID;
  s->ode.method = flow_ode_method(ctx, "heun2");
  s->ode.rtol = s->ode.atol = 1e-8;
  s->restarts = &again;
  s->n_restarts = 1;
  s->save_times = times;
  s->n_save = 3;
  s->on_output = take;
}

static void sampled(tr_ctx *ctx, line *l, run_kind kind, int which, bool speaks, const char *callback,
                    long turn) {
  double logp[ROWS], se[ROWS];
  tr_array *x = state_of(ctx);
  tr_sampler *s = &l->sampler;
  l->sampler.drift = &l->drift;
  for (int i = 0; i < OF_SAMPLER; i++) given[i] = (trouble){.ctx = ctx};
  given[which] = (trouble){.ctx = ctx, .turn = turn, .speaks = speaks};
  tr_sample_stats stats;
  tr_status status = kind == BY_ODE   ? tr_sample_ode(s, NULL, x, &stats)
                     : kind == BY_SDE ? tr_sample_sde(s, NULL, x, &stats)
                                      : tr_sample_density(s, &l->density, NULL, x, logp, se, &stats);
  CHECK(stats.stop_reason == TR_STOP_ERROR);
  heard(&given[which], kind == BY_SDE ? s->sde.method->info.name : s->ode.method->info.name, status,
        callback);
  tr_array_destroy(&x);
}

static void every_sampler(tr_ctx *ctx) {
  static const char eval_of[] = "the evaluation of a line",
                    output_of[] = "the function that takes the states";
  const tr_module *module;
  line l;
  line_open(ctx, &backwards, &l);
  for (int speaks = 0; speaks < 2; speaks++) {
    for (int m = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, m)); m++) {
      l.sampler.ode.method = (const tr_ode_method *)module;
      sampled(ctx, &l, BY_ODE, EVAL, speaks, eval_of, 1);
      sampled(ctx, &l, BY_ODE, EVAL, speaks, eval_of, FAILS_AT);
      sampled(ctx, &l, BY_ODE, TAKE, speaks, output_of, 2);
    }
    l.sampler.ode.method = flow_ode_method(ctx, "heun2");
    for (int m = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, m)); m++) {
      l.sampler.sde.method = (const tr_sde_method *)module;
      sampled(ctx, &l, BY_SDE, EVAL, speaks, eval_of, 1);
      sampled(ctx, &l, BY_SDE, EVAL, speaks, eval_of, FAILS_AT);
      sampled(ctx, &l, BY_SDE, TAKE, speaks, output_of, 2);
    }
  }
}

static void every_trace(tr_ctx *ctx) {
  static const char *const methods[] = {"cvode-adams", "dopri5", "heun2", "ddim"};
  const tr_module *module;
  line back, forth;
  line_open(ctx, &backwards, &back);
  line_open(ctx, &forwards, &forth);
  for (int speaks = 0; speaks < 2; speaks++)
    for (int k = 0; (module = tr_module_at(ctx, TR_KIND_TRACE, k)); k++)
      for (int m = 0; m < 4; m++) {
        back.density.trace = forth.density.trace = (const tr_trace_type *)module;
        back.sampler.ode.method = forth.sampler.ode.method = flow_ode_method(ctx, methods[m]);
        sampled(ctx, &back, BY_DENSITY, VJP, speaks, "the vector-Jacobian product of a line", 1);
        sampled(ctx, &back, BY_DENSITY, VJP, speaks, "the vector-Jacobian product of a line", FAILS_AT);
        sampled(ctx, &forth, BY_DENSITY, EVAL, speaks, "the evaluation of a line", 2);
        sampled(ctx, &forth, BY_DENSITY, JVP, speaks, "the Jacobian-vector product of a line", FAILS_AT);
        sampled(ctx, &forth, BY_DENSITY, TAKE, speaks, "the function that takes the states", 2);
      }
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  CHECK_OK(ctx, tr_register_all(ctx));
  every_ode(ctx);
  every_sde(ctx);
  every_sampler(ctx);
  every_trace(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
