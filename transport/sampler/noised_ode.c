/* Runs of legs: an injection of noise, a solve of the ODE, and so on. */
#include "transport/sampler/noised_ode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/context_private.h"
#include "core/vec/vec.h"
#include "transport/drift_private.h"
#include "transport/sampler/run_private.h"
#include "transport/sampler/sampler.h"

typedef struct {
  const tr_sampler *sampler;
  const tr_noised_ode *table;
  const tr_cond *cond;
  tr_ctx *ctx;
  double t0, t1;
  tr_clock clock;
  tr_leg_plan plan;
  tr_save_plan save; /* its checks alone */
  tr_brownian *path; /* our own, NULL when the caller gave one */
  tr_array *z;
  tr_sample_stats *stats;
  int leg;
  int first_save;        /* number of the leg's first save time */
  long nfe;              /* of the legs before */
  double gone, distance; /* in t, over all legs: what lies behind the leg, the whole */
} noised_run;

const tr_noised_ode *tr_noised_ode_of(const tr_sde_method *method) {
  return method && method->caps & TR_SDE_AROUND_ODE ? method->detail : NULL;
}

bool tr_sde_reads_form(const tr_sde_method *method, const tr_values *values) {
  const tr_noised_ode *table = tr_noised_ode_of(method);
  if (!method) return false;
  if (!table) return true;
  tr_values filled = tr_module_filled(&method->info, values);
  return table->reads & TR_NOISED_FORM && !(table->instead_of_form && table->instead_of_form(&filled));
}

static bool adaptive(const noised_run *run) {
  return run->sampler->ode.method->caps & TR_ODE_ADAPTIVE;
}

static const tr_leg *current(const noised_run *run) {
  return &run->plan.legs[run->leg];
}

/* ---- preparation ---- */

static tr_status check(const noised_run *run) {
  const tr_sampler *s = run->sampler;
  const char *name = s->sde.method->info.name;
  if (!s->ode.method) return TR_FAIL(run->ctx, TR_E_ARG, "%s without the ODE method that it is around", name);
  if (!s->diffusion.type && tr_sde_reads_form(s->sde.method, &s->sde.values))
    return TR_FAIL(run->ctx, TR_E_ARG, "%s without a diffusion form", name);
  if (s->reverse)
    return TR_FAIL(run->ctx, TR_E_ARG, "%s runs from noise to data only: reverse is for the ODE", name);
  if (s->sde.rtol != 0 || s->sde.atol != 0)
    return TR_FAIL(run->ctx, TR_E_ARG,
                   "%s has no error estimate of its own: rtol and atol of the SDE must be 0, its ODE method "
                   "has tolerances",
                   name);
  if (!s->path || !tr_brownian_knows_times(s->path)) return TR_OK;
  return TR_FAIL(run->ctx, TR_E_ARG, "%s numbers its injections of noise: a Brownian tree has no numbers",
                 name);
}

static tr_status prepare(noised_run *run, const tr_array *x) {
  const tr_sampler *s = run->sampler;
  const tr_prediction_type *prediction;
  TR_TRY(tr_sampler_check(s, x, &prediction));
  TR_TRY(check(run));
  TR_TRY(tr_interval_ode(run->ctx, &s->interpolant, s->drift->kind, s->sample_eps, s->data_eps, false,
                         &run->t0, &run->t1));
  TR_TRY(tr_sample_ode_clock(s, prediction, run->ctx, run->t0, run->t1, &run->clock));
  TR_TRY(run->table->plan(run->ctx, s, run->t0, run->t1, &run->plan));
  TR_TRY(tr_save_plan_create(s, run->ctx, run->t0, run->t1, NAN, &run->save));
  for (int i = 0; i < run->plan.n_legs; i++) run->distance += run->plan.legs[i].to - run->plan.legs[i].from;
  TR_TRY(tr_array_like(x, &run->z));
  if (s->path) return TR_OK;
  return tr_brownian_create_addressed(run->ctx, s->seed, s->first_sample, &run->path);
}

static void release(noised_run *run) {
  free(run->plan.legs);
  free(run->plan.points);
  tr_save_plan_free(&run->save);
  tr_brownian_destroy(&run->path);
  tr_array_destroy(&run->z);
}

/* ---- a leg ---- */

static tr_status on_output(int index, double t, const tr_array *x, void *user) {
  const noised_run *run = user;
  return tr_save_out(run->sampler, run->first_save + index, t, x);
}

/* Progress as a time between t0 and t1, though the run goes back now and then. */
static void on_progress(double t, long n_rhs, void *user) {
  const noised_run *run = user;
  double part = (run->gone + t - current(run)->from) / run->distance;
  run->sampler->on_progress(run->t0 + part * (run->t1 - run->t0), run->nfe + n_rhs,
                            run->sampler->progress_user);
}

/* The save times up to the leg's end that no later leg passes. */
static int saves_of_leg(const noised_run *run) {
  double end = current(run)->to + TR_SAME_TIME;
  bool last = run->leg + 1 == run->plan.n_legs;
  int n = 0;
  for (int i = run->leg + 1; i < run->plan.n_legs; i++)
    end = fmin(end, run->plan.legs[i].from - TR_SAME_TIME);
  while (run->first_save + n < run->sampler->n_save &&
         (last || run->sampler->save_times[run->first_save + n] <= end))
    n++;
  return n;
}

static tr_status solve_leg(noised_run *run, tr_array *x, tr_sample_stats *stats) {
  const tr_leg *leg = current(run);
  tr_sampler s = *run->sampler;
  tr_ode_spec *ode = &s.ode;
  if (!adaptive(run)) {
    s.n_steps = leg->n_steps + 1;
    s.grid = tr_grid_of_points(run->plan.points + leg->first, s.n_steps);
  }
  s.clock = run->clock;
  s.n_save = saves_of_leg(run);
  s.save_times = s.n_save ? s.save_times + run->first_save : NULL;
  s.on_output = s.n_save ? on_output : NULL;
  s.out_user = run;
  s.max_nfe = run->sampler->max_nfe ? run->sampler->max_nfe - run->nfe : 0;
  s.on_progress = run->sampler->on_progress ? on_progress : NULL;
  s.progress_user = run;
  /* A tolerance that the first leg had to raise is not warned of again. */
  if (run->leg > 0 && adaptive(run)) {
    double scale = ode->method->tolerance_scale > 0 ? ode->method->tolerance_scale : 1;
    ode->rtol = fmax(ode->rtol, run->stats->ode.rtol_used / scale);
  }
  tr_status status = tr_sample_ode_between(&s, run->cond, leg->from, leg->to, x, stats);
  run->first_save += s.n_save;
  return status;
}

static tr_status inject(noised_run *run, tr_array *x) {
  const tr_leg *leg = current(run);
  const tr_brownian *path = run->path ? run->path : run->sampler->path;
  tr_program list;
  if (leg->noise < 0) return TR_OK;
  tr_program_init(&list, -1);
  TR_TRY(tr_brownian_list_normals(path, leg->noise, run->z, NULL, &list));
  TR_TRY(tr_program_axpby(&list, leg->keep, x, leg->add, run->z, x));
  return tr_program_run(&list);
}

static void account(noised_run *run, const tr_sample_stats *leg) {
  tr_sample_stats *all = run->stats;
  run->nfe += leg->nfe;
  all->n_steps += leg->n_steps;
  all->n_rejected += leg->n_rejected;
  all->t_end = leg->t_end;
  all->ode = leg->ode;
  snprintf(all->solver, sizeof all->solver, "%s, %.48s", run->sampler->sde.method->info.name, leg->solver);
  run->gone += current(run)->to - current(run)->from;
}

/* Whether the limit, if there is one, leaves an evaluation. */
static bool affords_leg(const noised_run *run) {
  const tr_sampler *sampler = run->sampler;
  return sampler->max_nfe == 0 || run->nfe + tr_drift_forwards(sampler->drift) <= sampler->max_nfe;
}

static tr_status run_legs(noised_run *run, tr_array *x) {
  run->stats->t_end = run->t0;
  for (run->leg = 0; run->leg < run->plan.n_legs; run->leg++) {
    tr_sample_stats leg;
    run->stats->stop_reason = TR_STOP_MAX_NFE;
    if (!affords_leg(run)) return TR_OK;
    TR_TRY(inject(run, x));
    tr_status status = solve_leg(run, x, &leg);
    account(run, &leg);
    TR_TRY(status);
    if (leg.stop_reason != TR_STOP_END) return TR_OK;
  }
  run->stats->stop_reason = TR_STOP_END;
  return TR_OK;
}

tr_status tr_sample_noised(const tr_sampler *sampler, const tr_cond *cond, tr_array *x,
                           tr_sample_stats *stats) {
  const tr_sde_method *method = sampler->sde.method;
  bool form = tr_sde_reads_form(method, &sampler->sde.values);
  tr_sampler settled = *sampler;
  noised_run run = {
      .sampler = &settled, .table = tr_noised_ode_of(method), .cond = cond, .ctx = x->ctx, .stats = stats};
  *stats = (tr_sample_stats){.stop_reason = TR_STOP_ERROR, .convention = form ? TR_SDE_CONVENTION : ""};
  tr_memory_hold(x->ctx); /* each leg takes what the one before gives back */
  tr_status status = tr_module_settle(x->ctx, &method->info, &settled.sde.values);
  if (status == TR_OK) status = prepare(&run, x);
  if (status == TR_OK) {
    stats->t0 = run.t0;
    stats->t1 = run.t1;
    stats->clock = run.clock;
    status = run_legs(&run, x);
    stats->nfe = run.nfe;
    if (status != TR_OK) stats->stop_reason = TR_STOP_ERROR;
  }
  release(&run);
  tr_memory_let_go(x->ctx);
  return status;
}
