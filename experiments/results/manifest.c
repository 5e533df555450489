#include "experiments/results/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/files/paths.h"
#include "experiments/output/run_record.h"

tr_status manifest_path(tr_ctx *ctx, const char *folder, const char *name, char *text, size_t size) {
  int length = snprintf(text, size, "%s/%s", folder, name);
  if (length < 0 || (size_t)length >= size)
    return TR_FAIL(ctx, TR_E_ARG, "--out is too long: %d characters", length);
  return TR_OK;
}

/* As good as unset where a record is older than the entry. */
static bool same_entry(const json_t *a, const json_t *b, const char *key) {
  const json_t *of_a = json_object_get(a, key), *of_b = json_object_get(b, key);
  return of_a == of_b || json_equal(of_a, of_b) || (!of_a && json_is_null(of_b)) ||
         (!of_b && json_is_null(of_a));
}

/* The options that differ, or else what the target or a file holds, in words; false: the same run. */
static bool differs(const manifest *m, const json_t *old, const json_t *new, char *text, size_t size) {
  if (claim_options_differ(m->what, json_object_get(old, "options"), json_object_get(new, "options"), text,
                           size))
    return true;
  for (const manifest_content *c = m->contents; c->key; c++) {
    if (same_entry(old, new, c->key)) continue;
    snprintf(text, size, "%s", c->words);
    return true;
  }
  return false;
}

static void warn_of_version(tr_ctx *ctx, const json_t *old) {
  const char *version = json_string_value(json_object_get(old, "transit"));
  if (!version || strcmp(version, program_version()) != 0)
    tr_ctx_warn(ctx, "what is there was made by version %s, this is %s", version ? version : "unknown",
                program_version());
}

static tr_status compare(tr_ctx *ctx, const manifest *m, json_t *old) {
  char difference[256];
  json_t *new = claim_as_written(m->record);
  if (!new) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the manifest");
  tr_status status = TR_OK;
  if (m->forget) m->forget(old), m->forget(new);
  if (differs(m, old, new, difference, sizeof difference))
    status = TR_FAIL(ctx, TR_E_ARG,
                     "--out '%s' holds another %s (%s): nothing was changed, use another folder, or --force "
                     "to replace it",
                     m->what->machine->out, m->owner, difference);
  if (status == TR_OK) warn_of_version(ctx, old);
  json_decref(new);
  return status;
}

/* The same run, another one, or (*found false) no manifest. */
static tr_status meet(tr_ctx *ctx, const manifest *m, const char *path, bool *found) {
  *found = access(path, F_OK) == 0;
  if (!*found) return TR_OK;
  json_error_t error;
  json_t *old = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (!json_is_object(old)) {
    char why[200] = "it holds no object";
    if (path_is_folder(path))
      snprintf(why, sizeof why, "it is a folder");
    else if (!old)
      snprintf(why, sizeof why, "line %d: %s", error.line, TR_SHOW(error.text, 160));
    json_decref(old);
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s' is no manifest of %s %s (%s): use another folder, or --force to replace it", path,
                   strchr("aeiou", *m->owner) ? "an" : "a", m->owner, why);
  }
  tr_status status = compare(ctx, m, old);
  json_decref(old);
  return status;
}

/* Another run, or what is no manifest, goes with --force. */
static tr_status meet_or_replace(const program *p, const manifest *m, const char *path, bool *found) {
  tr_status status = meet(p->ctx, m, path, found);
  if (status == TR_OK && *found) return TR_OK; /* it goes on */
  if (!m->what->machine->force || status == TR_E_MEM) return status;
  tr_ctx_clear(p->ctx);
  *found = false;
  return claim_drop_own(p, m->what);
}

/* What only goes with a manifest: pieces by their names, not what a pattern may find. */
static tr_status refuse_strays(tr_ctx *ctx, const manifest *m) {
  const char *folder = m->what->machine->out;
  char path[MANIFEST_PATH_MAX];
  for (const char *const *name = command_find(m->what->table->name)->pieces; *name; name++) {
    TR_TRY(manifest_path(ctx, folder, *name, path, sizeof path));
    if (!strchr(*name, '*') && access(path, F_OK) == 0)
      return TR_FAIL(
          ctx, TR_E_ARG,
          "--out '%s' holds '%s' without a manifest.json: nothing was changed, use another folder, "
          "or --force to replace it",
          folder, *name);
  }
  return TR_OK;
}

static tr_status write_new(tr_ctx *ctx, const manifest *m) {
  out_dir *dir;
  const char *staged;
  TR_TRY(refuse_strays(ctx, m));
  TR_TRY(out_dir_open(ctx, m->what->machine->out, &dir));
  tr_status status = out_dir_stage(ctx, dir, "manifest.json", &staged);
  if (status == TR_OK) status = record_save(ctx, m->record, staged);
  if (status == TR_OK) return out_dir_commit(ctx, &dir);
  out_dir_discard(&dir);
  return status;
}

tr_status manifest_claim(const program *p, const manifest *m, bool *resumed) {
  char path[MANIFEST_PATH_MAX];
  TR_TRY(manifest_path(p->ctx, m->what->machine->out, "manifest.json", path, sizeof path));
  TR_TRY(meet_or_replace(p, m, path, resumed));
  return *resumed ? TR_OK : write_new(p->ctx, m);
}
