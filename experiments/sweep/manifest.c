#include "experiments/sweep/manifest.h"

#include "experiments/output/run_record.h"
#include "experiments/results/manifest.h"

tr_status sweep_file(tr_ctx *ctx, const sweep_options *o, const char *name, char *text, size_t size) {
  return manifest_path(ctx, o->machine.out, name, text, size);
}

/* Older records lack it, and the checksum tells checkpoints apart. */
static void forget_kind(json_t *record) {
  json_object_del(json_object_get(json_object_get(record, "target"), "network"), "kind");
}

/* The values in use of every parameter of a path, form, method, last step or grid, {kind: {module:
 * {parameter: value}}}. Null when no module has any. */
static void add_params(json_t *all, const char *kind, const tr_module *module, const tr_values *values) {
  if (module->n_params == 0) return;
  if (!json_object_get(all, kind)) json_object_set_new(all, kind, json_object());
  json_object_set_new(json_object_get(all, kind), module->name, record_params(module, values));
}

static json_t *parameters(const sweep_plan *plan) {
  json_t *all = json_object();
  for (int i = 0; i < plan->n_paths; i++)
    add_params(all, TR_KIND_INTERPOLANT, &plan->paths[i].type->info, &plan->paths[i].values);
  for (int i = 0; i < plan->n_settings; i++) {
    const sweep_setting *s = &plan->settings[i];
    if (s->diffusion.type) add_params(all, TR_KIND_DIFFUSION, &s->diffusion.type->info, &s->diffusion.values);
    if (s->ode) add_params(all, TR_KIND_ODE_METHOD, &s->ode->info, &s->values);
    if (s->sde) add_params(all, TR_KIND_SDE_METHOD, &s->sde->info, &s->values);
    if (s->inner) add_params(all, TR_KIND_ODE_METHOD, &s->inner->info, &s->inner_values);
    if (s->last.type) add_params(all, TR_KIND_LAST_STEP, &s->last.type->info, &s->last.values);
    if (s->grid.type) add_params(all, TR_KIND_GRID, &s->grid.type->info, &s->grid.values);
  }
  if (json_object_size(all) > 0) return all;
  json_decref(all);
  return json_null();
}

tr_status sweep_manifest_claim(const program *p, const claim *what, sweep_target *target,
                               const sweep_plan *plan, bool *resumed) {
  static const manifest_content contents[] = {{"target", "the target differs"},
                                              {"parameters", "the parameters of a module differ"},
                                              {"grid_file", "what --grid-file holds differs"},
                                              {"diffusion_table", "what --diffusion-table holds differs"},
                                              {NULL, NULL}};
  json_t *of_target;
  TR_TRY(sweep_target_record(target, &of_target));
  json_t *record = record_create(p, &sweep_table, what->parsed, what->values);
  json_object_set_new(record, "target", of_target);
  json_object_set_new(record, "parameters", parameters(plan));
  record_files(record, plan->grid_list, plan->n_grid_list, plan->table);
  tr_status status = manifest_claim(p, &(manifest){what, record, "sweep", contents, forget_kind}, resumed);
  json_decref(record);
  return status;
}
