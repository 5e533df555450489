/* Everything that is registered, with everything: every path x prediction x form x SDE method x last step,
 * and every path x prediction x ODE method, on a Gaussian from end to end. Each runs and its law (of the ODE:
 * its end points) goes to the exact one, or it is refused before it starts with a message that names the
 * reason; nothing else. SDE laws are exact moments without Monte Carlo (tests/support/problems/moments.h). */
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/problems/moments.h"

enum { N = 2 };

/* The i-th module of a kind. */
static const void *module_at(tr_ctx *ctx, const char *kind, int i) {
  return tr_module_at(ctx, kind, i);
}

/* ---- refusals: the words that a reason needs ---- */

typedef struct {
  int ran, refused;
} tally;

/* A refusal names its cause: what is infinite or does not follow, of which form or prediction and where. */
static void check_reason(tr_ctx *ctx, tr_status status, const char *what, tally *sums) {
  static const char *const reasons[] = {"where it is infinite", "is infinite for", "does not follow from",
                                        "works in the angle"};
  const char *message = tr_ctx_error(ctx)->message;
  bool named = false;
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
    named = named || strstr(message, reasons[i]) != NULL;
  CHECK(status == TR_E_ARG && named && !strchr(message, '\n'));
  if (status != TR_E_ARG || !named) fprintf(stderr, "  %s: %s\n", what, message);
  tr_ctx_clear(ctx);
  sums->refused++;
}

/* ---- SDE ---- */

typedef struct {
  double mean, variance;
} law;

/* Of the exact field after the last step from t1, by its map of the state and the velocity. That is affine in
 * x, whose law at t1 is N(alpha mu, V), since v = alpha' mu + k (x - alpha mu). Whether a map is that of its
 * formula is tested in transport.conversions. */
static law exact_law(tr_ctx *ctx, const tr_sampler *s, double t1) {
  const tr_prediction_type *velocity;
  tr_coeffs at = tr_interpolant_at(&s->interpolant, t1);
  double mean = at.alpha * MOMENTS_MU, V = at.alpha * at.alpha * MOMENTS_C + at.sigma * at.sigma;
  double k = (at.alpha * at.dalpha * MOMENTS_C + at.sigma_dsigma) / V;
  tr_affine map = {1, 0};
  CHECK_OK(ctx, tr_prediction_of(ctx, TR_VELOCITY, &velocity));
  if (!tr_noised_ode_of(s->sde.method)) /* those have no last step */
    CHECK_OK(ctx, tr_last_step_map(ctx, &s->last, &s->interpolant, velocity, &s->diffusion, t1, s->last_size,
                                   &map));
  double slope = map.x + map.p * k;
  return (law){map.x * mean + map.p * at.dalpha * MOMENTS_MU, slope * slope * V};
}

enum { STEPS = 32, STEPS_MAX = 2048 };

static double distance(law a, law b) {
  return fmax(fabs(a.variance / b.variance - 1), fabs(a.mean - b.mean));
}

static bool law_of(tr_ctx *ctx, const tr_sampler *s, const tr_prediction_type *prediction, int steps,
                   law *got, law *want, tally *sums) {
  moments m;
  tr_status status = moments_try(ctx, *s, prediction->tag, MOMENTS_C, steps, &m);
  if (status != TR_OK) {
    char what[256];
    snprintf(what, sizeof what, "%s, %s, %s, %s, %s", s->interpolant.type->info.name, prediction->info.name,
             s->diffusion.type->info.name, s->sde.method->info.name, s->last.type->info.name);
    check_reason(ctx, status, what, sums);
    return false;
  }
  *got = (law){m.mean, m.variance};
  *want = exact_law(ctx, s, m.stats.t1);
  return true;
}

/* Twice as many steps until the law is right twice in a row (an error that changes its sign is small once):
 * to 1.5 % for methods of order 2, to 10 % for those of order 1. Where D > 0 at sigma = 0 the drift is stiff
 * without bound towards the data and convergence as slow as the root of h: there four times as many steps
 * bring the law nearer or within 12 %, and within 30 %. */
static bool goes_to_the_limit(tr_ctx *ctx, const tr_sampler *s, const tr_prediction_type *prediction,
                              law *first, tally *sums) {
  tr_coeffs data = tr_interpolant_at(&s->interpolant, 1);
  bool stiff = !isfinite(tr_diffusion_D_sigma(&s->diffusion, &data));
  double tolerance = stiff                           ? 0.3
                     : s->sde.method->weak_order > 1 ? 0.015
                                                     : 0.1,
         error = INFINITY, before = INFINITY;
  bool there = false;
  law got, want;
  for (int steps = STEPS; steps <= STEPS_MAX && !there; steps *= stiff ? 4 : 2) {
    if (!law_of(ctx, s, prediction, steps, &got, &want, sums)) return false;
    if (steps == STEPS) *first = got;
    before = error;
    error = distance(got, want);
    there = error < tolerance && (stiff ? error < fmax(0.8 * before, 0.12) : before < tolerance);
  }
  sums->ran++;
  CHECK(there);
  return true;
}

/* Other predictions have the law of the velocity with as many steps, but where one of the two takes its first
 * step by the exact order-1 step and the other does not: a difference of order h^2. */
static void sde_method(tr_ctx *ctx, const tr_sampler *s, tally *sums) {
  const tr_prediction_type *prediction;
  law of_velocity, got, want;
  bool known = false;
  for (int p = 0; (prediction = module_at(ctx, TR_KIND_PREDICTION, p)); p++) {
    if (!known) {
      known = goes_to_the_limit(ctx, s, prediction, &of_velocity, sums);
    } else if (law_of(ctx, s, prediction, STEPS, &got, &want, sums)) {
      CHECK_NEAR(distance(got, of_velocity), 0, 10.0 / STEPS / STEPS);
      sums->ran++;
    }
  }
}

static const tr_restart again = {0.3, 0.8, 1, 9};

static void sde_methods(tr_ctx *ctx, const tr_interpolant *path, const tr_diffusion *form, tally *sums) {
  const tr_sde_method *method;
  const tr_module *last;
  for (int m = 0; (method = module_at(ctx, TR_KIND_SDE_METHOD, m)); m++)
    for (int l = 0; (last = module_at(ctx, TR_KIND_LAST_STEP, l)); l++) {
      tr_sampler s;
      CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
      s.interpolant = *path;
      s.diffusion = *form;
      s.sde.method = method;
      CHECK_OK(ctx, tr_last_step_find(ctx, last->name, &s.last));
      s.sample_eps = 0;
      s.ode.method = flow_ode_method(ctx, "dopri5"); /* of churn and restart */
      s.ode.rtol = s.ode.atol = 1e-5;
      s.restarts = &again;
      s.n_restarts = 1;
      sde_method(ctx, &s, sums);
    }
}

static void every_sde(tr_ctx *ctx, tally *sums) {
  const tr_module *form, *interpolant;
  for (int p = 0; (interpolant = tr_module_at(ctx, TR_KIND_INTERPOLANT, p)); p++)
    for (int f = 0; (form = tr_module_at(ctx, TR_KIND_DIFFUSION, f)); f++) {
      tr_interpolant path;
      tr_table *table;
      CHECK_OK(ctx, tr_interpolant_find(ctx, interpolant->name, &path));
      tr_diffusion d = moments_form(ctx, form->name, &table);
      sde_methods(ctx, &path, &d, sums);
      tr_table_destroy(&table);
    }
}

/* ---- ODE ---- */

enum { ROWS = 2, ALL = ROWS * N };
static const double mean[N] = {0.8, -0.4}, variance[N] = {0.09, 0.5}, start[ALL] = {0.3, -1.2, -0.5, 0.4};
static const gaussian target = {N, mean, variance};

/* The largest distance from the exact flow, or false for a refusal. */
static bool ode_error(tr_ctx *ctx, const tr_sampler *s, double *worst, tally *sums) {
  tr_sample_stats stats;
  tr_array *x;
  double got[ALL];
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, start));
  tr_status status = tr_sample_ode(s, NULL, x, &stats);
  CHECK_OK(ctx, tr_array_get_f64(x, got));
  tr_array_destroy(&x);
  if (status != TR_OK) {
    CHECK(s->drift->n_eval == 0);
    check_reason(ctx, status, s->ode.method->info.name, sums);
    return false;
  }
  *worst = 0;
  for (int i = 0; i < ALL; i++) {
    double want = gaussian_flow(&target, &s->interpolant, i % N, stats.t0, start[i], stats.t1);
    *worst = fmax(*worst, fabs(got[i] - want));
  }
  return true;
}

/* Adaptive: to the tolerance, and 5e-5 for the angle that a prediction may keep from an end (as in
 * transport.sample_ode). Fixed grids: twice as many steps until the ends are right twice in a row. */
static void ode_combination(tr_ctx *ctx, tr_sampler *s, tally *sums) {
  bool adaptive = s->ode.method->caps & TR_ODE_ADAPTIVE;
  double tolerance = adaptive ? 5e-5 : s->ode.method->order > 1 ? 2e-3 : 4e-2;
  if (s->ode.method->caps & TR_ODE_ANGLE) tolerance = 4e-2; /* steps that are long in lambda at the ends */
  double error = INFINITY, before = adaptive ? 0 : INFINITY;
  s->ode.rtol = s->ode.atol = 1e-8;
  for (int steps = 25; steps <= 1600 && !(error < tolerance && before < tolerance); steps *= 2) {
    s->n_steps = steps + 1;
    before = adaptive ? 0 : error;
    if (!ode_error(ctx, s, &error, sums)) return;
    if (adaptive) break;
  }
  sums->ran++;
  CHECK(error < tolerance && before < tolerance);
}

static void every_ode(tr_ctx *ctx, tally *sums) {
  const tr_prediction_type *prediction;
  const tr_ode_method *method;
  const tr_module *path;
  for (int i = 0; (path = tr_module_at(ctx, TR_KIND_INTERPOLANT, i)); i++)
    for (int p = 0; (prediction = module_at(ctx, TR_KIND_PREDICTION, p)); p++)
      for (int m = 0; (method = module_at(ctx, TR_KIND_ODE_METHOD, m)); m++)
        for (int clock = TR_CLOCK_AUTO; clock <= TR_CLOCK_ANGLE; clock++)
          for (int reverse = 0; reverse < 2; reverse++) {
            tr_sampler s = flow_sampler(ctx, path->name, prediction->tag, &target);
            s.ode.method = method;
            s.clock = (tr_clock)clock;
            s.reverse = reverse;
            s.sample_eps = 0;
            ode_combination(ctx, &s, sums);
            tr_drift_destroy(&s.drift);
          }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  tally ode = {0}, sde = {0};
  CHECK_OK(ctx, tr_register_all(ctx));
  every_ode(ctx, &ode);
  every_sde(ctx, &sde);
  printf("ODE: %d combinations ran, %d were refused; SDE: %d ran, %d were refused\n", ode.ran, ode.refused,
         sde.ran, sde.refused);
  CHECK(ode.ran > 2 * ode.refused && ode.refused > 0 && sde.ran > 5 * sde.refused && sde.refused > 0);
  tr_ctx_close(&ctx);
  return check_report();
}
