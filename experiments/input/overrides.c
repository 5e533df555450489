#include "experiments/input/overrides.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"

static void warn_overrides(tr_ctx *ctx, const tr_model *m, const char *option, const char *given,
                           const char *arg, const char *told) {
  tr_ctx_warn(ctx, "--%s %s overrides the checkpoint's %s ('%s' says %s = %s)", option, given,
              TR_SHOW(told, 60), TR_SHOW(tr_checkpoint_arg_file(m->checkpoint, arg), 200), arg,
              TR_SHOW(tr_checkpoint_arg(m->checkpoint, arg), 60));
}

/* The option names one module, the argument another one (or nothing that is known). */
static void compare_name(tr_ctx *ctx, const tr_model *m, const char *option, const char *kind,
                         const char *given, const char *used, const char *arg) {
  const char *told = tr_checkpoint_arg(m->checkpoint, arg);
  const tr_module *module;
  if (!given || !told || !*told || strcmp(told, "None") == 0) return;
  told = tr_model_word(arg, told);
  if (tr_find(ctx, kind, told, &module) == TR_OK) told = module->name;
  tr_ctx_clear(ctx);
  if (strcmp(told, used) != 0) warn_overrides(ctx, m, option, used, arg, told);
}

/* What the checkpoint would say without the option: by its number or its model's name. */
static void compare_num_heads(tr_ctx *ctx, const tr_model *m, const model_options *o) {
  tr_model *alone;
  char given[32], told[32];
  if (tr_model_open(ctx, o->ckpt, &(tr_model_options){.weights = o->weights, .open = true}, &alone) ==
      TR_OK) {
    const long num_heads = tr_net_config_value(&alone->config, "heads");
    const char *arg = tr_checkpoint_arg(m->checkpoint, "num_heads") ? "num_heads" : "model";
    snprintf(given, sizeof given, "%ld", o->num_heads);
    snprintf(told, sizeof told, "%ld", num_heads);
    if (num_heads > 0 && num_heads != o->num_heads) warn_overrides(ctx, m, "num-heads", given, arg, told);
    tr_model_close(&alone);
  }
  tr_ctx_clear(ctx);
}

void overrides_warn(tr_ctx *ctx, const tr_model *m, const model_options *given) {
  compare_name(ctx, m, "path-type", TR_KIND_INTERPOLANT, given->path_type, m->interpolant.type->info.name,
               "path_type");
  compare_name(ctx, m, "prediction", TR_KIND_PREDICTION, given->prediction, m->prediction->info.name,
               "prediction");
  if (given->num_heads != TR_OPTION_UNSET) compare_num_heads(ctx, m, given);
}
