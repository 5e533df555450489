#include "experiments/input/guide/guide.h"

#include <math.h>
#include <string.h>

#include "core/text.h"
#include "experiments/common/param_options.h"
#include "experiments/input/net_params.h"
#include "experiments/input/provider.h"
#include "experiments/output/run_record.h"
#include "transport/autoguidance.h"
#include "transport/transfer.h"

/* ---- options ---- */

const char *guide_option_given(const guidance_options *o) {
  const model_options *g = &o->guide;
  return g->ckpt                  ? "ckpt"
         : !isnan(o->guide_scale) ? "scale"
         : g->weights             ? "weights"
         : g->net_params.n        ? "net-param"
         : g->family              ? "model-family"
         : g->time_direction      ? "time-direction"
         : g->path_type           ? "path-type"
         : g->path_params.n       ? "path-param"
         : g->prediction          ? "prediction"
                                  : NULL;
}

static tr_status check_options(tr_ctx *ctx, const guidance_options *o) {
  const char *given = guide_option_given(o);
  if (!o->guide.ckpt && given)
    return TR_FAIL(ctx, TR_E_ARG, "--guide-%s needs a guide: give its checkpoint as --guide-ckpt FILE",
                   given);
  if (!o->guide.ckpt) return TR_OK;
  if (isnan(o->guide_scale))
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--guide-ckpt needs --guide-scale X: 1 is the model alone, 0 the guide, more goes away from "
        "the guide");
  if (o->scale != 1)
    return TR_FAIL(ctx, TR_E_ARG, "--cfg-scale %g and --guide-ckpt are two guidances: give one of them",
                   o->scale);
  return TR_OK;
}

/* "4, 32, 32 with 1000 classes" */
static const char *say_states(const tr_net_info *info, char *text, size_t size) {
  char shape[96];
  snprintf(text, size, "%s with %d class%s", provider_say_shape(info, shape, sizeof shape), info->num_classes,
           info->num_classes == 1 ? "" : "es");
  return text;
}

static tr_status check_fit(tr_ctx *ctx, const guided_model *of, const guide *g) {
  const tr_net_info *a = &of->model->config.info, *b = &g->model->config.info;
  char own[128], other[128];
  bool same = a->ndim == b->ndim && a->num_classes == b->num_classes;
  for (int i = 0; same && i < a->ndim; i++) same = a->shape[i] == b->shape[i];
  if (same) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_ARG,
      "--guide-ckpt '%s' has states of %s, and '%s' those of %s: a guide needs the same states and "
      "classes",
      TR_SHOW(g->ckpt, 150), say_states(b, other, sizeof other), TR_SHOW(of->ckpt, 150),
      say_states(a, own, sizeof own));
}

static tr_status open_model(program *p, model_options *o, const guided_model *of, guide *out) {
  net_params_of_guide(o);
  TR_TRY(provider_open_model(p->ctx, o, of->model->height, of->model->width, &out->model));
  tr_interpolant *path = &out->model->interpolant;
  TR_TRY(param_take(p->ctx, "guide-path-param", &path->type->info, &o->path_params, &path->values));
  out->ckpt = o->ckpt;
  TR_TRY(check_fit(p->ctx, of, out));
  return file_hash_start(p->ctx, o->ckpt, &out->hash);
}

tr_status guide_open(program *p, guidance_options *o, const guided_model *of, guide *out) {
  *out = (guide){.guidance = guidance_of(o, o->guide_scale)};
  TR_TRY(check_options(p->ctx, o));
  return o->guide.ckpt ? open_model(p, &o->guide, of, out) : TR_OK;
}

/* ---- what is asked ---- */

bool guide_used(const guide *g) {
  return g->model && g->guidance.scale != 1;
}

bool guide_differs(const guide *g, const guided_model *of) {
  return guide_used(g) && (g->model->prediction->tag != of->model->prediction->tag ||
                           !tr_interpolant_same(&g->model->interpolant, of->path));
}

int guide_forwards(const guide *g) {
  return guide_used(g) && (g->guidance.scale != 0 || g->guidance.channels > 0) ? 2 : 1;
}

long guide_forwards_done(const guide *g) {
  return g->network ? g->network->n_forward : 0;
}

/* ---- the field ---- */

static tr_status build_differing(guide *g, const guided_model *of, tr_drift *field, tr_drift **out) {
  TR_TRY(tr_drift_create_transferred(g->network, &g->model->interpolant, of->path, &g->moved));
  TR_TRY(tr_drift_create_transferred(field, of->path, of->path, &g->guided_moved));
  return tr_drift_create_autoguided(g->guided_moved, g->moved, &g->guidance, out);
}

tr_status guide_build(guide *g, const guided_model *of, tr_drift *field, const tr_net_options *options,
                      tr_drift **out) {
  const tr_status status = tr_model_network(g->model, options, &g->net);
  TR_TRY(program_option_error(of->model->ctx, "guide-ckpt", status)); /* else it might be the model's file */
  TR_TRY(tr_model_field(g->model, g->net, &g->network));
  return guide_differs(g, of) ? build_differing(g, of, field, out)
                              : tr_drift_create_autoguided(field, g->network, &g->guidance, out);
}

guide guide_unbuilt(const guide *g) {
  return (guide){.model = g->model, .ckpt = g->ckpt, .guidance = g->guidance};
}

void guide_drop(guide *g) {
  tr_drift_destroy(&g->guided_moved);
  tr_drift_destroy(&g->moved);
  tr_drift_destroy(&g->network);
  tr_net_destroy(&g->net);
}

void guide_close(guide *g) {
  guide_drop(g);
  file_hash_discard(&g->hash);
  tr_model_close(&g->model);
}

json_t *guide_record(const guide *g) {
  json_t *json = record_checkpoint(g->model, g->ckpt, &g->hash);
  json_object_set_new(json, "scale", record_number(g->guidance.scale));
  json_object_set_new(json, "path_type", json_string(g->model->interpolant.type->info.name));
  json_object_set_new(json, "prediction", json_string(g->model->prediction->info.name));
  return json;
}
