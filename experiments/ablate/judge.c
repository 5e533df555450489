/* What a trained model is judged by: samples of the ODE and of the SDE, and likelihoods. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/ablate/training.h"
#include "experiments/common/advice.h"
#include "experiments/common/density_options.h"
#include "experiments/common/intervals.h"
#include "experiments/common/statistics.h"
#include "experiments/input/form.h"
#include "experiments/input/provider.h"
#include "transport/exact/exact.h"
#include "transport/likelihood/dequantise.h"

enum { EXACT_TRACE_MOST = 16, PROBES = 2 };

typedef struct {
  ablate_training *a;
  tr_ctx *ctx;
  const ablate_target *target;
  const ablate_options *options;
  long seed;
  tr_drift *drift;
  tr_sampler sampler;
  int64_t n, m, row; /* samples, samples to compare with */
  double *samples, *compare;
  int32_t *labels; /* (n) */
} judge;

/* ---- samplers ---- */

static tr_status set_sampler(judge *j, const tr_interpolant *path) {
  const ablate_options *o = j->options;
  tr_sampler *s = &j->sampler;
  const tr_module *ode, *sde;
  TR_TRY(tr_sampler_defaults(j->ctx, s));
  TR_TRY(tr_find(j->ctx, TR_KIND_ODE_METHOD, o->ode_method, &ode));
  TR_TRY(tr_find(j->ctx, TR_KIND_SDE_METHOD, o->sde_method, &sde));
  TR_TRY(tr_diffusion_find(j->ctx, o->form, &s->diffusion));
  TR_TRY(tr_last_step_find(j->ctx, o->last_step, &s->last));
  s->interpolant = *path;
  s->drift = j->drift;
  s->seed = (uint64_t)j->seed;
  s->ode = (tr_ode_spec){.method = (const tr_ode_method *)ode, .rtol = o->rtol, .atol = o->rtol};
  s->sde = (tr_sde_spec){.method = (const tr_sde_method *)sde};
  s->diffusion.norm = o->norm;
  s->last_size = o->last_step_size;
  return TR_OK;
}

static tr_status draw(judge *j, bool sde, tr_array *x, tr_sample_stats *stats) {
  const tr_cond cond = provider_cond(j->labels, 0, x->shape[0]);
  j->sampler.n_steps = (int)(sde ? j->options->sde_steps : j->options->ode_steps) + 1;
  TR_TRY(tr_sample_init(&j->sampler, x));
  return sde ? tr_sample_sde(&j->sampler, &cond, x, stats) : tr_sample_ode(&j->sampler, &cond, x, stats);
}

static tr_status make_states(const judge *j, int64_t n, tr_array **out) {
  int64_t shape[TR_MAX_DIMS];
  const int ndim = tr_net_states(tr_net_info_of(j->a->run.net), n, shape);
  return tr_array_create(j->ctx, j->a->run.dtype, ndim, shape, out);
}

/* What came to nothing is said in the row. */
static tr_status note_failure(judge *j, const char *what, tr_status status) {
  static const advice_reader reader = {&ablate_table, 0, NULL};
  ablate_result *r = &j->a->result;
  if (status != TR_E_NONFINITE && status != TR_E_SOLVER) return status;
  advice_error(j->ctx, status, &reader);
  if (strcmp(r->status, "ok") == 0)
    snprintf(r->message, sizeof r->message, "%s: %s", what, TR_SHOW(tr_ctx_error(j->ctx)->message, 200));
  snprintf(r->status, sizeof r->status, "failed");
  tr_ctx_clear(j->ctx);
  return TR_OK;
}

/* ---- samples ---- */

static bool finite(const double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

static tr_status draw_and_compare(judge *j, bool sde, tr_array *x, tr_sample_stats *stats) {
  double *number = &j->a->result.number[sde ? ABLATE_SDE : ABLATE_ODE];
  TR_TRY(draw(j, sde, x, stats));
  TR_TRY(tr_array_get_f64(x, j->samples));
  if (!finite(j->samples, j->n * j->row)) return TR_FAIL(j->ctx, TR_E_NONFINITE, "samples are not finite");
  return stat_energy(j->ctx, j->n, j->m, j->row, j->samples, j->compare, number);
}

static tr_status judge_samples(judge *j, bool sde) {
  tr_array *x;
  tr_sample_stats stats = {0};
  TR_TRY(make_states(j, j->n, &x));
  tr_status status = draw_and_compare(j, sde, x, &stats);
  tr_array_destroy(&x);
  *(sde ? &j->a->result.sde_nfe : &j->a->result.ode_nfe) = stats.nfe;
  return note_failure(j, sde ? "SDE" : "ODE", status);
}

/* What samples are compared with, and the floor. */
static tr_status set_compare(judge *j) {
  const ablate_target *t = j->target;
  double *floor = &j->a->result.number[ABLATE_FLOOR];
  if (!t->exact) {
    const int64_t half = t->n_held / 2;
    memcpy(j->compare, t->held, (size_t)(j->m * j->row) * sizeof *j->compare);
    return stat_energy(j->ctx, half, j->m - half, j->row, j->compare, j->compare + half * j->row, floor);
  }
  ablate_target_sample(t, j->seed, 0, j->m, j->compare);
  ablate_target_sample(t, j->seed, 1, j->n, j->samples);
  return stat_energy(j->ctx, j->n, j->m, j->row, j->samples, j->compare, floor);
}

/* ---- likelihoods ---- */

typedef struct {
  int64_t n;
  double *x; /* (n, row) */
  double *exact, *log_q, *logp, *se,
      *v; /* (n) each: ln p of the target, of the dequantisation, of the model */
} densities;

/* Samples of the target with their density; or data, images between their levels. */
static tr_status take_inputs(const judge *j, densities *d) {
  const ablate_target *t = j->target;
  const tr_coeffs end = tr_interpolant_at(&j->sampler.interpolant, 1);
  if (t->exact) {
    tr_drift *drift;
    ablate_target_sample(t, j->seed, 2, d->n, d->x);
    TR_TRY(mixture_drift(j->ctx, &t->mixture, &j->sampler.interpolant, TR_VELOCITY, &drift));
    tr_status status = TR_OK;
    for (int64_t i = 0; status == TR_OK && i < d->n; i++)
      status = tr_exact_log_density(drift, 1, d->x + i * j->row, &d->exact[i]);
    tr_drift_destroy(&drift);
    return status;
  }
  memcpy(d->x, t->held, (size_t)(d->n * j->row) * sizeof *d->x);
  for (int64_t i = 0; t->levels && i < d->n; i++) {
    const tr_random_address address = {
        .seed = (uint64_t)j->seed, .purpose = TR_RANDOM_DEQUANT, .sample = (uint64_t)i};
    TR_TRY(tr_dequantise(j->ctx, TR_DEQUANT_UNIFORM, &end, &address, j->row, t->levels + i * j->row,
                         d->x + i * j->row, &d->log_q[i]));
  }
  return TR_OK;
}

static tr_status solve(judge *j, const densities *d) {
  const ablate_options *o = j->options;
  const tr_cond cond = provider_cond(j->target->labels, 0, d->n);
  const char *trace = o->trace ? o->trace : j->row <= EXACT_TRACE_MOST ? "exact" : "hutchinson";
  long probes = o->probes == TR_OPTION_UNSET ? PROBES : o->probes;
  double tolerance = NAN;
  tr_density density;
  tr_sample_stats stats = {0};
  tr_sampler reverse = j->sampler;
  tr_array *x;
  TR_TRY(density_options(j->ctx, trace, o->rtol, j->row, &probes, &tolerance, &density));
  TR_TRY(make_states(j, d->n, &x));
  reverse.reverse = true;
  reverse.n_steps = (int)o->ode_steps + 1;
  tr_status status = tr_array_set_f64(x, d->x);
  if (status == TR_OK) status = tr_sample_density(&reverse, &density, &cond, x, d->logp, d->se, &stats);
  tr_array_destroy(&x);
  j->a->result.likelihood_nfe = stats.nfe;
  if (status == TR_OK && !finite(d->logp, d->n))
    status = TR_FAIL(j->ctx, TR_E_NONFINITE, "a likelihood is not finite");
  return status;
}

/* Mean and standard error of factor (a[i] - b[i]). */
static void put_mean(const densities *d, const double *a, const double *b, double factor, double *out) {
  for (int64_t i = 0; i < d->n; i++) d->v[i] = factor * (a[i] - b[i]);
  const stat_average mean = stat_average_of(d->n, d->v);
  out[0] = mean.mean;
  out[1] = mean.se;
}

/* An image has the probability of a bin, p / q of a place drawn in it; numbers have q = 1. */
static void put_likelihoods(const judge *j, const densities *d) {
  double *number = j->a->result.number;
  put_mean(d, d->log_q, d->logp, 1, &number[ABLATE_NLL]);
  if (j->target->exact)
    put_mean(d, d->exact, d->logp, 1, &number[ABLATE_KL]);
  else
    put_mean(d, d->log_q, d->logp, 1 / ((double)j->row * log(2)), &number[ABLATE_BPD]);
}

static tr_status judge_likelihoods(judge *j) {
  const ablate_target *t = j->target;
  const long told = j->options->likelihood_samples;
  densities d = {.n = told == TR_OPTION_UNSET ? t->n_held : told};
  d.x = calloc((size_t)(d.n * (j->row + 5)), sizeof *d.x);
  if (!d.x) return TR_FAIL(j->ctx, TR_E_MEM, "out of memory for %lld likelihoods", (long long)d.n);
  d.exact = d.x + d.n * j->row;
  d.log_q = d.exact + d.n;
  d.logp = d.log_q + d.n;
  d.se = d.logp + d.n;
  d.v = d.se + d.n;
  tr_status status = take_inputs(j, &d);
  if (status == TR_OK) status = solve(j, &d);
  if (status == TR_OK) put_likelihoods(j, &d);
  free(d.x);
  return note_failure(j, "likelihood", status);
}

/* ---- all of it ---- */

static tr_status open_judge(judge *j, const char *path_name, const char *prediction_name) {
  const ablate_target *t = j->target;
  const long told = j->options->num_samples;
  const tr_prediction_type *prediction;
  tr_interpolant path;
  TR_TRY(tr_interpolant_find(j->ctx, path_name, &path));
  if (j->a->run.interpolant.type == path.type) path = j->a->run.interpolant; /* with its parameters */
  TR_TRY(tr_prediction_find(j->ctx, prediction_name, &prediction));
  TR_TRY(tr_drift_of_net(j->a->run.net, prediction->tag, &j->drift));
  TR_TRY(set_sampler(j, &path));
  j->n = told == TR_OPTION_UNSET ? t->n_held : told;
  j->m = t->exact ? j->n : t->n_held;
  j->samples = malloc((size_t)((j->n + j->m) * j->row) * sizeof *j->samples);
  j->labels = t->labels ? malloc((size_t)j->n * sizeof *j->labels) : NULL;
  if (!j->samples || (t->labels && !j->labels))
    return TR_FAIL(j->ctx, TR_E_MEM, "out of memory for %lld samples", (long long)j->n);
  j->compare = j->samples + j->n * j->row;
  for (int64_t i = 0; t->labels && i < j->n; i++) j->labels[i] = t->labels[i % t->n_held];
  return TR_OK;
}

static void close_judge(judge *j) {
  tr_drift_destroy(&j->drift);
  free(j->samples);
  free(j->labels);
}

static judge judge_of(ablate_training *a) {
  return (judge){.a = a,
                 .ctx = a->program.ctx,
                 .target = a->setting->target,
                 .options = a->setting->options,
                 .seed = ablate_plan_seed(a->setting->plan, a->number),
                 .row = a->setting->target->row};
}

/* The network gets the parameters of the running average. */
static tr_status take_average(ablate_training *a) {
  TR_TRY(tr_array_copy(tr_trainer_average(a->run.trainer, 0), tr_params_values(tr_net_params(a->run.net))));
  return tr_net_refresh(a->run.net);
}

static tr_status judge_all(judge *j) {
  TR_TRY(set_compare(j));
  TR_TRY(judge_samples(j, false));
  TR_TRY(judge_samples(j, true));
  return judge_likelihoods(j);
}

tr_status ablate_training_judge(ablate_training *a) {
  const ablate_cell *cell = ablate_plan_cell(a->setting->plan, a->number);
  judge j = judge_of(a);
  if (strcmp(a->result.status, "diverged") == 0) return TR_OK;
  TR_TRY(take_average(a));
  tr_status status = open_judge(&j, cell->path, cell->prediction);
  if (status == TR_OK) status = judge_all(&j);
  close_judge(&j);
  return status;
}

static tr_status try_one(judge *j, bool sde) {
  tr_array *x;
  TR_TRY(make_states(j, 1, &x));
  j->sampler.max_nfe = 1;
  tr_status status = draw(j, sde, x, NULL);
  tr_array_destroy(&x);
  if (status != TR_E_NONFINITE && status != TR_E_SOLVER) return status;
  tr_ctx_clear(j->ctx);
  return TR_OK;
}

/* One that multiplies noise does so for all predictions along a path, whose cells stand together. */
static void warn_last_step(const judge *j, const ablate_cell *cell) {
  char text[400];
  if (cell > j->a->setting->plan->cells && strcmp(cell->path, cell[-1].path) == 0) return;
  if (form_last_step(j->ctx, &j->sampler, j->drift->kind, "", text, sizeof text))
    tr_ctx_warn(j->ctx, "on %s, %s", cell->path, text);
}

tr_status ablate_training_try(ablate_training *a, const ablate_cell *cell) {
  judge j = judge_of(a);
  tr_status status = open_judge(&j, cell->path, cell->prediction);
  if (status == TR_OK) status = try_one(&j, false);
  if (status == TR_OK) status = try_one(&j, true);
  if (status == TR_OK) warn_last_step(&j, cell);
  close_judge(&j);
  return advice_error(j.ctx, status, &(advice_reader){&ablate_table, 0, NULL});
}
