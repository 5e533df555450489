/* The ODE sampler: dx/dt = v in t, or dy/dtheta = F in the angle. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/vec.h"
#include "transport/sampler.h"
#include "transport/sampler_run.h"

typedef struct {
  const tr_sampler *sampler;
  const tr_cond *cond;
  const tr_prediction_type *prediction;
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

/* ---- right-hand sides ---- */

static tr_status rhs_t(double t, const tr_array *x, tr_array *dx, void *user) {
  ode_run *run = user;
  const tr_sampler *sampler = run->sampler;
  tr_affine v;
  t = tr_sampler_time(t);
  TR_TRY(tr_convert(run->ctx, &sampler->interpolant, run->prediction, TR_VELOCITY, t, &v));
  TR_TRY(tr_drift_eval(sampler->drift, (tr_times){1, &t}, x, run->cond, dx));
  return tr_affine_apply(v, x, dx, dx);
}

static tr_status rhs_angle(double theta, const tr_array *y, tr_array *dy, void *user) {
  ode_run *run = user;
  const tr_sampler *sampler = run->sampler;
  tr_affine F;
  double t = from_clock(run, fmin(fmax(theta, run->theta_low), run->theta_high));
  tr_coeffs at = tr_interpolant_at(&sampler->interpolant, t);
  TR_TRY(tr_convert(run->ctx, &sampler->interpolant, run->prediction, TR_CANONICAL, t, &F));
  TR_TRY(tr_scale(at.c, y, run->scratch));
  TR_TRY(tr_drift_eval(sampler->drift, (tr_times){1, &t}, run->scratch, run->cond, dy));
  return tr_affine_apply((tr_affine){at.c * F.x, F.p}, y, dy, dy);
}

static tr_status on_segment(double from, double to, void *user) {
  const ode_run *run = user;
  tr_drift *drift = run->sampler->drift;
  if (drift->on_segment) drift->on_segment(drift, from_clock(run, from), from_clock(run, to));
  return TR_OK;
}

static tr_status on_output(int i, double time, const tr_array *x, void *user) {
  ode_run *run = user;
  const tr_sampler *sampler = run->sampler;
  (void)time;
  if (run->plan.index[i] < 0) return TR_OK;
  double t = run->plan.times[i];
  if (run->clock == TR_CLOCK_ANGLE) {
    TR_TRY(tr_scale(tr_interpolant_at(&sampler->interpolant, t).c, x, run->scratch));
    x = run->scratch;
  }
  return sampler->on_output(run->plan.index[i], t, x, sampler->out_user);
}

static void on_progress(double time, long n_rhs, void *user) {
  const ode_run *run = user;
  run->sampler->ode.on_progress(from_clock(run, time), n_rhs, run->sampler->ode.progress_user);
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

static tr_status prepare(ode_run *run, const tr_array *x) {
  const tr_sampler *sampler = run->sampler;
  if (!sampler->ode.method) return TR_FAIL(run->ctx, TR_E_ARG, "a sampler without an ODE method");
  if (sampler->ode.grid)
    return TR_FAIL(run->ctx, TR_E_ARG,
                   "ode.grid of a sampler is its own: give the points as its grid, a list");
  TR_TRY(tr_sampler_check(sampler, x, &run->prediction));
  TR_TRY(tr_interval_ode(run->ctx, &sampler->interpolant, sampler->drift->kind, sampler->sample_eps,
                         sampler->reverse, &run->t0, &run->t1));
  TR_TRY(choose_clock(run));
  tr_canonical_angles(run->prediction, &sampler->interpolant, &run->theta_low, &run->theta_high);
  TR_TRY(tr_save_plan_create(sampler, run->ctx, run->t0, run->t1, NAN, &run->plan));
  TR_TRY(mapped(run, run->plan.times, run->plan.n, &run->clock_times));
  run->spec = sampler->ode;
  run->spec.h0 = first_step(run);
  run->spec.drift_rel_noise = sampler->drift->rel_noise;
  if (sampler->ode.on_progress) {
    run->spec.on_progress = on_progress;
    run->spec.progress_user = run;
  }
  TR_TRY(prepare_grid(run));
  TR_TRY(prepare_breaks(run));
  return run->clock == TR_CLOCK_ANGLE ? tr_array_like(x, &run->scratch) : TR_OK;
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

static tr_status solve(ode_run *run, tr_array *x, tr_sample_stats *stats) {
  const tr_sampler *sampler = run->sampler;
  tr_rhs rhs = {run->clock == TR_CLOCK_T ? rhs_t : rhs_angle, on_segment, run};
  TR_TRY(scale_state(run, run->t0, true, x));
  tr_status status = tr_ode_solve(&run->spec, &rhs, run->clock_times, run->plan.n, x,
                                  sampler->n_save ? on_output : NULL, run, &stats->ode);
  bool ended = stats->ode.stop_reason && strcmp(stats->ode.stop_reason, "end") == 0;
  stats->t_end = ended ? run->t1 : from_clock(run, stats->ode.t_end);
  if (sampler->drift->on_segment) sampler->drift->on_segment(sampler->drift, 0, 1);
  TR_TRY(status);
  return scale_state(run, stats->t_end, false, x);
}

tr_status tr_sample_ode(const tr_sampler *sampler, const tr_cond *cond, tr_array *x, tr_sample_stats *stats) {
  tr_sample_stats unread;
  ode_run run = {.sampler = sampler, .cond = cond, .ctx = x->ctx};
  if (!stats) stats = &unread;
  *stats = (tr_sample_stats){.stop_reason = "error", .convention = ""};
  tr_status status = prepare(&run, x);
  if (status == TR_OK) {
    long before = sampler->drift->n_eval;
    stats->t0 = run.t0;
    stats->t1 = run.t1;
    stats->clock = run.clock;
    status = solve(&run, x, stats);
    stats->nfe = sampler->drift->n_eval - before;
    stats->n_steps = stats->ode.n_steps;
    stats->n_rejected = stats->ode.n_rejected;
    snprintf(stats->solver, sizeof stats->solver, "%s", stats->ode.solver);
    if (status == TR_OK) stats->stop_reason = stats->ode.stop_reason;
  }
  release(&run);
  return status;
}
