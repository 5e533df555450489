/* The ODE sampler on exact Gaussian fields: end points against the closed-form flow for every path,
 * prediction, direction, eps and clock; outputs, limits, refusals. */
/* TR_TEST_RESOURCES */
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "transport/sampler/run_private.h"

enum { ROWS = 2, N = 3 };
static const char *const paths[] = {"Linear", "GVP", "VP"};
static const tr_quantity kinds[] = {TR_VELOCITY, TR_NOISE, TR_SCORE, TR_DENOISER, TR_CANONICAL};
static const double mean[N] = {0.8, -0.4, 0}, variance[N] = {0.09, 0.5, 1.7};
static const gaussian target = {N, mean, variance};
static const double start[ROWS * N] = {0.3, -1.2, 0.9, -0.5, 0.1, 2.1};

static tr_array *state(tr_ctx *ctx, tr_dtype dtype) {
  tr_array *x = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, start));
  return x;
}

/* Runs and returns the largest distance to the exact flow over the interval that the sampler reports. */
static double run_error(tr_ctx *ctx, const tr_sampler *s, tr_dtype dtype, tr_sample_stats *stats) {
  tr_array *x = state(ctx, dtype);
  double got[ROWS * N], worst = 0;
  CHECK_OK(ctx, tr_sample_ode(s, NULL, x, stats));
  CHECK_OK(ctx, tr_array_get_f64(x, got));
  for (int i = 0; i < ROWS * N; i++) {
    double want = gaussian_flow(&target, &s->interpolant, i % N, stats->t0, start[i], stats->t1);
    if (!(fabs(got[i] - want) <= worst)) worst = fabs(got[i] - want);
  }
  CHECK(stats->t_end == stats->t1 && stats->stop_reason == TR_STOP_END && stats->nfe > 0);
  tr_array_destroy(&x);
  return worst;
}

/* Adaptive solves, tight tolerance. A prediction that is 0/0 at an end of the interval costs what
 * transport/prediction/prediction.h says: |d2y/dtheta2| theta^2 / 2, here up to 13 (a start 4.3 standard
 * deviations out, the smallest variance 0.09), times the growth of the reverse flow, 1 / 0.3; any other pair
 * costs nothing.
 */
static void every_pair(tr_ctx *ctx) {
  for (int p = 0; p < 3; p++)
    for (int k = 0; k < 5; k++)
      for (int reverse = 0; reverse < 2; reverse++)
        for (int closed = 0; closed < 2; closed++) {
          tr_sampler s = flow_sampler(ctx, paths[p], kinds[k], &target);
          tr_sample_stats stats;
          s.ode.method = flow_ode_method(ctx, "dopri5");
          s.ode.rtol = s.ode.atol = 1e-10;
          s.reverse = reverse;
          s.sample_eps = closed ? 0 : NAN;
          double error = run_error(ctx, &s, TR_F64, &stats);
          bool clamped =
              closed && stats.clock == TR_CLOCK_ANGLE && !(p == 2 && k < 3) && kinds[k] != TR_CANONICAL;
          CHECK_NEAR(error, 0, clamped ? 13 / 0.3 * TR_THETA_MIN * TR_THETA_MIN / 2 * 1.2 : 3e-8);
          if (closed) CHECK(fmin(stats.t0, stats.t1) == 0 && fmax(stats.t0, stats.t1) == 1);
          CHECK(reverse ? stats.t0 > stats.t1 : stats.t0 < stats.t1);
          CHECK(stats.nfe == stats.ode.n_rhs && stats.nfe == s.drift->n_eval);
          tr_drift_destroy(&s.drift);
        }
}

/* The intervals: the reference's eps, VP's reverse the right way round, each eps honoured. */
static void intervals(tr_ctx *ctx) {
  tr_interpolant linear, vp;
  double t0, t1;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  CHECK_OK(ctx, tr_interpolant_find(ctx, "VP", &vp));
  CHECK_OK(ctx, tr_interval_ode(ctx, &linear, TR_VELOCITY, NAN, NAN, false, &t0, &t1));
  CHECK(t0 == 0 && t1 == 1);
  CHECK_OK(ctx, tr_interval_ode(ctx, &linear, TR_NOISE, NAN, NAN, false, &t0, &t1));
  CHECK(t0 == 1e-3 && t1 == 1 - 1e-3);
  CHECK_OK(ctx, tr_interval_ode(ctx, &linear, TR_VELOCITY, 0.01, NAN, true, &t0, &t1));
  CHECK(t0 == 0.99 && t1 == 0.01);
  CHECK_OK(ctx, tr_interval_ode(ctx, &vp, TR_VELOCITY, NAN, NAN, true, &t0, &t1));
  CHECK(t0 == 1 - 1e-3 && t1 == 0);
  CHECK_OK(ctx, tr_interval_ode(ctx, &linear, TR_NOISE, 0.01, 0.02, true, &t0, &t1));
  CHECK(t0 == 0.98 && t1 == 0.01);
  CHECK_OK(ctx, tr_interval_ode(ctx, &linear, TR_NOISE, NAN, 0, false, &t0, &t1));
  CHECK(t0 == 1e-3 && t1 == 1);
  CHECK_OK(ctx, tr_interval_ode(ctx, &vp, TR_VELOCITY, 0.3, 0.02, false, &t0, &t1));
  CHECK(t0 == 0 && t1 == 0.98);
  CHECK_OK(ctx, tr_interval_train(ctx, &vp, TR_SCORE, NAN, &t0, &t1));
  CHECK(t0 == 0 && t1 == 1 - 1e-5);
  CHECK_OK(ctx, tr_interval_train(ctx, &linear, TR_SCORE, 0.02, &t0, &t1));
  CHECK(t0 == 0.02 && t1 == 0.98);
  CHECK_OK(ctx, tr_interval_sde(ctx, &linear, TR_VELOCITY, NAN, 0.04, &t0, &t1));
  CHECK(t0 == 0 && t1 == 0.96);
  CHECK_OK(ctx, tr_interval_sde(ctx, &linear, TR_NOISE, NAN, 0, &t0, &t1));
  CHECK(t0 == 1e-3 && t1 == 1 - 1e-3);
  CHECK_OK(ctx, tr_interval_sde(ctx, &vp, TR_NOISE, 0.02, 0.04, &t0, &t1));
  CHECK(t0 == 0 && t1 == 0.96);
  CHECK_ERROR(ctx, tr_interval_ode(ctx, &linear, TR_NOISE, 0.5, NAN, false, &t0, &t1), TR_E_ARG,
              "sample eps = 0.5");
  CHECK_ERROR(ctx, tr_interval_ode(ctx, &linear, TR_NOISE, 0, 0.5, true, &t0, &t1), TR_E_ARG,
              "data eps = 0.5");
  CHECK_ERROR(ctx, tr_interval_ode(ctx, &linear, TR_NOISE, -1, 0.1, true, &t0, &t1), TR_E_ARG,
              "sample eps = -1");
  CHECK_ERROR(ctx, tr_interval_train(ctx, &linear, TR_NOISE, -1e-3, &t0, &t1), TR_E_ARG, "train eps");
  CHECK_ERROR(ctx, tr_interval_sde(ctx, &linear, TR_NOISE, NAN, 1, &t0, &t1), TR_E_ARG,
              "last step of size 1");
  CHECK_ERROR(ctx, tr_interval_sde(ctx, &linear, TR_NOISE, NAN, -1, &t0, &t1), TR_E_ARG, "size -1");
}

/* Fixed grids: both clocks converge with the method's order and use the same points in t. */
static void fixed_grids(tr_ctx *ctx) {
  static const struct {
    const char *name;
    double order;
  } methods[] = {{"euler", 1}, {"heun2", 2}, {"midpoint", 2}, {"rk4", 4}};
  for (int m = 0; m < 4; m++)
    for (int clock = TR_CLOCK_T; clock <= TR_CLOCK_ANGLE; clock++) {
      tr_sampler s = flow_sampler(ctx, "GVP", TR_VELOCITY, &target);
      tr_sample_stats stats;
      double error[2];
      s.ode.method = flow_ode_method(ctx, methods[m].name);
      s.clock = (tr_clock)clock;
      for (int k = 0; k < 2; k++) {
        s.n_steps = (40 << k) + 1;
        error[k] = run_error(ctx, &s, TR_F64, &stats);
        CHECK(stats.n_steps == 40 << k && stats.clock == (tr_clock)clock);
      }
      CHECK_NEAR(log2(error[0] / error[1]), methods[m].order, 0.35);
      tr_drift_destroy(&s.drift);
    }
}

/* The rule for the clock, and what f32 storage costs. */
static void clocks(tr_ctx *ctx) {
  tr_sample_stats stats;
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
  s.ode.method = flow_ode_method(ctx, "dopri5");
  s.ode.rtol = s.ode.atol = 1e-5;
  CHECK_NEAR(run_error(ctx, &s, TR_F32, &stats), 0, 1e-4);
  CHECK(stats.clock == TR_CLOCK_T);
  tr_drift_destroy(&s.drift);
  s = flow_sampler(ctx, "Linear", TR_NOISE, &target);
  s.ode.method = flow_ode_method(ctx, "dopri5");
  s.ode.rtol = s.ode.atol = 1e-5;
  run_error(ctx, &s, TR_F32, &stats);
  CHECK(stats.clock == TR_CLOCK_T);
  s.sample_eps = 0;
  CHECK_NEAR(run_error(ctx, &s, TR_F32, &stats), 0, 1e-3);
  CHECK(stats.clock == TR_CLOCK_ANGLE && strcmp(tr_clock_name(stats.clock), "angle") == 0);
  tr_array *x = state(ctx, TR_F64);
  s.clock = TR_CLOCK_T;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, &stats), TR_E_ARG,
              "the velocity does not follow from a noise prediction at t = 0 of Linear, where alpha = 0");
  CHECK(s.drift->n_eval == stats.nfe || stats.nfe == 0);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

static void first_progress(double t, long n_rhs, void *user) {
  double *first = user;
  if (isnan(*first) && n_rhs > 0) *first = t;
}

/* The caller's first step and the progress are told in t, whatever the clock. */
static void first_step(tr_ctx *ctx) {
  for (int clock = TR_CLOCK_T; clock <= TR_CLOCK_ANGLE; clock++)
    for (int reverse = 0; reverse < 2; reverse++) {
      tr_sampler s = flow_sampler(ctx, "GVP", TR_VELOCITY, &target);
      tr_sample_stats stats;
      double first = NAN;
      s.ode.method = flow_ode_method(ctx, "dopri5");
      s.ode.h0 = 0.03;
      s.on_progress = first_progress;
      s.progress_user = &first;
      s.clock = (tr_clock)clock;
      s.reverse = reverse;
      run_error(ctx, &s, TR_F64, &stats);
      CHECK_NEAR(first, reverse ? 0.97 : 0.03, 1e-9);
      tr_drift_destroy(&s.drift);
    }
}

typedef struct {
  const tr_sampler *s;
  int calls;
  double t0, worst;
} outputs;

static tr_status take(int index, double t, const tr_array *x, void *user) {
  outputs *out = user;
  double got[ROWS * N];
  CHECK(index == out->calls && t == out->s->save_times[index]);
  out->calls++;
  TR_TRY(tr_array_get_f64(x, got));
  for (int i = 0; i < ROWS * N; i++) {
    double want = gaussian_flow(&target, &out->s->interpolant, i % N, out->t0, start[i], t);
    out->worst = fmax(out->worst, fabs(got[i] - want));
  }
  return TR_OK;
}

/* Saved states are x at t in either clock and direction, interpolated or at grid points. */
static void saved(tr_ctx *ctx) {
  static const double forward[] = {0, 0.25, 0.6, 1}, backward[] = {1, 0.6, 0.25, 0};
  static const char *const methods[] = {"cvode-adams", "dopri5", "rk4"};
  for (int m = 0; m < 3; m++)
    for (int clock = TR_CLOCK_T; clock <= TR_CLOCK_ANGLE; clock++)
      for (int reverse = 0; reverse < 2; reverse++) {
        tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
        outputs out = {&s, 0, reverse ? 1 : 0, 0};
        tr_sample_stats stats;
        s.ode.method = flow_ode_method(ctx, methods[m]);
        s.ode.rtol = s.ode.atol = 1e-8;
        s.n_steps = 101;
        s.clock = (tr_clock)clock;
        s.reverse = reverse;
        s.save_times = reverse ? backward : forward;
        s.n_save = 4;
        s.on_output = take;
        s.out_user = &out;
        run_error(ctx, &s, TR_F64, &stats);
        CHECK(out.calls == 4);
        CHECK_NEAR(out.worst, 0, 2e-5);
        tr_drift_destroy(&s.drift);
      }
}

static void limits(tr_ctx *ctx) {
  for (int clock = TR_CLOCK_T; clock <= TR_CLOCK_ANGLE; clock++) {
    tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
    tr_sample_stats stats;
    tr_array *x = state(ctx, TR_F64);
    double got[ROWS * N];
    s.ode.method = flow_ode_method(ctx, "rk4");
    s.n_steps = 41;
    s.clock = (tr_clock)clock;
    s.max_nfe = 82;
    CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, &stats));
    CHECK(stats.stop_reason == TR_STOP_MAX_NFE && stats.nfe <= 82 && stats.n_steps == 20);
    CHECK_NEAR(stats.t_end, 0.5, 1e-12);
    CHECK_OK(ctx, tr_array_get_f64(x, got));
    for (int i = 0; i < ROWS * N; i++)
      CHECK_NEAR(got[i], gaussian_flow(&target, &s.interpolant, i % N, 0, start[i], stats.t_end), 1e-4);
    tr_array_destroy(&x);
    tr_drift_destroy(&s.drift);
  }
}

/* The caller's own grid and the address of the starting noise. */
static void own_grid(tr_ctx *ctx) {
  static const double grid[] = {0, 0.1, 0.4, 0.8, 1};
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
  tr_sample_stats stats;
  s.ode.method = flow_ode_method(ctx, "euler");
  CHECK_OK(ctx, tr_grid_find(ctx, "list", &s.grid));
  s.grid.list = grid;
  s.grid.n_list = 5;
  run_error(ctx, &s, TR_F64, &stats);
  CHECK(stats.n_steps == 4 && stats.nfe == 4);
  tr_array *a = state(ctx, TR_F64), *b = state(ctx, TR_F64);
  double first[ROWS * N], second[ROWS * N];
  CHECK_OK(ctx, tr_sample_init(&s, a));
  s.first_sample = 1;
  CHECK_OK(ctx, tr_sample_init(&s, b));
  CHECK_OK(ctx, tr_array_get_f64(a, first));
  CHECK_OK(ctx, tr_array_get_f64(b, second));
  CHECK(memcmp(first + N, second, N * sizeof *first) == 0 && first[0] != second[0]);
  tr_array_destroy(&a);
  tr_array_destroy(&b);
  tr_drift_destroy(&s.drift);
}

static void tick(double t, long n_rhs, void *user) {
  (void)t, (void)n_rhs, (void)user;
}

/* What belongs to a run has one place: the sampler, not the specs of its two solvers. */
static void one_place(tr_ctx *ctx) {
  tr_sampler good = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
  tr_array *x = state(ctx, TR_F64);
  static const double grid[] = {0, 1};
  static const char *const says[] = {"ode.grid",    "sde.grid",        "ode.max_nfe",
                                     "sde.max_nfe", "ode.on_progress", "sde.on_progress"};
  for (int i = 0; i < 6; i++) {
    tr_sampler s = good;
    if (i == 0) s.ode.grid = grid;
    if (i == 1) s.sde.n_grid = 2;
    if (i == 2) s.ode.max_nfe = 3;
    if (i == 3) s.sde.max_nfe = 3;
    if (i == 4) s.ode.on_progress = tick;
    if (i == 5) s.sde.on_progress = tick;
    CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, says[i]);
    CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG,
                "of a sampler is the run's: leave it 0 and set");
  }
  tr_array_destroy(&x);
  tr_drift_destroy(&good.drift);
}

static void bad_input(tr_ctx *ctx) {
  tr_sampler good = flow_sampler(ctx, "Linear", TR_NOISE, &target), s = good;
  static const double beyond[] = {0.5, 1}, disorder[] = {0.5, 0.4};
  outputs out = {&s, 0, 0, 0};
  tr_array *x = state(ctx, TR_F64);
  s.drift = NULL;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, "drift");
  s = good;
  s.ode.method = NULL;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, "ODE method");
  s = good;
  s.interpolant.type = NULL;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, "interpolant");
  s = good;
  s.ode.method = flow_ode_method(ctx, "euler");
  s.n_steps = 1;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, "1 sampling steps");
  s = good;
  s.n_save = 2;
  s.save_times = beyond;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, "without a function");
  s.on_output = take;
  s.out_user = &out;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, "save time 1: this run goes from t = 0.001");
  s.save_times = disorder;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, "save time 0.4 follows 0.5");
  s = good;
  s.sample_eps = 0.7;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, "sample eps = 0.7");
  CHECK_ERROR(ctx, tr_sample_ode(&good, &(tr_cond){1, (int32_t[]){0}}, x, NULL), TR_E_ARG, "unconditional");
  good.drift->num_classes = 10;
  CHECK_ERROR(ctx, tr_sample_ode(&good, NULL, x, NULL), TR_E_ARG, "needs class labels");
  CHECK_ERROR(ctx, tr_sample_ode(&good, &(tr_cond){1, (int32_t[]){10}}, x, NULL), TR_E_ARG, "class label 10");
  CHECK_ERROR(ctx, tr_sample_ode(&good, &(tr_cond){3, (int32_t[]){1, 2, 3}}, x, NULL), TR_E_SHAPE,
              "3 class labels for 2 rows");
  CHECK(out.calls == 0);
  tr_array_destroy(&x);
  tr_drift_destroy(&good.drift);
}

/* Names of clocks go both ways. */
static void names_of_clocks(tr_ctx *ctx) {
  for (int i = TR_CLOCK_AUTO; i <= TR_CLOCK_ANGLE; i++) {
    tr_clock clock;
    CHECK_OK(ctx, tr_clock_find(ctx, tr_clock_name((tr_clock)i), &clock));
    CHECK(clock == (tr_clock)i);
  }
  CHECK_ERROR(ctx, tr_clock_find(ctx, "theta", &(tr_clock){TR_CLOCK_T}), TR_E_ARG,
              "unknown clock 'theta': use auto, t or angle");
}

/* t + h may end a rounding beyond an end, where no field is defined; what is further out is no rounding. */
static void times_beyond_the_ends(void) {
  static const double t[][2] = {{1 + 1e-13, 1}, {-1e-13, 0},     {1 - 1e-13, 1 - 1e-13},
                                {1e-13, 1e-13}, {1.001, 1.001},  {-0.001, -0.001},
                                {0.5, 0.5},     {1 + 0x1p-52, 1}};
  for (int i = 0; i < 8; i++) CHECK(tr_sampler_time(t[i][0]) == t[i][1]);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  every_pair(ctx);
  intervals(ctx);
  fixed_grids(ctx);
  clocks(ctx);
  first_step(ctx);
  saved(ctx);
  limits(ctx);
  own_grid(ctx);
  one_place(ctx);
  bad_input(ctx);
  names_of_clocks(ctx);
  times_beyond_the_ends();
  tr_ctx_close(&ctx);
  return check_report();
}
