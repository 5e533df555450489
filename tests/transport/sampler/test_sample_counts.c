/* What samplers ask of a device besides their evaluations: the conversions of the prediction are part of the
 * solver's programs, whatever the prediction and the clock, and nothing is allocated or copied between host
 * and device once a run is under way. */
/* TR_TEST_RESOURCES */
#include <string.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"
#include "transport/likelihood/likelihood.h"
#include "transport/sampler/sampler.h"

enum { POINTS = 34, ROWS = 4, ROW = 48 };

/* A prediction that is an affine map of x, on the device. */
static tr_status predict(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  tr_counts entered = meter_enter(user);
  (void)cond;
  TR_TRY(tr_scale(0.5 - times.t[0] / 4, x, f));
  meter_leave(user, entered);
  return TR_OK;
}

static const struct {
  const char *path;
  tr_quantity kind;
  tr_clock clock;
} scenes[] = {{"Linear", TR_VELOCITY, TR_CLOCK_T},
              {"GVP", TR_DENOISER, TR_CLOCK_ANGLE},
              {"VP", TR_NOISE, TR_CLOCK_ANGLE},
              {"Linear", TR_CANONICAL, TR_CLOCK_AUTO}};
enum { SCENES = sizeof scenes / sizeof *scenes };

static tr_sampler sampler_of(tr_ctx *ctx, int scene, meter *m, tr_drift **drift) {
  tr_sampler s;
  *m = (meter){.ctx = ctx};
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, scenes[scene].path, &s.interpolant));
  CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma", &s.diffusion));
  CHECK_OK(ctx, tr_drift_create_callback(ctx, "affine", scenes[scene].kind, predict, m, drift));
  s.drift = *drift;
  s.n_steps = POINTS;
  s.on_progress = meter_progress;
  s.progress_user = m;
  return s;
}

/* Beside the evaluations of a run. */
static tr_counts measured(const tr_sampler *s, bool sde, meter *m, tr_sample_stats *stats) {
  tr_array *x;
  CHECK_OK(m->ctx, tr_array_create(m->ctx, TR_F32, 2, (int64_t[]){ROWS, ROW}, &x));
  CHECK_OK(m->ctx, tr_sample_init(s, x));
  CHECK_OK(m->ctx, sde ? tr_sample_sde(s, NULL, x, stats) : tr_sample_ode(s, NULL, x, stats));
  CHECK(counts_quiet(counts_since(m->ctx, m->stepped)));
  tr_counts sum = meter_beside(m);
  CHECK(sum.uploads == 0 && sum.downloads == 0 && meter_agrees(m));
  tr_array_destroy(&x);
  return sum;
}

static void show(const char *name, int scene, const tr_sample_stats *stats, const tr_counts *c) {
  printf("%s, %s, kind %d: %ld steps, %ld evaluations, %lld programs, %lld operations, %lld waits\n", name,
         scenes[scene].path, (int)scenes[scene].kind, stats->n_steps, stats->nfe, (long long)c->programs,
         (long long)c->operations, (long long)c->waits);
}

/* What adaptive methods may ask for: Adams an accepted step, the others one that is tried. */
static const struct {
  const char *name;
  bool accepted;
  double programs, waits;
} adaptive[] = {{"cvode-adams", true, 5, 2},
                {"cvode-bdf", false, 15, 12},
                {"dopri5", false, 10, 1.5},
                {"bosh3", false, 7, 1.5}};
enum { ADAPTIVE = sizeof adaptive / sizeof *adaptive };

/* legs: solves in the run, each with a look at its start and one at its end. */
static void check_adaptive(const char *name, const tr_sample_stats *stats, const tr_counts *c, int legs) {
  int k = 0;
  while (k < ADAPTIVE && strcmp(adaptive[k].name, name) != 0) k++;
  CHECK(k < ADAPTIVE);
  if (k == ADAPTIVE) return;
  const double steps = (double)(stats->n_steps + (adaptive[k].accepted ? 0 : stats->n_rejected));
  CHECK((double)c->programs <= adaptive[k].programs * steps + 2 * (legs - 1));
  CHECK((double)c->waits <= adaptive[k].waits * steps + 2 * (legs - 1));
}

/* Fixed grids: a program an evaluation. At the end the state goes back into the caller's array and out of the
 * angle, and Adams-Bashforth has one for its start. */
static void ode(tr_ctx *ctx, int scene) {
  const tr_module *module;
  int seen = 0;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, i)); i++, seen++) {
    meter m;
    tr_drift *drift;
    tr_sample_stats stats;
    tr_sampler s = sampler_of(ctx, scene, &m, &drift);
    s.ode.method = (const tr_ode_method *)module;
    s.clock = s.ode.method->caps & TR_ODE_ANGLE ? TR_CLOCK_ANGLE : scenes[scene].clock;
    tr_counts c = measured(&s, false, &m, &stats);
    show(module->name, scene, &stats, &c);
    if (s.ode.method->caps & TR_ODE_ADAPTIVE) {
      CHECK(c.operations <= c.programs + 2); /* into the angle and out of it */
      check_adaptive(module->name, &stats, &c, 1);
    } else {
      CHECK(c.operations <= stats.nfe + 3 && c.waits <= POINTS / 16 + 1);
    }
    tr_drift_destroy(&drift);
  }
  CHECK(seen > 15);
}

/* A program an evaluation, which draws the normals, too. */
static void sde(tr_ctx *ctx, int scene) {
  const tr_module *module;
  int seen = 0;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, i)); i++) {
    meter m;
    tr_drift *drift;
    tr_sample_stats stats;
    tr_sampler s = sampler_of(ctx, scene, &m, &drift);
    s.sde.method = (const tr_sde_method *)module;
    if (!(s.sde.method->caps & TR_SDE_AROUND_ODE)) {
      tr_counts c = measured(&s, true, &m, &stats);
      show(module->name, scene, &stats, &c);
      CHECK(c.programs <= stats.nfe + 1);
      CHECK(c.operations <= c.programs + 2); /* the last step */
      CHECK(c.waits <= POINTS / 16 + 1);
      seen++;
    }
    tr_drift_destroy(&drift);
  }
  CHECK(seen >= 10);
}

/* Noise between solves: a solve a leg, in the memory of the first, with a program that draws and adds it. */
static void legs(tr_ctx *ctx, int scene, const char *name, const char *around, int legs) {
  static const tr_restart restarts[] = {{.low = 0.3, .high = 0.6, .restarts = 3, .steps = 4}};
  meter m;
  tr_drift *drift;
  tr_sample_stats stats;
  tr_sampler s = sampler_of(ctx, scene, &m, &drift);
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, name, (const tr_module **)&s.sde.method));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, around, (const tr_module **)&s.ode.method));
  s.restarts = restarts, s.n_restarts = 1;
  tr_counts c = measured(&s, true, &m, &stats);
  show(name, scene, &stats, &c);
  if (s.ode.method->caps & TR_ODE_ADAPTIVE)
    check_adaptive(around, &stats, &c, legs);
  else
    CHECK(c.programs <= stats.nfe + 2 * legs && c.waits <= 2 * legs + stats.n_steps / 16);
  CHECK(c.operations <= c.programs + legs); /* back into the caller's array */
  tr_drift_destroy(&drift);
}

/* ---- log-densities ---- */

static tr_status eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f) {
  return predict(times, x, cond, f, drift->impl);
}
static tr_status vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                     const tr_array *w, tr_array *f, tr_array *wJ) {
  TR_TRY(tr_scale(0.5 - times.t[0] / 4, w, wJ));
  return predict(times, x, cond, f, drift->impl);
}
static void destroy(tr_drift *drift) {
  (void)drift;
}

/* The estimates of the trace stay on the device. */
static void densities(tr_ctx *ctx) {
  static const tr_drift_ops ops = {.name = "affine", .eval = eval, .vjp = vjp, .destroy = destroy};
  static const char *const traces[] = {"hutchinson", "exact", "hutch++"};
  for (int k = 0; k < 3; k++) {
    meter m;
    tr_drift *callback;
    tr_density density;
    double logp[ROWS], error[ROWS];
    tr_array *x;
    tr_sampler s = sampler_of(ctx, 0, &m, &callback);
    tr_drift drift = {.ops = &ops, .ctx = ctx, .impl = &m, .kind = TR_VELOCITY, .null_class = -1};
    s.drift = &drift;
    CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "heun2", (const tr_module **)&s.ode.method));
    CHECK_OK(ctx, tr_density_defaults(ctx, &density));
    CHECK_OK(ctx, tr_trace_find(ctx, traces[k], &density.trace));
    CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){ROWS, ROW}, &x));
    CHECK_OK(ctx, tr_sample_init(&s, x));
    CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, logp, error, NULL));
    tr_counts since = counts_between(m.stepped, m.last);
    CHECK(since.operations > 0 && counts_quiet(since));
    CHECK(since.waits <= POINTS / 16);
    tr_array_destroy(&x);
    tr_drift_destroy(&callback);
  }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int scene = 0; scene < SCENES; scene++) {
    ode(ctx, scene);
    sde(ctx, scene);
    legs(ctx, scene, "churn", "heun2", POINTS - 1);
    legs(ctx, scene, "churn", "cvode-adams", POINTS - 1);
    legs(ctx, scene, "restart", "heun2", 5);
    legs(ctx, scene, "restart", "dopri5", 5);
  }
  densities(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
