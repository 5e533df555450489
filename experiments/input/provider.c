#include "experiments/input/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/common/machine_options.h"
#include "experiments/common/param_options.h"
#include "experiments/input/net_params.h"
#include "experiments/input/overrides.h"
#include "transport/transfer.h"

tr_status provider_open_model(tr_ctx *ctx, model_options *o, int height, int width, tr_model **out) {
  tr_net_size *told;
  int n_told;
  tr_status status = net_params_told(ctx, o, &n_told, &told);
  const tr_model_options options = {.weights = o->weights,
                                    .path_type = o->path_type,
                                    .prediction = o->prediction,
                                    .family = o->family,
                                    .time_direction = o->time_direction,
                                    .height = height,
                                    .width = width,
                                    .model_name = o->name,
                                    .n_told = n_told,
                                    .told = told,
                                    .told_as = o->of_guide ? net_params_guide_option : net_params_option};
  if (status == TR_OK) {
    status = tr_model_open(ctx, o->ckpt, &options, out);
    if (o->of_guide) status = program_option_error(ctx, "guide-ckpt", status);
  }
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
  const tr_int_list *size = &o->latent_size;
  const int height = size->n ? (int)size->v[0] : 0, width = size->n ? (int)size->v[1] : 0;
  *out = (provider){0};
  TR_TRY(machine_open_network(p, machine, seed, &out->dtype, &out->products));
  TR_TRY(provider_open_model(p->ctx, o, height, width, &out->model));
  tr_interpolant *path = &out->interpolant;
  *path = out->model->interpolant;
  TR_TRY(param_take(p->ctx, "path-param", &path->type->info, &o->path_params, &path->values));
  out->along = *path;
  out->prediction = out->model->prediction;
  out->ckpt = o->ckpt;
  return TR_OK;
}

static guided_model guided_of(const provider *pr) {
  return (guided_model){pr->model, pr->ckpt, &pr->interpolant};
}

tr_status provider_load_guide(program *p, guidance_options *options, provider *pr) {
  const guided_model of = guided_of(pr);
  return guide_open(p, options, &of, &pr->guide);
}

tr_status provider_sample_along(program *p, const char **name, tr_pair_list *params, provider *pr) {
  if (!*name) *name = pr->interpolant.type->info.name;
  TR_TRY(tr_interpolant_find(p->ctx, *name, &pr->along));
  if (pr->along.type == pr->interpolant.type) pr->along = pr->interpolant;
  *name = pr->along.type->info.name;
  return param_take(p->ctx, "sample-path-param", &pr->along.type->info, params, &pr->along.values);
}

bool provider_transfers(const provider *pr) {
  return !tr_interpolant_same(&pr->along, &pr->interpolant);
}

tr_quantity provider_kind(const provider *pr) {
  const guided_model of = guided_of(pr);
  return provider_transfers(pr) || guide_differs(&pr->guide, &of) ? TR_CANONICAL : pr->prediction->tag;
}

static tr_status check_channels(tr_ctx *ctx, const guidance_options *g, const tr_net_info *info) {
  const bool first3 = strcmp(g->channels, "first3") == 0;
  if (first3 && info->ndim != 3)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--cfg-channels first3 is for latents (C, H, W): this model has states of %lld numbers, use all",
        (long long)info->row);
  if (first3 && info->shape[0] < 3)
    return TR_FAIL(ctx, TR_E_ARG, "--cfg-channels first3 needs 3 channels: this model has %lld, use all",
                   (long long)info->shape[0]);
  return TR_OK;
}

/* Before anything is built. */
static tr_status check_guidance(tr_ctx *ctx, const guidance_options *g, const provider *pr) {
  const tr_net_info *info = provider_info(pr);
  const bool guide = guide_used(&pr->guide);
  const char *none = pr->guide.model ? "--guide-scale 1" : "--cfg-scale 1";
  if (g->scale != 1 || guide) TR_TRY(check_channels(ctx, g, info));
  if (g->scale != 1 && info->null_class < 0)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--cfg-scale %g needs a null class: this model was trained without one, use 1", g->scale);
  if (g->scale != 1 || guide) return TR_OK;
  if (g->interval.n) tr_ctx_warn(ctx, "--cfg-interval has no effect: %s is no guidance", none);
  if (strcmp(g->channels, "all") != 0)
    tr_ctx_warn(ctx, "--cfg-channels has no effect: %s is no guidance", none);
  return TR_OK;
}

static tr_status build_guidance(const guidance_options *g, const tr_net_options *net, provider *out) {
  const tr_guidance guidance = guidance_of(g, g->scale);
  const guided_model of = guided_of(out);
  if (guide_used(&out->guide)) {
    TR_TRY(guide_build(&out->guide, &of, out->network, net, &out->guided));
  } else if (g->scale != 1) {
    TR_TRY(tr_drift_create_guided(out->network, &guidance, &out->guided));
  }
  if (out->guided) out->drift = out->guided;
  return TR_OK;
}

tr_status provider_build(program *p, const guidance_options *g, provider *out) {
  const tr_net_options net = {.dtype = out->dtype, .products = out->products, .trained = out->trained};
  TR_TRY(check_guidance(p->ctx, g, out));
  TR_TRY(tr_model_network(out->model, &net, &out->net));
  TR_TRY(tr_model_field(out->model, out->net, &out->network));
  out->drift = out->network;
  TR_TRY(build_guidance(g, &net, out));
  if (!provider_transfers(out)) return TR_OK;
  TR_TRY(tr_drift_create_transferred(out->drift, &out->interpolant, &out->along, &out->transferred));
  out->drift = out->transferred;
  return TR_OK;
}

provider provider_in(const provider *pr, tr_dtype dtype) {
  provider other = *pr;
  other.dtype = dtype;
  other.products = TR_NN_FULL;
  other.guide = guide_unbuilt(&pr->guide);
  other.net = NULL;
  other.network = other.guided = other.transferred = other.drift = NULL;
  return other;
}

tr_status provider_recompute(const program *p, provider *pr, bool recompute) {
  if (!recompute) return TR_OK;
  if (pr->guide.net)
    TR_TRY(program_option_error(p->ctx, "recompute", tr_net_set_recompute(pr->guide.net, true)));
  return program_option_error(p->ctx, "recompute", tr_net_set_recompute(pr->net, true));
}

void provider_drop(provider *pr) {
  tr_drift_destroy(&pr->transferred);
  tr_drift_destroy(&pr->guided);
  guide_drop(&pr->guide);
  tr_drift_destroy(&pr->network);
  tr_net_destroy(&pr->net);
  pr->drift = NULL;
}

void provider_close(provider *pr) {
  provider_drop(pr);
  guide_close(&pr->guide);
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
