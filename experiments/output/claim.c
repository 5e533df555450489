#include "experiments/output/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/output/run_record.h"
#include "experiments/output/saved_args.h"
#include "experiments/output/staging.h"

#define PATH_ROOM 4096

/* The two records by which a folder is known. */
enum { RUN, MANIFEST, RECORDS };
static const char *const records[] = {[RUN] = "run.json", [MANIFEST] = "manifest.json"};

/* ---- what is compared ---- */

json_t *claim_as_written(const json_t *record) {
  char *text = json_dumps(record, JSON_REAL_PRECISION(15));
  json_t *again = text ? json_loads(text, 0, NULL) : NULL;
  free(text);
  return again;
}

/* An option that is newer than the record is as good as not given. */
static bool is_unset(const json_t *value) {
  return !value || json_is_null(value) || json_is_false(value);
}

static bool is_of_place(const char *key) {
  static const char *const names[] = {"out", "force", "threads", "verbose", "no-cuda-graphs"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(key, names[i]) == 0) return true;
  return false;
}

static char *said(const json_t *value) {
  return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
}

/* Behind what stands in the text. */
static void describe(const char *key, const json_t *old, const json_t *now, char *text, size_t size) {
  char *was = said(old), *is = said(now);
  const size_t at = strlen(text);
  snprintf(text + at, size - at, "%s--%s was %s, is %s", at ? "; " : "", key,
           TR_SHOW(was ? was : "absent", 80), TR_SHOW(is ? is : "absent", 80));
  free(was);
  free(is);
}

/* A record in the words of now: under the names that options have, without those that are no more, and where
 * it is older than an option that was not given, with what that is. */
static json_t *in_words_of_now(const claim *what, const json_t *old, const json_t *now) {
  const tr_option_table *table = what->table;
  json_t *out = json_object(), *value;
  const char *key;
  json_object_foreach((json_t *)now, key, value) if (!tr_option_given(table, what->parsed, key))
      json_object_set(out, key, value);
  json_object_foreach((json_t *)old, key, value) {
    int row = tr_option_row(table, what->parsed->mode, key);
    if (row >= 0) json_object_set(out, table->options[row].name, value);
  }
  return out;
}

/* Options of now first, then those that only the old record has. */
static bool differ(const json_t *old, const json_t *now, char *text, size_t size) {
  const json_t *const both[] = {now, old};
  const char *key;
  json_t *unused;
  *text = 0;
  for (int k = 0; k < 2; k++) json_object_foreach((json_t *)both[k], key, unused) {
      const json_t *was = json_object_get(old, key), *is = json_object_get(now, key);
      if (is_of_place(key) || json_equal(was, is) || (is_unset(was) && is_unset(is))) continue;
      if (k == 0 || !is) describe(key, was, is, text, size);
    }
  return *text != 0;
}

bool claim_options_differ(const claim *what, const json_t *old, const json_t *now, char *text, size_t size) {
  json_t *words = in_words_of_now(what, old, now);
  bool result = differ(words, now, text, size);
  json_decref(words);
  return result;
}

/* ---- what lies there ---- */

static bool path_of(const char *folder, const char *name, char *text) {
  int length = snprintf(text, PATH_ROOM, "%s/%s", folder, name);
  return length > 0 && length < PATH_ROOM;
}

static bool lies_in(const char *folder, const char *name) {
  char path[PATH_ROOM];
  return path_of(folder, name, path) && access(path, F_OK) == 0;
}

json_t *claim_record_in(const char *folder, const char *name) {
  char path[PATH_ROOM];
  json_t *record = path_of(folder, name, path) ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;
  if (json_is_object(record) && json_is_string(json_object_get(record, "command"))) return record;
  json_decref(record);
  return NULL;
}

/* "sample ODE" */
static void name_of(const json_t *record, char *text, size_t size) {
  const char *mode = json_string_value(json_object_get(record, "mode"));
  snprintf(text, size, "%.40s%s%.20s", json_string_value(json_object_get(record, "command")), mode ? " " : "",
           mode ? mode : "");
}

/* Whether the record is one of this run; else why not, in words. */
static bool is_ours(const program *p, const claim *what, const json_t *old, char *why, size_t size) {
  char mine[64], its[64];
  const char *const *modes = what->table->modes;
  snprintf(mine, sizeof mine, "%.40s%s%.20s", p->command, modes ? " " : "",
           modes ? modes[what->parsed->mode] : "");
  name_of(old, its, sizeof its);
  *why = 0;
  if (strcmp(mine, its) != 0) return false;
  json_t *options = record_options(what->table, what->parsed, what->values);
  json_t *now = claim_as_written(options);
  bool other = claim_options_differ(what, json_object_get(old, "options"), now, why, size);
  json_decref(options);
  json_decref(now);
  return !other;
}

static tr_status refuse(const program *p, const char *folder, const json_t *old, const char *why) {
  char its[64];
  name_of(old, its, sizeof its);
  return TR_FAIL(p->ctx, TR_E_ARG,
                 "--out '%s' holds results of 'transit %s'%s%s%s: nothing was changed, use another "
                 "folder, or --force to replace them",
                 TR_SHOW(folder, 200), its, *why ? " (" : "", why, *why ? ")" : "");
}

/* A command with a manifest compares it itself, unless it is one of another command; what else is there by
 * then is told by the manifest. */
static bool is_callers(const program *p, const claim *what, const char *folder) {
  if (!what->manifest || !lies_in(folder, "manifest.json")) return false;
  json_t *old = claim_record_in(folder, "manifest.json");
  const char *its = json_string_value(json_object_get(old, "command"));
  const bool other = its && strcmp(its, p->command) != 0;
  json_decref(old);
  return !other;
}

static tr_status check_record(const program *p, const claim *what, const char *folder, const char *name) {
  char why[256];
  if (!lies_in(folder, name) || is_callers(p, what, folder)) return TR_OK;
  json_t *old = claim_record_in(folder, name);
  if (!old)
    return TR_FAIL(p->ctx, TR_E_ARG,
                   "--out '%s' holds a %s that is no record of transit: nothing was changed, use another "
                   "folder, or --force to replace it",
                   TR_SHOW(folder, 200), name);
  tr_status status = is_ours(p, what, old, why, sizeof why) ? TR_OK : refuse(p, folder, old, why);
  json_decref(old);
  return status;
}

/* Names of what the run will write beside run.json; none of one with a manifest. */
static const char *const *results_of(const claim *what) {
  static const char *const none[] = {NULL};
  const char *const *names = what->manifest ? NULL : command_find(what->table->name)->results;
  return names ? names : none;
}

static tr_status check_strays(const program *p, const claim *what, const char *folder) {
  if (lies_in(folder, records[RUN])) return TR_OK;
  for (const char *const *name = results_of(what); *name; name++)
    if (lies_in(folder, *name))
      return TR_FAIL(p->ctx, TR_E_ARG,
                     "--out '%s' holds '%s' without a run.json: nothing was changed, use another folder, "
                     "or --force to replace it",
                     TR_SHOW(folder, 200), *name);
  return TR_OK;
}

static double number_of(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  return json_is_number(value) ? json_number_value(value) : INFINITY;
}

/* Whether a training has made all the steps that its options ask for: again it would come to the same. */
static bool is_complete(const json_t *training) {
  const json_t *options = json_object_get(training, "options");
  double a_pass = floor(number_of(training, "inputs") / number_of(options, "global-batch-size"));
  return json_number_value(json_object_get(training, "steps")) >=
         fmin(number_of(options, "max-steps"), number_of(options, "epochs") * a_pass);
}

/* Hours or days of work, which a slip of the pen must not take away. */
static tr_status spare_training(const program *p, const claim *what, const char *folder) {
  char why[256];
  json_t *old = claim_record_in(folder, "run.json");
  const char *its = json_string_value(json_object_get(old, "command"));
  const bool training = its && strcmp(its, "train") == 0;
  const bool again = training && is_ours(p, what, old, why, sizeof why) && is_complete(old);
  json_decref(old);
  if (!training || again) return TR_OK;
  return TR_FAIL(
      p->ctx, TR_E_ARG,
      "--out '%s' holds a training, which nothing replaces: 'transit train --resume' goes on with it, "
      "else use another folder",
      TR_SHOW(folder, 200));
}

/* ---- what goes ---- */

/* What a command has left, and one of its records tells of. */
typedef struct {
  const command *by; /* NULL: of nobody */
  int record;
} leavings;

/* Whether a file of this name is part of them. */
static bool is_left(leavings of, const char *file) {
  const char *const *names = !of.by ? NULL : of.record == MANIFEST ? of.by->pieces : of.by->results;
  if (names && strcmp(records[of.record], file) == 0) return true;
  for (; names && *names; names++)
    if (fnmatch(*names, file, 0) == 0) return true;
  return false;
}

/* Those of the command whose record of that name lies in the folder. */
static leavings left_in(const char *folder, int record) {
  json_t *old = claim_record_in(folder, records[record]);
  const char *its = json_string_value(json_object_get(old, "command"));
  const leavings of = {its ? command_find(its) : NULL, record};
  json_decref(old);
  return of;
}

/* One of those that this run will write takes the place of an old one anyhow. */
static bool is_result(const claim *what, const char *file) {
  if (what->manifest) return false;
  if (strcmp(file, records[RUN]) == 0) return true;
  for (const char *const *name = results_of(what); *name; name++)
    if (strcmp(*name, file) == 0) return true;
  return false;
}

/* Whether a run of this kind leaves these. */
static bool is_own(const claim *what, leavings of) {
  return of.by && of.by->table == what->table && (what->manifest || of.record == RUN);
}

/* Whether an option names the path or the whole folder, as what the run reads. */
static bool is_input(const claim *what, const char *folder, const char *path) {
  for (int i = 0; i < what->table->n_options; i++) {
    const tr_option *o = &what->table->options[i];
    if (o->type != TR_OPTION_TEXT || strcmp(o->name, "out") == 0) continue;
    const char *text = *(const char *const *)((const char *)what->values + o->offset);
    if (text && (saved_is_same_file(text, path) || saved_is_same_file(text, folder))) return true;
  }
  return false;
}

/* Before --force removes anything: not the samples that are to be measured, say. */
static tr_status spare_inputs(const program *p, const claim *what, const char *folder) {
  leavings old[RECORDS];
  char path[PATH_ROOM];
  tr_status status = TR_OK;
  for (int r = 0; r < RECORDS; r++) {
    old[r] = left_in(folder, r);
    if (is_own(what, old[r]) && !what->manifest) old[r].by = NULL; /* it stays until the new one is there */
  }
  DIR *entries = opendir(folder);
  for (struct dirent *entry; status == TR_OK && entries && (entry = readdir(entries));)
    for (int r = 0; status == TR_OK && r < RECORDS; r++)
      if (is_left(old[r], entry->d_name) && !is_result(what, entry->d_name) &&
          path_of(folder, entry->d_name, path) && is_input(what, folder, path))
        status = TR_FAIL(p->ctx, TR_E_ARG,
                         "--out '%s' holds '%s', which this run reads and --force would remove: use another "
                         "folder",
                         TR_SHOW(folder, 200), entry->d_name);
  if (entries) closedir(entries);
  return status;
}

static tr_status check(const program *p, const claim *what) {
  const char *folder = what->machine->out;
  TR_TRY(spare_training(p, what, folder));
  if (what->machine->force) return spare_inputs(p, what, folder);
  for (int r = 0; r < RECORDS; r++) TR_TRY(check_record(p, what, folder, records[r]));
  return check_strays(p, what, folder);
}

/* Marks them to go with the new results, or (dir NULL) removes them now. */
static tr_status drop(const program *p, const claim *what, leavings of, out_dir *dir) {
  const char *folder = what->machine->out;
  tr_status status = TR_OK;
  char path[PATH_ROOM];
  DIR *entries = opendir(folder);
  for (struct dirent *entry; status == TR_OK && entries && (entry = readdir(entries));) {
    if (!is_left(of, entry->d_name) || is_result(what, entry->d_name)) continue;
    if (dir)
      status = out_dir_stale(p->ctx, dir, entry->d_name);
    else if (!path_of(folder, entry->d_name, path) || !staging_remove(path))
      status = TR_FAIL(p->ctx, TR_E_IO, "the old '%s/%s' cannot be removed: %s", TR_SHOW(folder, 200),
                       entry->d_name, strerror(errno));
  }
  if (entries) closedir(entries);
  return status;
}

/* What runs of other kinds left. */
static tr_status drop_others(const program *p, const claim *what, out_dir *dir) {
  for (int r = 0; what->machine->force && r < RECORDS; r++) {
    const leavings old = left_in(what->machine->out, r);
    if (!is_own(what, old)) TR_TRY(drop(p, what, old, dir));
  }
  return TR_OK;
}

tr_status claim_drop_own(const program *p, const claim *what) {
  const command *own = command_find(what->table->name);
  for (int r = 0; r < RECORDS; r++) TR_TRY(drop(p, what, (leavings){own, r}, NULL));
  return TR_OK;
}

/* ---- the folder ---- */

static tr_status open_next(const program *p, machine_options *machine, out_dir **out) {
  char stem[64];
  snprintf(stem, sizeof stem, "out/%s", p->command);
  TR_TRY(out_dir_open_next(p->ctx, stem, out));
  snprintf(machine->numbered, sizeof machine->numbered, "%s", out_dir_path(*out));
  machine->out = machine->numbered;
  printf("no --out: the results go to %s\n", machine->out);
  return TR_OK;
}

tr_status claim_open(const program *p, const claim *what, out_dir **out) {
  if (!what->machine->out) return open_next(p, what->machine, out);
  TR_TRY(check(p, what));
  TR_TRY(out_dir_open(p->ctx, what->machine->out, out));
  return drop_others(p, what, *out);
}

tr_status claim_folder(const program *p, const claim *what, out_dir **out) {
  *out = NULL;
  if (!what->machine->out) return open_next(p, what->machine, out);
  TR_TRY(check(p, what));
  return drop_others(p, what, NULL);
}
