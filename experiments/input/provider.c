#include "experiments/input/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/common/machine_options.h"
#include "experiments/common/param_options.h"
#include "experiments/input/net_params.h"
#include "experiments/input/overrides.h"
#include "transport/guidance.h"
#include "transport/transfer.h"

static tr_status set_params(tr_ctx *ctx, const char *option, tr_pair_list *params, tr_interpolant *path) {
  const param_source source = {.option = option, .pairs = params};
  TR_TRY(param_set_all(ctx, &source, &path->type->info, &path->values));
  TR_TRY(param_settled(ctx, option, &path->type->info, &path->values));
  return param_resolve(ctx, &path->type->info, &path->values, params);
}

/* The model, and what it settles written back for the record. */
static tr_status open_model(tr_ctx *ctx, model_options *o, tr_model **out) {
  tr_net_size *told;
  int n_told;
  tr_status status = net_params_told(ctx, o, &n_told, &told);
  const tr_model_options options = {.weights = o->weights,
                                    .path_type = o->path_type,
                                    .prediction = o->prediction,
                                    .family = o->family,
                                    .time_direction = o->time_direction,
                                    .n_told = n_told,
                                    .told = told,
                                    .told_as = net_params_option};
  if (status == TR_OK) status = tr_model_open(ctx, o->ckpt, &options, out);
  free(told);
  TR_TRY(status);
  overrides_warn(ctx, *out, o);
  TR_TRY(net_params_resolve(ctx, &(*out)->config, o));
  o->weights = (*out)->set;
  o->path_type = (*out)->interpolant.type->info.name;
  o->prediction = (*out)->prediction->info.name;
  o->family = (*out)->family;
  o->time_direction = (*out)->time_direction;
  return TR_OK;
}

tr_status provider_load(program *p, model_options *o, machine_options *machine, uint64_t seed,
                        provider *out) {
  *out = (provider){0};
  TR_TRY(machine_open_network(p, machine, seed, &out->dtype, &out->products));
  TR_TRY(open_model(p->ctx, o, &out->model));
  out->interpolant = out->model->interpolant;
  TR_TRY(set_params(p->ctx, "path-param", &o->path_params, &out->interpolant));
  out->along = out->interpolant;
  out->prediction = out->model->prediction;
  return TR_OK;
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

static tr_status check_guidance(tr_ctx *ctx, const guidance_options *g, const tr_net_info *info) {
  const bool first3 = strcmp(g->channels, "first3") == 0;
  if (first3 && info->ndim != 3)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--cfg-channels first3 is for latents (C, H, W): this model has states of %lld numbers, use all",
        (long long)info->row);
  if (first3 && info->shape[0] < 3)
    return TR_FAIL(ctx, TR_E_ARG, "--cfg-channels first3 needs 3 channels: this model has %lld, use all",
                   (long long)info->shape[0]);
  if (info->null_class < 0)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--cfg-scale %g needs a null class: this model was trained without one, use 1", g->scale);
  return TR_OK;
}

static tr_status build_guided(program *p, const guidance_options *g, provider *out) {
  tr_ctx *ctx = p->ctx;
  if (g->scale != 1) TR_TRY(check_guidance(ctx, g, provider_info(out)));
  if (g->scale == 1 && g->interval.n)
    tr_ctx_warn(ctx, "--cfg-interval has no effect: --cfg-scale 1 is no guidance");
  if (g->scale == 1 && strcmp(g->channels, "all") != 0)
    tr_ctx_warn(ctx, "--cfg-channels has no effect: --cfg-scale 1 is no guidance");
  TR_TRY(tr_model_network(
      out->model, &(tr_net_options){.dtype = out->dtype, .products = out->products, .trained = out->trained},
      &out->net));
  TR_TRY(tr_model_field(out->model, out->net, &out->network));
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

tr_status provider_recompute(const program *p, provider *pr, bool recompute) {
  return recompute ? program_option_error(p->ctx, "recompute", tr_net_set_recompute(pr->net, true)) : TR_OK;
}

void provider_drop(provider *pr) {
  tr_drift_destroy(&pr->transferred);
  tr_drift_destroy(&pr->guided);
  tr_drift_destroy(&pr->network);
  tr_net_destroy(&pr->net);
  pr->drift = NULL;
}

void provider_close(provider *pr) {
  provider_drop(pr);
  tr_model_close(&pr->model);
}

const tr_net_info *provider_info(const provider *pr) {
  return &pr->model->config.info;
}

int64_t provider_row(const provider *pr) {
  return provider_info(pr)->row;
}

int provider_shape(const provider *pr, int64_t n, int64_t shape[TR_MAX_DIMS]) {
  return tr_net_states(provider_info(pr), n, shape);
}

tr_status provider_states(const program *p, const provider *pr, int64_t n, tr_array **out) {
  int64_t shape[TR_MAX_DIMS];
  int ndim = provider_shape(pr, n, shape);
  return tr_array_create(p->ctx, pr->dtype, ndim, shape, out);
}

const char *provider_say_shape(const tr_net_info *info, char *text, size_t size) {
  size_t used = 0;
  *text = 0;
  for (int i = 0; i < info->ndim && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "", (long long)info->shape[i]);
  return text;
}

tr_cond provider_cond(const int32_t *labels, int64_t first, int64_t n) {
  return labels ? (tr_cond){n, labels + first} : (tr_cond){0};
}
