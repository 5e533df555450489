/* transit list: what is registered. */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "experiments/commands.h"

typedef struct {
  const char *kind;
  bool json;
} list_values;

static const tr_option options[] = {
    {.name = "json", .type = TR_OPTION_FLAG, .offset = offsetof(list_values, json), .help = "Print JSON."},
};

/* "    eta (> 0, must be given)  weight of the cost of noise" */
static void print_param(const tr_param *param) {
  char range[96], usual[96];
  tr_range_text(&param->range, range, sizeof range);
  if (isnan(param->value))
    snprintf(usual, sizeof usual, "%s", param->unset ? param->unset : "must be given");
  else
    snprintf(usual, sizeof usual, "default %g", param->value);
  printf("  %-22s   %s (%s%s%s): %s\n", "", param->name, range, *range ? ", " : "", usual, param->help);
}

static void print_kind(const tr_ctx *ctx, const char *kind) {
  const tr_module *module;
  printf("%s\n", kind);
  for (int i = 0; (module = tr_module_at(ctx, kind, i)); i++) {
    printf("  %-22s %s", module->name, module->summary ? module->summary : "");
    if (module->aliases) printf(" (also: %s)", module->aliases);
    putchar('\n');
    for (int p = 0; p < module->n_params; p++) print_param(&module->params[p]);
  }
}

static json_t *params_to_json(const tr_module *module) {
  json_t *list = json_array();
  for (int i = 0; i < module->n_params; i++) {
    const tr_param *param = &module->params[i];
    char range[96];
    json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:s*, s:s}", "name", param->name, "default",
                                          isnan(param->value) ? json_null() : json_real(param->value),
                                          "range", tr_range_text(&param->range, range, sizeof range), "unset",
                                          param->unset, "help", param->help));
  }
  return list;
}

static json_t *kind_to_json(const tr_ctx *ctx, const char *kind) {
  json_t *list = json_array();
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, kind, i)); i++)
    json_array_append_new(list, json_pack("{s:s, s:s*, s:s*, s:o*}", "name", module->name, "aliases",
                                          module->aliases, "summary", module->summary, "parameters",
                                          module->n_params ? params_to_json(module) : NULL));
  return list;
}

static tr_status check_kind(program *p, const char *kind) {
  const char *kinds[64], *name;
  char known[256] = "";
  int n = 0;
  for (; n < 64 && (name = tr_kind_at(p->ctx, n)); n++) {
    if (strcmp(kind, name) == 0) return TR_OK;
    kinds[n] = name;
    size_t used = strlen(known);
    snprintf(known + used, sizeof known - used, "%s%s", n ? ", " : "", name);
  }
  const char *near = tr_nearest(kind, kinds, n);
  if (near) return TR_FAIL(p->ctx, TR_E_ARG, "unknown kind '%s': did you mean '%s'?", kind, near);
  return TR_FAIL(p->ctx, TR_E_ARG, "unknown kind '%s': use one of %s", kind, known);
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  (void)parsed;
  const list_values *v = values;
  if (v->kind) TR_TRY(check_kind(p, v->kind));
  json_t *all = json_object();
  const char *kind;
  for (int i = 0; (kind = tr_kind_at(p->ctx, i)); i++) {
    if (v->kind && strcmp(v->kind, kind) != 0) continue;
    if (v->json)
      json_object_set_new(all, kind, kind_to_json(p->ctx, kind));
    else
      print_kind(p->ctx, kind);
  }
  if (v->json) json_dumpf(all, stdout, JSON_INDENT(2)), putchar('\n');
  json_decref(all);
  return TR_OK;
}

static const tr_option_table table = {
    .program = TR_PROGRAM,
    .name = "list",
    .summary = "List every registered module (paths, predictions, solvers, ...) with one line each, and its "
               "parameters.",
    .operands = {{.name = "KIND",
                  .help = "Only this kind: interpolant, ode-method, sde-method, ...",
                  .offset = offsetof(list_values, kind)}},
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(list_values)};

const command command_list = {.table = &table, .run = run};
