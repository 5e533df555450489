#include "experiments/common/param_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/common/program.h"

bool param_known(const tr_module *module, const char *param) {
  for (int i = 0; i < module->n_params; i++)
    if (strcmp(module->params[i].name, param) == 0) return true;
  return false;
}

const char *param_missing(const tr_module *module, const tr_values *values) {
  for (int i = 0; i < module->n_params; i++)
    if (isnan(values->v[i]) && !module->params[i].unset) return module->params[i].name;
  return NULL;
}

bool param_given(const param_source *source) {
  for (int a = 0; a < source->n_aliases; a++)
    if (!isnan(source->aliases[a].value)) return true;
  return source->pairs->n > 0;
}

/* The library's words, after the option that they are about. */
static tr_status set(tr_ctx *ctx, const char *option, const tr_module *module, const char *param,
                     double value, tr_values *values) {
  return program_option_error(ctx, option, tr_module_set(ctx, module, values, param, value));
}

tr_status param_settled(tr_ctx *ctx, const char *option, const tr_module *module, const tr_values *values) {
  return program_option_error(ctx, option, tr_module_check(ctx, module, values));
}

static tr_status check_spellings(tr_ctx *ctx, const param_source *source) {
  for (int a = 0; a < source->n_aliases; a++)
    for (int i = 0; i < source->pairs->n; i++) {
      const param_alias *alias = &source->aliases[a];
      if (isnan(alias->value) || strcmp(source->pairs->v[i].name, alias->param) != 0) continue;
      return TR_FAIL(ctx, TR_E_ARG, "--%s %g and --%s %s=%g are the same parameter: give one of them",
                     alias->option, alias->value, source->option, alias->param, source->pairs->v[i].value);
    }
  return TR_OK;
}

/* "none of sigma, KL-eta has a parameter 'etta': did you mean 'eta'?" */
static tr_status unknown(tr_ctx *ctx, const char *option, const tr_module *const *modules, int n,
                         const char *param) {
  const char *names[64];
  char of[200] = "", all[200] = "";
  size_t n_names = 0, used_of = 0, used_all = 0;
  for (int m = 0; m < n; m++) {
    if (used_of < sizeof of)
      used_of += (size_t)snprintf(of + used_of, sizeof of - used_of, "%s%s", m ? ", " : "", modules[m]->name);
    for (int i = 0; i < modules[m]->n_params && n_names < 64; i++) {
      names[n_names++] = modules[m]->params[i].name;
      if (used_all < sizeof all)
        used_all += (size_t)snprintf(all + used_all, sizeof all - used_all, "%s%s", used_all ? ", " : "",
                                     modules[m]->params[i].name);
    }
  }
  const char *near = tr_nearest(param, names, (int)n_names);
  return TR_FAIL(ctx, TR_E_ARG, "--%s: none of %s has a parameter '%s': %s%s%s", option, of, param,
                 near ? "did you mean '" : "they have ",
                 near   ? near
                 : *all ? all
                        : "none",
                 near ? "'?" : "");
}

/* One of the modules has the parameter. */
static tr_status check_known(tr_ctx *ctx, const char *option, const tr_module *const *modules, int n,
                             const char *param) {
  tr_values unused;
  for (int m = 0; m < n; m++)
    if (param_known(modules[m], param)) return TR_OK;
  return n == 1 ? set(ctx, option, modules[0], param, 0, &unused) : unknown(ctx, option, modules, n, param);
}

tr_status param_check(tr_ctx *ctx, const param_source *source, const tr_module *const *modules, int n) {
  TR_TRY(check_spellings(ctx, source));
  for (int i = 0; i < source->pairs->n; i++)
    TR_TRY(check_known(ctx, source->option, modules, n, source->pairs->v[i].name));
  for (int a = 0; a < source->n_aliases; a++) {
    const param_alias *alias = &source->aliases[a];
    if (!isnan(alias->value)) TR_TRY(check_known(ctx, alias->option, modules, n, alias->param));
  }
  return TR_OK;
}

tr_status param_set(tr_ctx *ctx, const param_source *source, const tr_module *module, tr_values *values) {
  for (int a = 0; a < source->n_aliases; a++) {
    const param_alias *alias = &source->aliases[a];
    if (!isnan(alias->value) && param_known(module, alias->param))
      TR_TRY(set(ctx, alias->option, module, alias->param, alias->value, values));
  }
  for (int i = 0; i < source->pairs->n; i++) {
    const tr_pair *pair = &source->pairs->v[i];
    if (param_known(module, pair->name))
      TR_TRY(set(ctx, source->option, module, pair->name, pair->value, values));
  }
  return TR_OK;
}

tr_status param_set_all(tr_ctx *ctx, const param_source *source, const tr_module *module, tr_values *values) {
  TR_TRY(param_check(ctx, source, &module, 1));
  return param_set(ctx, source, module, values);
}

tr_status param_resolve(tr_ctx *ctx, const tr_module *module, const tr_values *values, tr_pair_list *pairs) {
  tr_pair *used = calloc((size_t)module->n_params + 1, sizeof *used);
  if (!used) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the parameters of %s", module->name);
  for (int i = 0; i < module->n_params; i++) {
    snprintf(used[i].name, sizeof used[i].name, "%.63s", module->params[i].name);
    used[i].value = values->v[i];
  }
  free(pairs->v);
  *pairs = (tr_pair_list){module->n_params, used};
  return TR_OK;
}

tr_status param_take(tr_ctx *ctx, const char *option, const tr_module *module, tr_pair_list *pairs,
                     tr_values *values) {
  const param_source source = {.option = option, .pairs = pairs};
  TR_TRY(param_set_all(ctx, &source, module, values));
  TR_TRY(param_settled(ctx, option, module, values));
  return param_resolve(ctx, module, values, pairs);
}
