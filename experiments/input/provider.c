#include "experiments/input/provider.h"

#include <string.h>

#include "experiments/common/param_options.h"
#include "transport/guidance.h"
#include "transport/transfer.h"

static tr_status set_params(tr_ctx *ctx, const char *option, tr_pair_list *params, tr_interpolant *path) {
  const param_source source = {.option = option, .pairs = params};
  TR_TRY(param_set_all(ctx, &source, &path->type->info, &path->values));
  return param_resolve(ctx, &path->type->info, &path->values, params);
}

tr_status provider_load(program *p, model_options *o, machine_options *machine, uint64_t seed,
                        provider *out) {
  *out = (provider){.dtype = strcmp(machine->dtype, "f64") == 0 ? TR_F64 : TR_F32};
  TR_TRY(program_open(p, machine->device, seed,
                      machine->threads == TR_OPTION_UNSET ? 0 : (int)machine->threads));
  tr_ctx *ctx = p->ctx;
  machine->threads = tr_ctx_threads(ctx);
  int heads = o->num_heads == TR_OPTION_UNSET ? 0 : (int)o->num_heads;
  TR_TRY(model_open(ctx, o->ckpt, o->weights, heads, false, &out->model));
  TR_TRY(model_setting(ctx, &out->model, TR_KIND_INTERPOLANT, "path_type", "Linear", &o->path_type));
  TR_TRY(model_setting(ctx, &out->model, TR_KIND_PREDICTION, "prediction", "velocity", &o->prediction));
  o->num_heads = out->model.config.heads;
  o->weights = out->model.set;
  TR_TRY(tr_interpolant_find(ctx, o->path_type, &out->interpolant));
  TR_TRY(set_params(ctx, "path-param", &o->path_params, &out->interpolant));
  out->along = out->interpolant;
  return tr_prediction_find(ctx, o->prediction, &out->prediction);
}

tr_status provider_sample_along(program *p, const char **name, tr_pair_list *params, provider *pr) {
  if (!*name) *name = pr->interpolant.type->info.name;
  TR_TRY(tr_interpolant_find(p->ctx, *name, &pr->along));
  if (pr->along.type == pr->interpolant.type) pr->along = pr->interpolant;
  *name = pr->along.type->info.name;
  return set_params(p->ctx, "sample-path-param", params, &pr->along);
}

bool provider_transfers(const provider *pr) {
  return !tr_interpolant_same(&pr->along, &pr->interpolant);
}

tr_quantity provider_kind(const provider *pr) {
  return provider_transfers(pr) ? TR_CANONICAL : pr->prediction->tag;
}

static tr_status check_guidance(tr_ctx *ctx, const guidance_options *g, const tr_sit_config *config) {
  if (strcmp(g->channels, "first3") == 0 && config->channels < 3)
    return TR_FAIL(ctx, TR_E_ARG, "--cfg-channels first3 needs 3 channels: this model has %d, use all",
                   config->channels);
  if (config->null_class < 0)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--cfg-scale %g needs a null class: this model was trained without one, use 1", g->scale);
  return TR_OK;
}

static tr_status build_guided(program *p, const guidance_options *g, provider *out) {
  tr_ctx *ctx = p->ctx;
  const tr_sit_config *config = &out->model.config;
  if (g->scale != 1) TR_TRY(check_guidance(ctx, g, config));
  if (g->scale == 1 && g->interval.n)
    tr_ctx_warn(ctx, "--cfg-interval has no effect: --cfg-scale 1 is no guidance");
  if (g->scale == 1 && strcmp(g->channels, "all") != 0)
    tr_ctx_warn(ctx, "--cfg-channels has no effect: --cfg-scale 1 is no guidance");
  TR_TRY(tr_sit_create(ctx, config, out->dtype, &out->model.weights, out->prediction->tag, &out->network));
  out->drift = out->network;
  if (g->scale == 1) return TR_OK;
  const tr_guidance guidance = {.scale = g->scale,
                                .channels = strcmp(g->channels, "first3") == 0 ? 3 : 0,
                                .low = g->interval.n ? g->interval.v[0] : 0,
                                .high = g->interval.n ? g->interval.v[1] : 1};
  TR_TRY(tr_drift_create_guided(out->network, &guidance, &out->guided));
  out->drift = out->guided;
  return TR_OK;
}

tr_status provider_build(program *p, const guidance_options *g, provider *out) {
  TR_TRY(build_guided(p, g, out));
  if (!provider_transfers(out)) return TR_OK;
  TR_TRY(tr_drift_create_transferred(out->drift, &out->interpolant, &out->along, &out->transferred));
  out->drift = out->transferred;
  return TR_OK;
}

void provider_close(provider *pr) {
  tr_drift_destroy(&pr->transferred);
  tr_drift_destroy(&pr->guided);
  tr_drift_destroy(&pr->network);
  model_close(&pr->model);
}

int64_t provider_row(const provider *pr) {
  int64_t shape[4];
  provider_shape(pr, 1, shape);
  return shape[1] * shape[2] * shape[3];
}

void provider_shape(const provider *pr, int64_t n, int64_t shape[4]) {
  const tr_sit_config *c = &pr->model.config;
  shape[0] = n;
  shape[1] = c->channels;
  shape[2] = shape[3] = (int64_t)c->grid * c->patch;
}
