#include "experiments/sweep/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/output/run_record.h"

tr_status sweep_file(tr_ctx *ctx, const sweep_options *o, const char *name, char *text, size_t size) {
  int length = snprintf(text, size, "%s/%s", o->machine.out, name);
  if (length < 0 || (size_t)length >= size)
    return TR_FAIL(ctx, TR_E_ARG, "--out is too long: %d characters", length);
  return TR_OK;
}

/* Older records lack it, and the checksum tells checkpoints apart. */
static void forget_kind(json_t *record) {
  json_object_del(json_object_get(json_object_get(record, "target"), "network"), "kind");
}

/* As good as unset where a record is older than the entry. */
static bool same_entry(const json_t *a, const json_t *b, const char *key) {
  const json_t *of_a = json_object_get(a, key), *of_b = json_object_get(b, key);
  return of_a == of_b || json_equal(of_a, of_b) || (!of_a && json_is_null(of_b)) ||
         (!of_b && json_is_null(of_a));
}

/* The first option that differs, or else what the target or a file holds, in words; false: the same sweep. */
static bool differs(const claim *what, const json_t *old, const json_t *new, char *text, size_t size) {
  static const struct {
    const char *key, *words;
  } contents[] = {{"target", "the target differs"},
                  {"parameters", "the parameters of a module differ"},
                  {"grid_file", "what --grid-file holds differs"},
                  {"diffusion_table", "what --diffusion-table holds differs"}};
  if (claim_options_differ(what, json_object_get(old, "options"), json_object_get(new, "options"), text,
                           size))
    return true;
  for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
    if (same_entry(old, new, contents[i].key)) continue;
    snprintf(text, size, "%s", contents[i].words);
    return true;
  }
  return false;
}

static tr_status compare(tr_ctx *ctx, const claim *what, const json_t *record, json_t *old) {
  char difference[256];
  json_t *new = claim_as_written(record);
  if (!new) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the manifest");
  tr_status status = TR_OK;
  forget_kind(old);
  forget_kind(new);
  if (differs(what, old, new, difference, sizeof difference))
    status =
        TR_FAIL(ctx, TR_E_ARG,
                "--out '%s' holds another sweep (%s): nothing was changed, use another folder, or --force "
                "to replace it",
                what->machine->out, difference);
  const char *version = json_string_value(json_object_get(old, "transit"));
  if (status == TR_OK && (!version || strcmp(version, program_version()) != 0))
    tr_ctx_warn(ctx, "the rows that are there were made by version %s, this is %s",
                version ? version : "unknown", program_version());
  json_decref(new);
  return status;
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

/* The same sweep, another one, or (*found false) no manifest. */
static tr_status meet(tr_ctx *ctx, const claim *what, const char *path, const json_t *record, bool *found) {
  *found = access(path, F_OK) == 0;
  if (!*found) return TR_OK;
  json_error_t error;
  json_t *old = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (!json_is_object(old)) {
    char why[200] = "it holds no object";
    if (!old) snprintf(why, sizeof why, "line %d: %s", error.line, TR_SHOW(error.text, 160));
    json_decref(old);
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s' is no manifest of a sweep (%s): use another folder, or --force to replace it", path,
                   why);
  }
  tr_status status = compare(ctx, what, record, old);
  json_decref(old);
  return status;
}

/* Another sweep, or what is no manifest, goes with --force. */
static tr_status meet_or_replace(const program *p, const claim *what, const char *path, const json_t *record,
                                 bool *found) {
  tr_status status = meet(p->ctx, what, path, record, found);
  if (status == TR_OK && *found) return TR_OK; /* it goes on */
  if (!what->machine->force || status == TR_E_MEM) return status;
  tr_ctx_clear(p->ctx);
  *found = false;
  return claim_drop_own(p, what);
}

static tr_status refuse_strays(tr_ctx *ctx, const sweep_options *o) {
  static const char *const names[] = {"results.csv", "table.md", NULL};
  char path[SWEEP_PATH_MAX];
  for (int i = 0; names[i]; i++) {
    TR_TRY(sweep_file(ctx, o, names[i], path, sizeof path));
    if (access(path, F_OK) == 0)
      return TR_FAIL(
          ctx, TR_E_ARG,
          "--out '%s' holds a %s without a manifest.json: nothing was changed, use another folder, "
          "or --force to replace it",
          o->machine.out, names[i]);
  }
  return TR_OK;
}

static tr_status write_new(tr_ctx *ctx, const sweep_options *o, const json_t *record) {
  out_dir *dir;
  const char *staged;
  TR_TRY(refuse_strays(ctx, o));
  TR_TRY(out_dir_open(ctx, o->machine.out, &dir));
  tr_status status = out_dir_stage(ctx, dir, "manifest.json", &staged);
  if (status == TR_OK) status = record_save(ctx, record, staged);
  if (status == TR_OK) return out_dir_commit(ctx, &dir);
  out_dir_discard(&dir);
  return status;
}

tr_status sweep_manifest_claim(const program *p, const claim *what, sweep_target *target,
                               const sweep_plan *plan, bool *resumed) {
  const sweep_options *o = what->values;
  char path[SWEEP_PATH_MAX];
  json_t *of_target;
  TR_TRY(sweep_file(p->ctx, o, "manifest.json", path, sizeof path));
  TR_TRY(sweep_target_record(target, &of_target));
  json_t *record = record_create(p, &sweep_table, what->parsed, o);
  json_object_set_new(record, "target", of_target);
  json_object_set_new(record, "parameters", parameters(plan));
  record_files(record, plan->grid_list, plan->n_grid_list, plan->table);
  tr_status status = meet_or_replace(p, what, path, record, resumed);
  if (status == TR_OK && !*resumed) status = write_new(p->ctx, o, record);
  json_decref(record);
  return status;
}
