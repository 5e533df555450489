/* The ODE sampler: dx/dt = v in t, or dy/dtheta = F in the angle; with a trace also d ln p = -tr(dv/dx) dt
 * along the way, or -tr(dF/dy) dtheta for the density of y. The state is then latents | columns of
 * log-density. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/require_private.h"
#include "core/vec/vec.h"
#include "transport/drift_private.h"
#include "transport/sampler/run_private.h"
#include "transport/sampler/sampler.h"

typedef struct {
  const tr_sampler *sampler;
  const tr_cond *cond;
  const tr_prediction_type *prediction;
  tr_trace *trace;      /* borrowed; NULL: no log-density */
  double log_tolerance; /* of the columns */
  const tr_array *like; /* the shape of the latents */
  tr_ctx *ctx;
  tr_clock clock;
  double t0, t1;
  double theta_low, theta_high; /* F is taken at the nearest angle of this interval, where it exists */
  tr_array *scratch;            /* angle: the x that belongs to a y */
  tr_save_plan plan;
  double *clock_times, *grid, *breaks; /* in the solver's clock */
  tr_ode_spec spec;
} ode_run;

/* ---- clocks ---- */

static double to_clock(const ode_run *run, double t) {
  return run->clock == TR_CLOCK_T ? t : tr_interpolant_at(&run->sampler->interpolant, t).theta;
}

static double from_clock(const ode_run *run, double time) {
  return run->clock == TR_CLOCK_T ? tr_sampler_time(time)
                                  : tr_interpolant_time(&run->sampler->interpolant, time);
}

static bool velocity_exists(const ode_run *run, double t) {
  tr_affine v;
  tr_coeffs at = tr_interpolant_at(&run->sampler->interpolant, t);
  return tr_affine_of(run->prediction, &at, TR_VELOCITY, &v);
}

/* t where the velocity is finite on the closed interval, the angle elsewhere and for methods made for it. */
static tr_status choose_clock(ode_run *run) {
  const tr_sampler *sampler = run->sampler;
  if (sampler->ode.method->caps & TR_ODE_ANGLE) {
    run->clock = TR_CLOCK_ANGLE;
    if (sampler->clock != TR_CLOCK_T) return TR_OK;
    return TR_FAIL(run->ctx, TR_E_ARG,
                   "%s works in the angle atan2(alpha, sigma) only: use the clock angle or auto",
                   sampler->ode.method->info.name);
  }
  bool finite = velocity_exists(run, run->t0) && velocity_exists(run, run->t1);
  run->clock = sampler->clock;
  if (run->clock == TR_CLOCK_AUTO) run->clock = finite ? TR_CLOCK_T : TR_CLOCK_ANGLE;
  if (run->clock == TR_CLOCK_ANGLE || finite) return TR_OK;
  double t = velocity_exists(run, run->t0) ? run->t1 : run->t0;
  tr_affine v;
  return tr_convert(run->ctx, &sampler->interpolant, run->prediction, TR_VELOCITY, t, &v);
}

/* ---- the state: latents, or latents | columns ---- */

typedef struct {
  tr_array x, columns; /* no columns without a trace */
} parts;

static parts split(const ode_run *run, const tr_array *state) {
  const tr_array *x = run->like;
  const int64_t n = state->count - x->count;
  parts p = {.x = tr_view(state, 0, x->ndim, x->shape)};
  if (run->trace) p.columns = tr_view(state, x->count, 1, &n);
  return p;
}

/* ---- right-hand sides ---- */

/* dy = a.x y + a.p p with the prediction p at x = c y, and the columns dl = -tr(d dy / dy). */
static tr_status right_side(const ode_run *run, double t, tr_affine a, double c, const tr_array *x,
                            const parts *state, parts *slope, tr_program *list) {
  tr_drift *drift = run->sampler->drift;
  const tr_times times = {1, &t};
  double n = (double)(state->x.count / state->x.shape[0]);
  TR_TRY(tr_program_run(list));
  TR_TRY(run->trace
             ? tr_trace_apply(run->trace, times, x, run->cond, &slope->x, -a.p * c, -a.x * n, &slope->columns)
             : tr_drift_eval(drift, times, x, run->cond, &slope->x));
  return tr_affine_list(list, a, &state->x, &slope->x, &slope->x);
}

static tr_status side_t(const ode_run *run, double t, const parts *state, parts *slope, tr_program *list) {
  tr_affine v;
  t = tr_sampler_time(t);
  TR_TRY(tr_convert(run->ctx, &run->sampler->interpolant, run->prediction, TR_VELOCITY, t, &v));
  return right_side(run, t, v, 1, &state->x, state, slope, list);
}

static tr_status side_angle(const ode_run *run, double theta, const parts *state, parts *slope,
                            tr_program *list) {
  const tr_interpolant *interpolant = &run->sampler->interpolant;
  tr_affine F;
  double t = from_clock(run, fmin(fmax(theta, run->theta_low), run->theta_high));
  tr_coeffs at = tr_interpolant_at(interpolant, t);
  TR_TRY(tr_convert(run->ctx, interpolant, run->prediction, TR_CANONICAL, t, &F));
  if (at.c != 1) TR_TRY(tr_program_scale(list, at.c, &state->x, run->scratch));
  return right_side(run, t, (tr_affine){at.c * F.x, F.p}, at.c, at.c != 1 ? run->scratch : &state->x, state,
                    slope, list);
}

static tr_status rhs(double time, const tr_array *state, tr_array *slope, tr_program *list, void *user) {
  const ode_run *run = user;
  parts from = split(run, state), to = split(run, slope);
  return (run->clock == TR_CLOCK_T ? side_t : side_angle)(run, time, &from, &to, list);
}

static tr_status on_segment(double from, double to, void *user) {
  const ode_run *run = user;
  tr_drift *drift = run->sampler->drift;
  if (drift->on_segment) drift->on_segment(drift, from_clock(run, from), from_clock(run, to));
  return TR_OK;
}

static tr_status hand_out(const ode_run *run, int i, const tr_array *x) {
  const tr_sampler *sampler = run->sampler;
  double t = run->plan.times[i];
  if (run->clock == TR_CLOCK_ANGLE) {
    TR_TRY(tr_scale(tr_interpolant_at(&sampler->interpolant, t).c, x, run->scratch));
    x = run->scratch;
  }
  return tr_save_out(sampler, run->plan.index[i], t, x);
}

static tr_status on_output(int i, double time, const tr_array *state, void *user) {
  const ode_run *run = user;
  (void)time;
  if (run->plan.index[i] < 0) return TR_OK;
  parts p = split(run, state);
  return hand_out(run, i, &p.x);
}

static void on_progress(double time, long n_rhs, void *user) {
  const ode_run *run = user;
  run->sampler->on_progress(from_clock(run, time), n_rhs, run->sampler->progress_user);
}

/* ---- preparation ---- */

static tr_status mapped(const ode_run *run, const double *t, int n, double **out) {
  *out = malloc(((size_t)n + 1) * sizeof **out);
  if (!*out) return TR_FAIL(run->ctx, TR_E_MEM, "out of memory for %d times", n);
  for (int i = 0; i < n; i++) (*out)[i] = to_clock(run, t[i]);
  return TR_OK;
}

static tr_status prepare_grid(ode_run *run) {
  const tr_sampler *sampler = run->sampler;
  double *points;
  int n;
  if (sampler->ode.method->caps & TR_ODE_ADAPTIVE) return TR_OK;
  TR_TRY(tr_grid_points(run->ctx, &sampler->grid, &sampler->interpolant, run->t0, run->t1, sampler->n_steps,
                        &points, &n));
  tr_status status = mapped(run, points, n, &run->grid);
  free(points);
  run->spec.grid = run->grid;
  run->spec.n_grid = n;
  return status;
}

/* The jumps of the drift and the caller's breaks, those inside the interval. */
static tr_status prepare_breaks(ode_run *run) {
  const tr_sampler *sampler = run->sampler;
  const tr_drift *drift = sampler->drift;
  double low = fmin(run->t0, run->t1), high = fmax(run->t0, run->t1);
  int total = drift->n_breaks + sampler->ode.n_breaks, n = 0;
  run->breaks = malloc(((size_t)total + 1) * sizeof *run->breaks);
  if (!run->breaks) return TR_FAIL(run->ctx, TR_E_MEM, "out of memory for %d break points", total);
  for (int i = 0; i < total; i++) {
    double t = i < drift->n_breaks ? drift->breaks[i] : sampler->ode.breaks[i - drift->n_breaks];
    if (t > low && t < high) run->breaks[n++] = to_clock(run, t);
  }
  run->spec.breaks = run->breaks;
  run->spec.n_breaks = n;
  return TR_OK;
}

/* The caller's first step is one in t. */
static double first_step(const ode_run *run) {
  double h = run->sampler->ode.h0, end = run->t0 + (run->t1 > run->t0 ? h : -h);
  bool beyond = h >= fabs(run->t1 - run->t0);
  if (h <= 0 || run->clock == TR_CLOCK_T) return h; /* what is not positive is the solver's to judge */
  return fabs(to_clock(run, beyond ? run->t1 : end) - to_clock(run, run->t0));
}

/* The columns: a segment of the error norm with its own tolerance. */
static void prepare_norm(ode_run *run, const tr_array *x) {
  if (!run->trace) return;
  run->spec.norm = (tr_segments){2, {x->count, x->count + run->trace->columns * x->shape[0]}};
  run->spec.absolute[1] = run->log_tolerance;
}

static tr_status check(const tr_sampler *sampler, const tr_array *x, const tr_prediction_type **prediction) {
  if (!sampler->ode.method) return TR_FAIL(x->ctx, TR_E_ARG, "a sampler without an ODE method");
  return tr_sampler_check(sampler, x, prediction);
}

/* Covectors a row in one call. */
static int64_t vectors_of(const ode_run *run, const tr_array *x) {
  return run->trace && x->count ? run->trace->products->count / x->count : 0;
}

static tr_status prepare(ode_run *run, const tr_array *x) {
  const tr_sampler *sampler = run->sampler;
  TR_TRY(check(sampler, x, &run->prediction));
  TR_TRY(choose_clock(run));
  tr_canonical_angles(run->prediction, &sampler->interpolant, &run->theta_low, &run->theta_high);
  TR_TRY(tr_save_plan_create(sampler, run->ctx, run->t0, run->t1, NAN, &run->plan));
  TR_TRY(mapped(run, run->plan.times, run->plan.n, &run->clock_times));
  run->spec = sampler->ode;
  run->spec.h0 = first_step(run);
  prepare_norm(run, x);
  run->spec.drift_rel_noise = sampler->drift->rel_noise;
  run->spec.max_nfe = tr_sampler_evaluations(sampler);
  run->spec.on_progress = sampler->on_progress ? on_progress : NULL;
  run->spec.progress_user = run;
  TR_TRY(prepare_grid(run));
  TR_TRY(prepare_breaks(run));
  if (run->clock == TR_CLOCK_ANGLE) TR_TRY(tr_array_like(x, &run->scratch));
  return tr_drift_reserve(sampler->drift, x, run->cond, vectors_of(run, x));
}

static void release(ode_run *run) {
  tr_array_destroy(&run->scratch);
  tr_save_plan_free(&run->plan);
  free(run->clock_times);
  free(run->grid);
  free(run->breaks);
}

/* ---- the run ---- */

/* x <- y = x / c before the solve, back after it. */
static tr_status scale_state(const ode_run *run, double t, bool into, tr_array *x) {
  if (run->clock == TR_CLOCK_T) return TR_OK;
  double c = tr_interpolant_at(&run->sampler->interpolant, t).c;
  return c == 1 ? TR_OK : tr_scale(into ? 1 / c : c, x, x);
}

static tr_status solve(ode_run *run, tr_array *state, tr_sample_stats *stats) {
  const tr_sampler *sampler = run->sampler;
  tr_rhs side = {.on_segment = on_segment, .user = run, .listed = rhs};
  tr_status status = tr_ode_solve(&run->spec, &side, run->clock_times, run->plan.n, state,
                                  sampler->n_save ? on_output : NULL, run, &stats->ode);
  bool ended = stats->ode.stop_reason == TR_STOP_END;
  stats->t_end = ended ? run->t1 : from_clock(run, stats->ode.t_end);
  if (sampler->drift->on_segment) sampler->drift->on_segment(sampler->drift, 0, 1);
  return status;
}

/* ln p(x) = ln p(y) - n ln c: what the columns, which speak of y, lack. */
static tr_status read_columns(const ode_run *run, const tr_array *columns, int64_t n, double t_end,
                              double *out) {
  const tr_interpolant *interpolant = &run->sampler->interpolant;
  double before = tr_interpolant_at(interpolant, run->t0).c, after = tr_interpolant_at(interpolant, t_end).c;
  TR_TRY(tr_array_get_f64(columns, out));
  if (run->clock == TR_CLOCK_T) return TR_OK;
  for (int64_t i = 0; i < columns->count; i++) out[i] += (double)n * (log(before) - log(after));
  return TR_OK;
}

/* The solve of latents | columns, the columns from 0. */
static tr_status solve_augmented(ode_run *run, tr_array *x, double *change, tr_sample_stats *stats) {
  const int64_t count = run->spec.norm.end[1];
  tr_array *state;
  tr_status status;
  TR_TRY(tr_array_create(x->ctx, x->dtype, 1, &count, &state));
  parts p = split(run, state);
  TR_TRY_GOTO(status, tr_array_copy(x, &p.x), done);
  TR_TRY_GOTO(status, tr_fill(0, &p.columns), done);
  TR_TRY_GOTO(status, solve(run, state, stats), done);
  TR_TRY_GOTO(status, tr_array_copy(&p.x, x), done);
  status = read_columns(run, &p.columns, x->count / x->shape[0], stats->t_end, change);
done:
  tr_array_destroy(&state);
  return status;
}

static tr_status run_prepared(ode_run *run, tr_array *x, double *change, tr_sample_stats *stats) {
  const tr_drift *drift = run->sampler->drift;
  long forwards = drift->n_forward, products = drift->n_vjp;
  stats->t0 = run->t0;
  stats->t1 = run->t1;
  stats->clock = run->clock;
  TR_TRY(scale_state(run, run->t0, true, x));
  tr_status status = run->trace ? solve_augmented(run, x, change, stats) : solve(run, x, stats);
  stats->nfe = drift->n_forward - forwards;
  stats->n_vjp = drift->n_vjp - products;
  stats->n_steps = stats->ode.n_steps;
  stats->n_rejected = stats->ode.n_rejected;
  snprintf(stats->solver, sizeof stats->solver, "%s", stats->ode.solver);
  TR_TRY(status);
  stats->stop_reason = stats->ode.stop_reason;
  return scale_state(run, stats->t_end, false, x);
}

static tr_status run_between(ode_run *run, double t0, double t1, tr_array *x, double *change,
                             tr_sample_stats *stats) {
  run->t0 = t0;
  run->t1 = t1;
  tr_status status = prepare(run, x);
  if (status == TR_OK) status = run_prepared(run, x, change, stats);
  release(run);
  return tr_drift_tell_fit(run->sampler->drift, x, run->cond, vectors_of(run, x), status);
}

tr_status tr_sample_ode_clock(const tr_sampler *sampler, const tr_prediction_type *prediction, tr_ctx *ctx,
                              double t0, double t1, tr_clock *clock) {
  ode_run run = {.sampler = sampler, .prediction = prediction, .ctx = ctx, .t0 = t0, .t1 = t1};
  tr_status status = choose_clock(&run);
  *clock = run.clock;
  return status;
}

tr_status tr_sample_ode_between(const tr_sampler *sampler, const tr_cond *cond, double t0, double t1,
                                tr_array *x, tr_sample_stats *stats) {
  ode_run run = {.sampler = sampler, .cond = cond, .like = x, .ctx = x->ctx};
  *stats = (tr_sample_stats){.stop_reason = TR_STOP_ERROR, .convention = ""};
  return run_between(&run, t0, t1, x, NULL, stats);
}

tr_status tr_sample_ode_traced(const tr_sampler *sampler, const tr_cond *cond, tr_trace *trace,
                               double log_tolerance, tr_array *x, double *change, tr_sample_stats *stats) {
  ode_run run = {.sampler = sampler,
                 .cond = cond,
                 .trace = trace,
                 .log_tolerance = log_tolerance,
                 .like = x,
                 .ctx = x->ctx};
  double t0, t1;
  *stats = (tr_sample_stats){.stop_reason = TR_STOP_ERROR, .convention = ""};
  TR_TRY(check(sampler, x, &run.prediction));
  TR_TRY(tr_interval_ode(x->ctx, &sampler->interpolant, sampler->drift->kind, sampler->sample_eps,
                         sampler->data_eps, sampler->reverse, &t0, &t1));
  return run_between(&run, t0, t1, x, change, stats);
}

tr_status tr_sample_ode(const tr_sampler *sampler, const tr_cond *cond, tr_array *x, tr_sample_stats *stats) {
  tr_sample_stats unread;
  if (!stats) stats = &unread;
  *stats = (tr_sample_stats){.stop_reason = TR_STOP_ERROR, .convention = ""};
  TR_REQUIRE(TR_CTX_OF(x), sampler, x);
  return tr_sample_ode_traced(sampler, cond, NULL, 0, x, NULL, stats);
}
