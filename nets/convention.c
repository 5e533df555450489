/* What the output of a checkpoint's network means: path, prediction, and which way its time runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "nets/model_private.h"

#define DIT_PATH "DDPM"
static const char at_0[] = "noise-at-0", at_1[] = "noise-at-1", sit[] = "sit", dit[] = "dit";

/* ---- what the arguments say ---- */

const char *tr_model_word(const char *arg, const char *word) {
  static const struct {
    const char *arg, *theirs, *ours;
  } words[] = {{"path_type", "cosine", "GVP"},       {"prediction", "v", "velocity"},
               {"prediction", "x", "denoiser"},      {"prediction", "x0", "denoiser"},
               {"prediction", "eps", "noise"},       {"prediction", "epsilon", "noise"},
               {"prediction", "x_start", "denoiser"}};
  for (size_t i = 0; arg && word && i < sizeof words / sizeof *words; i++)
    if (strcmp(words[i].arg, arg) == 0 && strcmp(words[i].theirs, word) == 0) return words[i].ours;
  return word;
}

static bool says(const tr_model *m, const char *name, const char *word) {
  const char *told = tr_model_told(m, name);
  return told && strcmp(told, word) == 0;
}

/* The training script of REPA and those that come from it: prediction v along linear or cosine, or, where the
 * prediction is not told, projectors among the weights. Their t = 1 is the noise, and v = noise - data. */
static bool is_repa(const tr_model *m) {
  if (says(m, "prediction", "v")) return says(m, "path_type", "linear") || says(m, "path_type", "cosine");
  for (int i = 0; i < m->weights.n && !tr_model_told(m, "prediction"); i++)
    if (strncmp(m->weights.items[i].name, "projectors.", 11) == 0) return true;
  return false;
}

static bool is_dit(const tr_model *m) {
  const char *name = tr_model_told(m, "model");
  return name && strncmp(name, "DiT-", 4) == 0;
}

/* ---- family and direction ---- */

static tr_status settle_family(tr_model *m, const tr_model_options *o) {
  const char *told = o->family ? o->family : tr_model_told(m, "model_family");
  m->family = told ? told : is_dit(m) ? dit : tr_net_config_kind(&m->config);
  if (told && strcmp(m->family, sit) != 0 && strcmp(m->family, dit) != 0)
    return TR_FAIL(m->ctx, TR_E_ARG, "no model family '%s': use sit or dit", m->family);
  if (told && strcmp(m->family, dit) != 0 && is_dit(m))
    tr_ctx_warn(m->ctx, "the model family %s overrides the checkpoint's, which says model = %s", m->family,
                tr_model_told(m, "model"));
  if (strcmp(m->family, dit) != 0) return TR_OK;
  if (o->time_direction)
    return TR_FAIL(m->ctx, TR_E_ARG,
                   "a time direction is given with the model family dit, whose discrete times 0 to 999 have "
                   "the noise at 999: leave it out");
  m->clock = (tr_net_clock){.at_noise = 999, .at_data = -1, .factor = 1};
  if (!told)
    tr_ctx_warn(
        m->ctx,
        "'%s' is a DiT by its args (model %s): it predicts the noise at the times 0 to 999, along " DIT_PATH,
        tr_checkpoint_arg_file(m->checkpoint, "model"), tr_model_told(m, "model"));
  return TR_OK;
}

static tr_status settle_direction(tr_model *m, const tr_model_options *o) {
  if (strcmp(m->family, dit) == 0) return TR_OK; /* its clock is set */
  const char *told = o->time_direction ? o->time_direction : tr_model_told(m, "time_direction");
  const bool by_file = !told && !o->family && is_repa(m);
  m->time_direction = told ? told : by_file ? at_1 : at_0;
  if (o->time_direction && strcmp(m->time_direction, at_0) == 0 && is_repa(m))
    tr_ctx_warn(m->ctx, "the time direction %s overrides the checkpoint's, which is of REPA's family", at_0);
  if (strcmp(m->time_direction, at_0) == 0) return TR_OK;
  if (strcmp(m->time_direction, at_1) != 0)
    return TR_FAIL(m->ctx, TR_E_ARG, "no time direction '%s': use %s or %s", m->time_direction, at_0, at_1);
  const tr_quantity kind = m->prediction->tag;
  if (kind != TR_VELOCITY && kind != TR_NOISE && kind != TR_SCORE && kind != TR_DENOISER)
    return TR_FAIL(m->ctx, TR_E_ARG,
                   "what the prediction %s is when the time runs the other way is not known",
                   m->prediction->info.name);
  m->clock = (tr_net_clock){.at_noise = 1, .at_data = 0, .factor = kind == TR_VELOCITY ? -1 : 1};
  if (by_file)
    tr_ctx_warn(
        m->ctx,
        "the checkpoint is of REPA's family (%s): its time direction is turned, v(x, t) = -v_file(x, 1 - t)",
        says(m, "prediction", "v") ? "prediction v" : "projectors among the weights");
  return TR_OK;
}

/* ---- path and prediction ---- */

/* `*name` = the user's choice if not NULL, else the checkpoint's argument `arg` (a module of `kind`) unless
 * it is None or empty, else `fallback`; canonical spelling. */
static tr_status settle_name(const tr_model *m, const char *kind, const char *arg, const char *fallback,
                             const char **name) {
  const tr_module *module;
  const char *from_args = *name ? NULL : tr_model_word(arg, tr_model_told(m, arg));
  if (!*name) *name = from_args ? from_args : fallback;
  tr_status status = tr_find(m->ctx, kind, *name, &module);
  if (status == TR_OK) {
    *name = module->name;
    return TR_OK;
  }
  if (!from_args) return status;
  tr_error error = *tr_ctx_error(m->ctx);
  tr_ctx_clear(m->ctx);
  return tr_model_wrong_arg(m, arg, &error);
}

const char *tr_model_path_arg(const char *param, char *text, size_t size) {
  if (!param || !text || size == 0) return "";
  snprintf(text, size, "path_param_%.64s", param);
  return text;
}

/* The file speaks of this path, or of none. */
static bool is_told_path(const tr_model *m) {
  const char *told = tr_model_word("path_type", tr_model_told(m, "path_type"));
  const tr_module *module;
  if (!told) return true;
  const bool known = tr_find(m->ctx, TR_KIND_INTERPOLANT, told, &module) == TR_OK;
  tr_ctx_clear(m->ctx);
  return known && module == &m->interpolant.type->info;
}

static tr_status take_path_param(tr_model *m, const char *param, const char *arg, const char *told) {
  char *end;
  const double value = strtod(told, &end);
  const tr_status status =
      end == told || *end
          ? TR_FAIL(m->ctx, TR_E_ARG, "'%s' is no number", TR_SHOW(told, 60))
          : tr_module_set(m->ctx, &m->interpolant.type->info, &m->interpolant.values, param, value);
  if (status == TR_OK) return TR_OK;
  const tr_error error = *tr_ctx_error(m->ctx);
  tr_ctx_clear(m->ctx);
  return tr_model_wrong_arg(m, arg, &error);
}

/* Which may not go together. */
static tr_status check_path_params(tr_model *m) {
  if (tr_interpolant_check(m->ctx, &m->interpolant) == TR_OK) return TR_OK;
  const tr_error error = *tr_ctx_error(m->ctx);
  tr_ctx_clear(m->ctx);
  return TR_FAIL(m->ctx, TR_E_IO, "the path in the checkpoint's arguments: %s", TR_SHOW(error.message, 400));
}

/* As a training writes them, beside the name of its path. */
static tr_status settle_path_params(tr_model *m) {
  const tr_module *path = &m->interpolant.type->info;
  char arg[TR_MODEL_ARG];
  if (!is_told_path(m)) return TR_OK;
  for (int i = 0; i < path->n_params; i++) {
    const char *told = tr_model_told(m, tr_model_path_arg(path->params[i].name, arg, sizeof arg));
    if (told) TR_TRY(take_path_param(m, path->params[i].name, arg, told));
  }
  return m->interpolant.values.set ? check_path_params(m) : TR_OK;
}

/* Nothing is assumed in silence. */
static void say_assumed(tr_model *m, const tr_model_options *o) {
  if (strcmp(m->family, dit) == 0) return;
  const bool path = m->path_assumed = !o->path_type && !tr_model_told(m, "path_type");
  const bool prediction = m->prediction_assumed = !o->prediction && !tr_model_told(m, "prediction");
  if (!path && !prediction) return;
  tr_ctx_warn(
      m->ctx,
      "the checkpoint does not say its %s: %s%s%s assumed, with the noise at t = 0 (a DiT looks the same: "
      "its model family is dit)",
      path && prediction ? "path_type or prediction"
      : path             ? "path_type"
                         : "prediction",
      path ? m->interpolant.type->info.name : m->prediction->info.name, path && prediction ? " and " : "",
      path && prediction ? m->prediction->info.name : "");
}

tr_status tr_model_settle(tr_model *m, const tr_model_options *o) {
  const char *path = o->path_type, *prediction = o->prediction;
  TR_TRY(settle_family(m, o));
  const bool is = strcmp(m->family, dit) == 0;
  TR_TRY(settle_name(m, TR_KIND_INTERPOLANT, "path_type", is ? DIT_PATH : "Linear", &path));
  TR_TRY(settle_name(m, TR_KIND_PREDICTION, "prediction", is ? "noise" : "velocity", &prediction));
  TR_TRY(tr_interpolant_find(m->ctx, path, &m->interpolant));
  TR_TRY(settle_path_params(m));
  TR_TRY(tr_prediction_find(m->ctx, prediction, &m->prediction));
  TR_TRY(settle_direction(m, o));
  say_assumed(m, o);
  return TR_OK;
}
