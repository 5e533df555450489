#include "experiments/input/overrides.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "experiments/input/net_params.h"

static void warn_overrides(tr_ctx *ctx, const tr_model *m, const char *given, const char *arg,
                           const char *told) {
  tr_ctx_warn(ctx, "%s overrides the checkpoint's %s ('%s' says %s = %s)", given, TR_SHOW(told, 60),
              TR_SHOW(tr_checkpoint_arg_file(m->checkpoint, arg), 200), arg,
              TR_SHOW(tr_checkpoint_arg(m->checkpoint, arg), 60));
}

/* The option names one module, the argument another one (or nothing that is known). */
static void compare_name(tr_ctx *ctx, const tr_model *m, const char *option, const char *kind,
                         const char *given, const char *used, const char *arg) {
  const char *told = tr_checkpoint_arg(m->checkpoint, arg);
  const tr_module *module;
  char text[128];
  if (!given || !told || !*told || strcmp(told, "None") == 0) return;
  told = tr_model_word(arg, told);
  if (tr_find(ctx, kind, told, &module) == TR_OK) told = module->name;
  tr_ctx_clear(ctx);
  snprintf(text, sizeof text, "--%s %s", option, used);
  if (strcmp(told, used) != 0) warn_overrides(ctx, m, text, arg, told);
}

/* Whether the kind has a value of its own where nobody tells one. */
static bool has_default(const tr_net_config *config, const char *param) {
  const tr_module *kind = &config->type->info;
  for (int i = 0; i < kind->n_params; i++)
    if (strcmp(kind->params[i].name, param) == 0) return !isnan(kind->params[i].value);
  return false;
}

/* The argument by which the file tells this: the parameter itself, or its model's name. NULL: it does not,
 * and the value is the kind's own. */
static const char *teller(const tr_model *alone, const tr_net_fact *fact) {
  if (fact->kind == TR_NET_NONE) return NULL;
  if (tr_model_told_by(alone, fact->param) == TR_TOLD_BY_ARG) return fact->param;
  if (has_default(&alone->config, fact->param)) return NULL;
  return tr_checkpoint_arg(alone->checkpoint, "model") ? "model" : NULL;
}

static void compare_fact(tr_ctx *ctx, const tr_model *m, const model_options *o, const tr_net_fact *used,
                         const tr_model *alone, const tr_net_fact *fact) {
  const char *arg = teller(alone, fact);
  char given[128], told[32];
  if (!arg || fact->value == used->value) return;
  net_params_spelled(o, used->param, used->value, given, sizeof given);
  snprintf(told, sizeof told, "%ld", fact->value);
  warn_overrides(ctx, m, given, arg, told);
}

/* What was told of the network, in either spelling, and what the checkpoint would say without it. */
static void compare_params(tr_ctx *ctx, const tr_model *m, const model_options *o) {
  tr_model *alone;
  tr_net_fact used, fact;
  if (tr_model_open(ctx, o->ckpt, &(tr_model_options){.weights = o->weights, .open = true}, &alone) ==
      TR_OK) {
    const bool same = alone->config.type == m->config.type;
    for (int i = 0; same && tr_net_config_fact(&m->config, i, &used); i++)
      if (used.param && tr_model_told_by(m, used.param) == TR_TOLD_BY_OPTION &&
          tr_net_config_fact(&alone->config, i, &fact))
        compare_fact(ctx, m, o, &used, alone, &fact);
    tr_model_close(&alone);
  }
  tr_ctx_clear(ctx);
}

/* The parameters of the path that were given, and those that the checkpoint tells of it. */
static void compare_path(tr_ctx *ctx, const tr_model *m, const char *option, const tr_pair_list *given) {
  const tr_module *path = &m->interpolant.type->info;
  char arg[TR_MODEL_ARG], text[128];
  for (int i = 0; i < given->n; i++) {
    const tr_pair *pair = &given->v[i];
    const char *told = tr_checkpoint_arg(m->checkpoint, tr_model_path_arg(pair->name, arg, sizeof arg));
    for (int k = 0; told && k < path->n_params; k++) {
      const bool same = strcmp(path->params[k].name, pair->name) == 0;
      if (!same || !(m->interpolant.values.set & 1u << k) || m->interpolant.values.v[k] == pair->value)
        continue;
      snprintf(text, sizeof text, "--%s %s=%.15g", option, pair->name, pair->value);
      warn_overrides(ctx, m, text, arg, told);
    }
  }
}

void overrides_warn(tr_ctx *ctx, const tr_model *m, const model_options *given) {
  const bool guide = given->of_guide;
  compare_name(ctx, m, guide ? "guide-path-type" : "path-type", TR_KIND_INTERPOLANT, given->path_type,
               m->interpolant.type->info.name, "path_type");
  compare_name(ctx, m, guide ? "guide-prediction" : "prediction", TR_KIND_PREDICTION, given->prediction,
               m->prediction->info.name, "prediction");
  compare_path(ctx, m, guide ? "guide-path-param" : "path-param", &given->path_params);
  if (net_params_given(given)) compare_params(ctx, m, given);
}
