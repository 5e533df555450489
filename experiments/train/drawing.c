/* Samples while training, drawn by the average as `transit sample ODE` draws them from the checkpoint of that
 * step. Parameters and average change places for that time, so that no second network is needed; nothing that
 * a step reads is left different. */
#include <stdlib.h>

#include "core/text.h"
#include "experiments/input/drawn_with.h"
#include "experiments/output/run_record.h"
#include "experiments/train/run.h"
#include "nets/model.h"
#include "transport/guidance.h"
#include "transport/sampler/sampler.h"

/* ---- the solve ---- */

static tr_status set_sampler(const train_run *run, tr_drift *drift, tr_sampler *out) {
  tr_ctx *ctx = run->program->ctx;
  const tr_module *method;
  TR_TRY(tr_sampler_defaults(ctx, out));
  TR_TRY(tr_find(ctx, TR_KIND_ODE_METHOD, TRAIN_SAMPLER, &method));
  out->ode.method = (const tr_ode_method *)method;
  out->interpolant = run->interpolant;
  out->drift = drift;
  out->n_steps = (int)run->options->num_sampling_steps;
  out->sample_eps = run->options->sample_eps;
  out->seed = (uint64_t)run->options->seed;
  return TR_OK;
}

static tr_status draw_into(const train_run *run, const tr_sampler *sampler, int64_t first, tr_array *x,
                           sample_result *r, tr_sample_stats *stats) {
  const tr_cond cond = {x->shape[0], r->labels ? r->labels + first : NULL};
  TR_TRY(tr_sample_init(sampler, x));
  TR_TRY(tr_sample_ode(sampler, r->labels ? &cond : NULL, x, stats));
  TR_TRY(sample_result_put(r, first, x));
  if (!r->pixels) return TR_OK;
  return run->pictures.make(&run->pictures, x, sample_result_picture(r, first));
}

/* Samples first .. first + n - 1. */
static tr_status draw_batch(const train_run *run, tr_sampler *sampler, int64_t first, int64_t n,
                            sample_result *r, tr_sample_stats *stats) {
  int64_t shape[TR_MAX_DIMS];
  tr_array *x;
  const int ndim = tr_net_states(tr_net_info_of(run->net), n, shape);
  sampler->first_sample = (uint64_t)first;
  TR_TRY(tr_array_create(run->program->ctx, run->dtype, ndim, shape, &x));
  const tr_status status = draw_into(run, sampler, first, x, r, stats);
  tr_array_destroy(&x);
  return status;
}

static tr_status draw_batches(const train_run *run, const train_drawing *what, tr_drift *drift,
                              sample_result *r, long *nfe) {
  tr_sampler sampler;
  tr_sample_stats stats;
  TR_TRY(set_sampler(run, drift, &sampler));
  for (int64_t first = 0; first < what->n; first += what->batch) {
    const int64_t left = what->n - first;
    TR_TRY(draw_batch(run, &sampler, first, left < what->batch ? left : what->batch, r, &stats));
    if (nfe) *nfe = stats.nfe;
  }
  return TR_OK;
}

static tr_status draw_guided(const train_run *run, const train_drawing *what, sample_result *r, long *nfe) {
  const tr_guidance guidance = {.scale = what->cfg_scale, .high = 1};
  tr_drift *network, *guided = NULL;
  TR_TRY(tr_drift_of_net(run->net, run->prediction->tag, &network));
  tr_status status = TR_OK;
  if (guidance.scale != 1 && tr_net_info_of(run->net)->null_class >= 0)
    status = tr_drift_create_guided(network, &guidance, &guided);
  if (status == TR_OK) status = draw_batches(run, what, guided ? guided : network, r, nfe);
  tr_drift_destroy(&guided);
  tr_drift_destroy(&network);
  return status;
}

/* Parameters that could not be put back are the worse failure: no checkpoint may have the average for them.
 */
tr_status train_draw(train_run *run, const train_drawing *what, sample_result *r, long *nfe) {
  const bool averaged = tr_trainer_average(run->trainer, 0);
  if (averaged) TR_TRY(tr_trainer_exchange(run->trainer, 0));
  const tr_status status = draw_guided(run, what, r, nfe);
  const tr_status back = averaged ? tr_trainer_exchange(run->trainer, 0) : TR_OK;
  return back == TR_OK ? status : back;
}

/* ---- before and after it ---- */

static tr_status drawn_with(const train_run *run, sample_result *r) {
  json_t *options = record_options(&train_table, &run->parsed, run->options);
  r->drawn_with = drawn_with_text(options);
  json_decref(options);
  return r->drawn_with ? TR_OK : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for the options");
}

tr_status train_draw_prepare(const train_run *run, long n, bool shown, sample_result *r) {
  const tr_net_info *info = tr_net_info_of(run->net);
  r->dtype = run->dtype;
  r->ndim = tr_net_states(info, n, r->shape);
  if (shown) r->height = run->pictures.height, r->width = run->pictures.width;
  TR_TRY(tr_model_labels(run->program->ctx, info, NULL, 0, NULL, n, &r->labels));
  TR_TRY(drawn_with(run, r));
  return sample_result_allocate(run->program->ctx, r);
}

/* Samples of weights that have gone wild are none, which is no reason to end. */
tr_status train_forgive(train_run *run, const char *what, tr_status status) {
  if (status != TR_E_NONFINITE) return status;
  const tr_error error = *tr_ctx_error(run->program->ctx);
  const long long step = run->report.step;
  tr_ctx_clear(run->program->ctx);
  tr_ctx_warn(run->program->ctx, "no %s of step %lld: %s", what, step, TR_SHOW(error.message, 300));
  return train_files_say(run, "step %lld: no %s: %s", step, what, TR_SHOW(error.message, 300));
}
