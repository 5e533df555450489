/* The SDE sampler: dX = (v + D s) dt + sqrt(2 D) dB from noise to data, then the last step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/require_private.h"
#include "core/vec/vec.h"
#include "transport/drift_private.h"
#include "transport/exponential/sde_private.h"
#include "transport/sampler/run_private.h"
#include "transport/sampler/sampler.h"

typedef struct {
  const tr_sampler *sampler;
  const tr_cond *cond;
  const tr_prediction_type *prediction;
  tr_ctx *ctx;
  double t0, t1;
  double last_size; /* 0: no last step */
  double *grid;
  int n_grid;
  tr_save_plan plan;
  tr_brownian *path; /* our own, NULL when the caller gave one */
  tr_array *p;       /* the prediction of the last step */
  tr_exponential_walk exponential;
} sde_run;

static tr_coeffs coeffs_at(const sde_run *run, double t) {
  return tr_interpolant_at(&run->sampler->interpolant, tr_sampler_time(t));
}

static bool adaptive(const sde_run *run) {
  return run->sampler->sde.rtol != 0 || run->sampler->sde.atol != 0;
}

static bool regular(const sde_run *run, double t) {
  tr_affine f;
  tr_coeffs at = coeffs_at(run, t);
  return tr_sde_drift_of(run->prediction, &run->sampler->diffusion, &at, &f) &&
         isfinite(tr_diffusion_D(&run->sampler->diffusion, &at));
}

/* ---- what the integrator asks for ---- */

static tr_status drift(double t, const tr_array *x, tr_array *dx, tr_program *list, void *user) {
  sde_run *run = user;
  const tr_sampler *sampler = run->sampler;
  tr_affine f;
  t = tr_sampler_time(t);
  TR_TRY(tr_sde_drift(run->ctx, &sampler->interpolant, run->prediction, &sampler->diffusion, t, &f));
  TR_TRY(tr_program_run(list));
  TR_TRY(tr_drift_eval(sampler->drift, (tr_times){1, &t}, x, run->cond, dx));
  return tr_affine_list(list, f, x, dx, dx);
}

/* Infinite wherever the drift is, which sends the integrator to singular_step. */
static tr_status g2(double t, double *out, void *user) {
  const sde_run *run = user;
  tr_coeffs at = coeffs_at(run, t);
  *out = regular(run, t) ? 2 * tr_diffusion_D(&run->sampler->diffusion, &at) : INFINITY;
  return TR_OK;
}

static tr_status g2_integral(double t0, double t1, double *out, void *user) {
  const sde_run *run = user;
  *out = tr_diffusion_variance(&run->sampler->diffusion, &run->sampler->interpolant, tr_sampler_time(t0),
                               tr_sampler_time(t1));
  return TR_OK;
}

static tr_status singular_step(double t, double h, const tr_array *z, tr_array *x, long *n_rhs,
                               tr_program *list, void *user) {
  sde_run *run = user;
  return tr_exponential_walk_step(&run->exponential, tr_exponential_sde_of(run->sampler->sde.method),
                                  tr_sampler_time(t), tr_sampler_time(t + h), z, x, n_rhs, list);
}

static tr_status on_output(int i, double t, const tr_array *x, void *user) {
  const sde_run *run = user;
  (void)t;
  if (run->plan.index[i] < 0) return TR_OK;
  return tr_save_out(run->sampler, run->plan.index[i], run->plan.times[i], x);
}

/* ---- preparation ---- */

static tr_status check_modules(const sde_run *run) {
  const tr_sampler *sampler = run->sampler;
  const char *lacking = !sampler->sde.method       ? "an SDE method"
                        : !sampler->diffusion.type ? "a diffusion form"
                        : !sampler->last.type      ? "a last step"
                                                   : NULL;
  if (lacking) return TR_FAIL(run->ctx, TR_E_ARG, "a sampler without %s", lacking);
  if (sampler->reverse)
    return TR_FAIL(run->ctx, TR_E_ARG, "the SDE runs from noise to data only: reverse is for the ODE");
  return tr_diffusion_check(run->ctx, &sampler->diffusion, &sampler->interpolant);
}

/* The first step may start on a singularity; every other evaluation must be finite. The exponential methods
 * ask for the denoiser alone. */
static tr_status check_times(const sde_run *run) {
  const tr_sampler *sampler = run->sampler;
  int last = tr_exponential_sde_of(sampler->sde.method) ? 0 : run->n_grid - 1;
  tr_affine unused;
  for (int i = 1; i < last; i++)
    if (!regular(run, run->grid[i]))
      return tr_sde_drift(run->ctx, &sampler->interpolant, run->prediction, &sampler->diffusion, run->grid[i],
                          &unused);
  if ((sampler->sde.method->caps & TR_SDE_USES_END) && !regular(run, run->t1))
    return TR_FAIL(run->ctx, TR_E_ARG,
                   "%s evaluates the drift at the end, t = %.10g, where it is infinite for the form %s and a "
                   "%s prediction: use a last step, a sample eps above 0, or euler-maruyama",
                   sampler->sde.method->info.name, run->t1, sampler->diffusion.type->info.name,
                   run->prediction->info.name);
  if (sampler->last.type->identity) return TR_OK;
  return tr_last_step_map(run->ctx, &sampler->last, &sampler->interpolant, run->prediction,
                          &sampler->diffusion, run->t1, run->last_size, &unused);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Where adaptive steps must end: at the jumps of the field. */
static tr_status make_stops(sde_run *run) {
  const tr_drift *drift = run->sampler->drift;
  run->grid = malloc(((size_t)drift->n_breaks + 2) * sizeof *run->grid);
  if (!run->grid) return TR_FAIL(run->ctx, TR_E_MEM, "out of memory for %d break points", drift->n_breaks);
  run->grid[run->n_grid++] = run->t0;
  for (int i = 0; i < drift->n_breaks; i++)
    if (drift->breaks[i] > run->t0 && drift->breaks[i] < run->t1) run->grid[run->n_grid++] = drift->breaks[i];
  run->grid[run->n_grid++] = run->t1;
  qsort(run->grid, (size_t)run->n_grid, sizeof *run->grid, ascending);
  return TR_OK;
}

static tr_status make_grid(sde_run *run) {
  const tr_sampler *sampler = run->sampler;
  if (adaptive(run)) return make_stops(run);
  return tr_grid_points(run->ctx, &sampler->grid, &sampler->interpolant, run->t0, run->t1, sampler->n_steps,
                        &run->grid, &run->n_grid);
}

static tr_status make_path(sde_run *run) {
  const tr_sampler *sampler = run->sampler;
  if (sampler->path) return TR_OK;
  if (adaptive(run))
    return tr_brownian_create_tree(run->ctx, sampler->seed, sampler->first_sample, run->t0, run->t1,
                                   &run->path);
  return tr_brownian_create_addressed(run->ctx, sampler->seed, sampler->first_sample, &run->path);
}

static tr_status prepare(sde_run *run, const tr_array *x) {
  const tr_sampler *sampler = run->sampler;
  TR_TRY(tr_sampler_check(sampler, x, &run->prediction));
  TR_TRY(check_modules(run));
  run->exponential =
      (tr_exponential_walk){.sampler = sampler, .prediction = run->prediction, .cond = run->cond};
  run->last_size = sampler->last.type->identity ? 0 : sampler->last_size;
  TR_TRY(tr_interval_sde(run->ctx, &sampler->interpolant, sampler->drift->kind, sampler->sample_eps,
                         run->last_size, &run->t0, &run->t1));
  TR_TRY(make_grid(run));
  TR_TRY(check_times(run));
  double end = run->last_size > 0 ? run->t1 + run->last_size : NAN;
  TR_TRY(tr_save_plan_create(sampler, run->ctx, run->t0, run->t1, end, &run->plan));
  if (!tr_exponential_sde_of(sampler->sde.method) && !adaptive(run))
    TR_TRY(tr_sde_warn_unstable(run->ctx, sampler, run->prediction, run->grid, run->n_grid));
  if (!sampler->last.type->identity) TR_TRY(tr_array_like(x, &run->p));
  TR_TRY(make_path(run));
  return tr_drift_reserve(sampler->drift, x, run->cond, 0);
}

static void release(sde_run *run) {
  free(run->grid);
  tr_save_plan_free(&run->plan);
  tr_brownian_destroy(&run->path);
  tr_array_destroy(&run->p);
  tr_exponential_walk_free(&run->exponential);
}

/* ---- the run ---- */

static tr_status walk(sde_run *run, tr_array *x, tr_sde_stats *stats) {
  const tr_sampler *sampler = run->sampler;
  tr_sde_spec spec = sampler->sde;
  spec.grid = run->grid;
  spec.n_grid = run->n_grid;
  spec.max_nfe = tr_sampler_evaluations(sampler);
  spec.on_progress = sampler->on_progress;
  spec.progress_user = sampler->progress_user;
  tr_sde_problem problem = {
      .g2 = g2, .g2_integral = g2_integral, .singular_step = singular_step, .user = run, .listed = drift};
  return tr_sde_solve(&spec, &problem, run->path ? run->path : sampler->path, run->plan.times, run->plan.n, x,
                      sampler->n_save ? on_output : NULL, run, stats);
}

static tr_status take_last_step(sde_run *run, tr_array *x, tr_sample_stats *stats) {
  const tr_sampler *sampler = run->sampler;
  tr_affine map;
  if (sampler->last.type->identity) return TR_OK;
  TR_TRY(tr_last_step_map(run->ctx, &sampler->last, &sampler->interpolant, run->prediction,
                          &sampler->diffusion, run->t1, run->last_size, &map));
  TR_TRY(tr_drift_eval(sampler->drift, (tr_times){1, &run->t1}, x, run->cond, run->p));
  TR_TRY(tr_affine_apply(map, x, run->p, x));
  stats->n_steps++;
  stats->t_end = tr_sampler_time(run->t1 + run->last_size);
  int last = sampler->n_save - 1;
  if (run->last_size == 0 || last < 0 || fabs(sampler->save_times[last] - stats->t_end) > TR_SAME_TIME)
    return TR_OK;
  return tr_save_out(sampler, last, stats->t_end, x);
}

/* Whether the limit, if there is one, leaves an evaluation for the last step. */
static bool affords_last_step(const sde_run *run, long before) {
  const tr_sampler *sampler = run->sampler;
  if (sampler->max_nfe == 0 || sampler->last.type->identity) return true;
  return sampler->drift->n_forward - before + tr_drift_forwards(sampler->drift) <= sampler->max_nfe;
}

static tr_status run_all(sde_run *run, long before, tr_array *x, tr_sample_stats *stats) {
  stats->t_end = run->t0;
  tr_status status = walk(run, x, &stats->sde);
  stats->n_steps = stats->sde.n_steps;
  stats->n_rejected = stats->sde.n_rejected;
  stats->t_end = stats->sde.t_end;
  TR_TRY(status);
  stats->stop_reason = stats->sde.stop_reason;
  if (stats->stop_reason != TR_STOP_END) return TR_OK;
  if (affords_last_step(run, before)) return take_last_step(run, x, stats);
  stats->stop_reason = TR_STOP_MAX_NFE;
  return TR_OK;
}

tr_status tr_sample_sde(const tr_sampler *sampler, const tr_cond *cond, tr_array *x, tr_sample_stats *stats) {
  tr_sample_stats unread;
  if (!stats) stats = &unread;
  *stats =
      (tr_sample_stats){.stop_reason = TR_STOP_ERROR, .convention = TR_SDE_CONVENTION, .clock = TR_CLOCK_T};
  TR_REQUIRE(TR_CTX_OF(x), sampler, x);
  if (sampler->sde.method && tr_noised_ode_of(sampler->sde.method))
    return tr_sample_noised(sampler, cond, x, stats);
  sde_run run = {.sampler = sampler, .cond = cond, .ctx = x->ctx};
  tr_status status = prepare(&run, x);
  if (status == TR_OK) {
    long before = sampler->drift->n_forward;
    stats->t0 = run.t0;
    stats->t1 = run.t1;
    status = run_all(&run, before, x, stats);
    stats->nfe = sampler->drift->n_forward - before;
    snprintf(stats->solver, sizeof stats->solver, "%s", sampler->sde.method->info.name);
    if (status != TR_OK) stats->stop_reason = TR_STOP_ERROR;
  }
  release(&run);
  return tr_drift_tell_fit(sampler->drift, x, cond, 0, status);
}
