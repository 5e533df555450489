/* Samples while training: --sample-every. Drawn by the average as `transit sample ODE` draws them from the
 * checkpoint of that step. Parameters and average change places for that time, so that no second network is
 * needed; nothing that a step reads is left different. */
#include <stdlib.h>

#include "core/text.h"
#include "experiments/input/drawn_with.h"
#include "experiments/output/run_record.h"
#include "experiments/output/sample_result.h"
#include "experiments/sample/pictures.h"
#include "experiments/train/run.h"
#include "nets/model.h"
#include "transport/guidance.h"
#include "transport/sampler/sampler.h"

#define PREVIEW_TAG "samples"

bool train_preview_due(const train_run *run) {
  const long every = run->options->sample_every;
  return every != TR_OPTION_UNSET && run->report.step % every == 0;
}

/* ---- drawing ---- */

static tr_status set_sampler(const train_run *run, tr_drift *drift, tr_sampler *out) {
  tr_ctx *ctx = run->program->ctx;
  const tr_module *method;
  TR_TRY(tr_sampler_defaults(ctx, out));
  TR_TRY(tr_find(ctx, TR_KIND_ODE_METHOD, "heun2", &method));
  out->ode.method = (const tr_ode_method *)method;
  out->interpolant = run->interpolant;
  out->drift = drift;
  out->n_steps = (int)run->options->num_sampling_steps;
  out->sample_eps = run->options->sample_eps;
  out->seed = (uint64_t)run->options->seed;
  return TR_OK;
}

static tr_status solve(const train_run *run, tr_drift *drift, sample_result *r) {
  const pictures pixels = pictures_of_pixels(r->ndim, r->shape);
  tr_sampler sampler;
  tr_array *x;
  TR_TRY(set_sampler(run, drift, &sampler));
  TR_TRY(tr_array_create(run->program->ctx, run->dtype, r->ndim, r->shape, &x));
  const tr_cond cond = {r->shape[0], r->labels};
  tr_status status = tr_sample_init(&sampler, x);
  if (status == TR_OK) status = tr_sample_ode(&sampler, r->labels ? &cond : NULL, x, NULL);
  if (status == TR_OK) status = sample_result_put(r, 0, x);
  if (status == TR_OK && pictures_any(&pixels)) status = pixels.make(&pixels, x, sample_result_picture(r, 0));
  tr_array_destroy(&x);
  return status;
}

static tr_status draw_guided(const train_run *run, sample_result *r) {
  const tr_guidance guidance = {.scale = run->options->cfg_scale, .high = 1};
  tr_drift *network, *guided = NULL;
  TR_TRY(tr_drift_of_net(run->net, run->prediction->tag, &network));
  tr_status status = TR_OK;
  if (guidance.scale != 1 && tr_net_info_of(run->net)->null_class >= 0)
    status = tr_drift_create_guided(network, &guidance, &guided);
  if (status == TR_OK) status = solve(run, guided ? guided : network, r);
  tr_drift_destroy(&guided);
  tr_drift_destroy(&network);
  return status;
}

/* Parameters that could not be put back are the worse failure: no checkpoint may have the average for them.
 */
static tr_status draw(train_run *run, sample_result *r) {
  const bool averaged = tr_trainer_average(run->trainer, 0);
  if (averaged) TR_TRY(tr_trainer_exchange(run->trainer, 0));
  tr_status status = draw_guided(run, r);
  const tr_status back = averaged ? tr_trainer_exchange(run->trainer, 0) : TR_OK;
  return back == TR_OK ? status : back;
}

/* ---- showing ---- */

static tr_status show(train_run *run, const char *name, const char *path, bool picture) {
  const int64_t step = run->report.step;
  if (picture) {
    TR_TRY(events_image(run->events, PREVIEW_TAG, step, path));
    wandb_image(run->wandb, step, PREVIEW_TAG, path);
  }
  return train_files_say(run, "step %lld: wrote %s", (long long)step, name);
}

static tr_status write_samples(train_run *run, sample_result *r) {
  tr_ctx *ctx = run->program->ctx;
  const bool picture = r->pixels != NULL;
  char name[64], path[TRAIN_PATH];
  snprintf(name, sizeof name, "samples/%07lld.%s", (long long)run->report.step, picture ? "png" : "npz");
  TR_TRY(train_files_path(run, name, path));
  TR_TRY(picture ? sample_result_write_png(ctx, r, path) : sample_result_write_npz(ctx, r, path));
  return show(run, name, path, picture);
}

/* Samples of weights that have gone wild are none, which is no reason to end. */
static tr_status forgive(train_run *run, tr_status status) {
  if (status != TR_E_NONFINITE) return status;
  const tr_error error = *tr_ctx_error(run->program->ctx);
  tr_ctx_clear(run->program->ctx);
  tr_ctx_warn(run->program->ctx, "no samples of step %lld: %s", (long long)run->report.step,
              TR_SHOW(error.message, 300));
  return train_files_say(run, "step %lld: no samples: %s", (long long)run->report.step,
                         TR_SHOW(error.message, 300));
}

static tr_status drawn_with(const train_run *run, sample_result *r) {
  json_t *options = record_options(&train_table, &run->parsed, run->options);
  r->drawn_with = drawn_with_text(options);
  json_decref(options);
  return r->drawn_with ? TR_OK : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for the options");
}

static tr_status prepare(const train_run *run, sample_result *r) {
  const tr_net_info *info = tr_net_info_of(run->net);
  const long n = run->options->num_samples;
  r->dtype = run->dtype;
  r->ndim = tr_net_states(info, n, r->shape);
  const pictures pixels = pictures_of_pixels(r->ndim, r->shape);
  r->height = pixels.height, r->width = pixels.width;
  TR_TRY(tr_model_labels(run->program->ctx, info, NULL, 0, NULL, n, &r->labels));
  TR_TRY(drawn_with(run, r));
  return sample_result_allocate(run->program->ctx, r);
}

tr_status train_preview(train_run *run) {
  sample_result result = {0};
  tr_status status = prepare(run, &result);
  if (status == TR_OK) {
    status = draw(run, &result);
    status = status == TR_OK ? write_samples(run, &result) : forgive(run, status);
  }
  sample_result_free(&result);
  return status;
}

void train_preview_settle(train_run *run) {
  static const char *const all[] = {"cfg-scale", "num-samples", "num-sampling-steps", "sample-eps", NULL},
                           *const scale[] = {"cfg-scale", NULL};
  train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  const bool guided = tr_net_info_of(run->net)->null_class >= 0;
  if (o->sample_every == TR_OPTION_UNSET)
    program_warn_idle(ctx, &train_table, &run->parsed, all, "it is of --sample-every");
  else if (!guided)
    program_warn_idle(ctx, &train_table, &run->parsed, scale, "the network has no null class");
  if (!guided) o->cfg_scale = 1;
}
