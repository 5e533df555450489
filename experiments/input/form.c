#include "experiments/input/form.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "--eta X or --form-param eta=X" */
static void say_option(const param_source *source, const char *param, char *text, size_t size) {
  const char *alias = NULL;
  for (int a = 0; a < source->n_aliases; a++)
    if (strcmp(source->aliases[a].param, param) == 0) alias = source->aliases[a].option;
  snprintf(text, size, "%s%s%s--%s %s=X", alias ? "--" : "", alias ? alias : "", alias ? " X or " : "",
           source->option, param);
}

tr_status form_complete(tr_ctx *ctx, const tr_diffusion *form, const param_source *source) {
  const tr_module *info = &form->type->info;
  char lacks[512] = "", option[160];
  size_t used = 0;
  for (int i = 0; i < info->n_params && used < sizeof lacks; i++) {
    if (!isnan(form->values.v[i]) || info->params[i].unset) continue;
    say_option(source, info->params[i].name, option, sizeof option);
    used += (size_t)snprintf(lacks + used, sizeof lacks - used, "%s needs its parameter %s: give %s",
                             used ? ", and" : "", info->params[i].name, option);
  }
  bool table = (form->type->caps & TR_DIFFUSION_TABLE) && !form->table;
  if (table && used < sizeof lacks)
    used += (size_t)snprintf(lacks + used, sizeof lacks - used,
                             "%s needs a table of %s: give --diffusion-table FILE", used ? ", and it" : "",
                             form->type->table_of);
  return used ? TR_FAIL(ctx, TR_E_ARG, "the diffusion form %s%s", info->name, lacks) : TR_OK;
}
