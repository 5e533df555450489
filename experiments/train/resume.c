/* Going on with a training: its options, and its last checkpoint. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/input/net_params.h"
#include "experiments/output/run_record.h"
#include "experiments/train/run.h"

/* ---- options ---- */

/* What may differ: it changes when and where a training runs, not what it is. Data is known by its digest
 * (train_resume_data), where the record has one. */
static bool may_differ(const json_t *record, const char *name, bool cosine) {
  static const char *const free_ones[] = {"max-minutes",
                                          "ckpt-every",
                                          "ema-every",
                                          "sample-every",
                                          "cfg-scale",
                                          "num-samples",
                                          "num-sampling-steps",
                                          "sample-eps",
                                          "vae",
                                          "tiles",
                                          "evaluate-every",
                                          "evaluate-samples",
                                          "evaluate-scale",
                                          "evaluate-reference",
                                          "inception",
                                          "preprocess",
                                          "wandb",
                                          "no-wandb",
                                          "keep",
                                          "threads",
                                          "device",
                                          "out",
                                          "resume",
                                          "force",
                                          "no-cuda-graphs",
                                          "accumulate",
                                          "recompute",
                                          "num-workers",
                                          "strict"};
  if (strcmp(name, "data-path") == 0) return json_is_string(json_object_get(record, "data_sha256"));
  for (size_t i = 0; i < sizeof free_ones / sizeof *free_ones; i++)
    if (strcmp(free_ones[i], name) == 0) return true;
  return !cosine && (strcmp(name, "max-steps") == 0 || strcmp(name, "epochs") == 0);
}

/* The option that a word of a command line gives, as a row of the table; -1: it is a value. */
static int row_of(const char *word) {
  char name[64];
  if (strncmp(word, "--", 2) != 0) return -1;
  snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
  return tr_option_row(&train_table, 0, name);
}

/* Appends the words of `from` to `to`, but for those that give an option of `but`. */
static void merge(json_t *to, const json_t *from, const tr_parsed *but) {
  bool skipping = false;
  for (size_t i = 0; i < json_array_size(from); i++) {
    json_t *word = json_array_get(from, i);
    const int row = row_of(json_string_value(word));
    if (row >= 0) skipping = but->given[row];
    if (!skipping) json_array_append(to, word);
  }
}

static tr_status parse(program *p, const json_t *words, train_options *values, tr_parsed *parsed) {
  const int n = (int)json_array_size(words);
  char **argv = calloc((size_t)n + 1, sizeof *argv);
  if (!argv) return TR_FAIL(p->ctx, TR_E_MEM, "out of memory for options");
  for (int i = 0; i < n; i++) argv[i] = (char *)json_string_value(json_array_get(words, (size_t)i));
  tr_status status = tr_options_parse(p->ctx, &train_table, n, argv, values, parsed);
  free(argv);
  return status;
}

/* Differences are listed one behind the other. */
typedef struct {
  FILE *out;
  int n;
} differences;

static void list_difference(differences *d, const char *option, const char *param, const json_t *old,
                            const json_t *new) {
  if (json_equal(old, new)) return;
  char *was = json_dumps(old, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)),
       *is = json_dumps(new, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
  fprintf(d->out, "%s--%s%s%s was %s, is %s", d->n++ ? "; " : "", option, *param ? " " : "", param,
          was ? was : "?", is ? is : "?");
  free(was);
  free(is);
}

/* The record has the value of every parameter, those given now are some. */
static void list_params(differences *d, const char *option, const json_t *old, const json_t *new) {
  const char *param;
  json_t *value;
  json_object_foreach((json_t *)new, param, value)
      list_difference(d, option, param, json_object_get(old, param), value);
}

/* Each option that was given now and differs from that of before, in words. */
static void list_differences(const train_run *run, const json_t *record, const json_t *now, differences *d) {
  const json_t *before = json_object_get(record, "options");
  const char *schedule = json_string_value(json_object_get(before, "lr-schedule"));
  const bool cosine = schedule && strcmp(schedule, "cosine") == 0;
  for (int i = 0; i < train_table.n_options; i++) {
    const char *name = train_table.options[i].name;
    const json_t *old = json_object_get(before, name), *new = json_object_get(now, name);
    if (!run->parsed.given[i] || may_differ(record, name, cosine)) continue;
    if (train_table.options[i].type == TR_OPTION_PAIRS)
      list_params(d, name, old, new);
    else
      list_difference(d, name, "", old, new);
  }
}

static tr_status compare(const train_run *run, const json_t *record) {
  char *text = NULL;
  size_t size = 0;
  json_t *now = record_options(&train_table, &run->parsed, run->options);
  differences d = {.out = open_memstream(&text, &size)};
  if (d.out) {
    list_differences(run, record, now, &d);
    fclose(d.out);
  }
  json_decref(now);
  tr_status status = TR_OK;
  if (!text) status = TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory to compare options");
  if (text && *text)
    status = TR_FAIL(run->program->ctx, TR_E_ARG, "--resume '%s': %s: give them as they were, or not at all",
                     TR_SHOW(run->options->resume, 100), text);
  free(text);
  return status;
}

/* Words, and none that asks for something else. */
static bool is_of_training(const json_t *record) {
  const char *command = json_string_value(json_object_get(record, "command"));
  const json_t *words = json_object_get(record, "arguments");
  size_t i;
  json_t *word;
  if (!command || strcmp(command, "train") != 0 || !json_is_array(words)) return false;
  json_array_foreach(words, i, word) {
    const char *text = json_string_value(word);
    if (!text || strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) return false;
  }
  return true;
}

static tr_status read_record(const train_run *run, json_t **out) {
  char path[4096];
  json_error_t error;
  const char *folder = run->options->resume;
  snprintf(path, sizeof path, "%s/run.json", folder);
  *out = NULL;
  if (access(path, F_OK) != 0)
    return TR_FAIL(run->program->ctx, TR_E_IO,
                   "--resume '%s': no training lies there, with its run.json: give the --out of one",
                   TR_SHOW(folder, 200));
  *out = json_load_file(path, 0, &error);
  if (!*out)
    return TR_FAIL(run->program->ctx, TR_E_IO, "--resume '%s': its run.json cannot be read: %s",
                   TR_SHOW(folder, 200), TR_SHOW(error.text, 150));
  if (is_of_training(*out)) return TR_OK;
  char command[64];
  const char *said = json_string_value(json_object_get(*out, "command"));
  snprintf(command, sizeof command, "%s", said ? TR_SHOW(said, 50) : "?");
  json_decref(*out);
  *out = NULL;
  if (strcmp(command, "train") == 0)
    return TR_FAIL(run->program->ctx, TR_E_IO,
                   "--resume '%s': its run.json is damaged: no list of `arguments`", TR_SHOW(folder, 200));
  return TR_FAIL(run->program->ctx, TR_E_ARG, "--resume '%s': its run.json is of '%s', not of 'train'",
                 TR_SHOW(folder, 200), command);
}

/* One of two options takes the place of the other as of itself. */
static void take_place(tr_parsed *now, const char *one, const char *other) {
  bool *a = &now->given[tr_option_row(&train_table, 0, one)],
       *b = &now->given[tr_option_row(&train_table, 0, other)];
  *a = *b = *a || *b;
}

/* The words in force: those of before with those of now in the place of their like. Of parameters, which are
 * the same, those of before are all of them. */
static json_t *words_in_force(const train_run *run, const json_t *record) {
  json_t *words = json_array();
  tr_parsed now = run->parsed, passed_over = {0};
  passed_over.given[tr_option_row(&train_table, 0, "resume")] = true;
  passed_over.given[tr_option_row(&train_table, 0, "out")] = true;
  take_place(&now, "wandb", "no-wandb");
  for (int i = 0; i < train_table.n_options; i++)
    if (train_table.options[i].type == TR_OPTION_PAIRS) now.given[i] = false, passed_over.given[i] = true;
  merge(words, json_object_get(record, "arguments"), &now);
  merge(words, run->words, &passed_over);
  return words;
}

static tr_status find_data(const train_run *run, const train_options *merged) {
  if (!merged->data_path || access(merged->data_path, F_OK) == 0) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_IO,
                 "--resume '%s': its data is not at '%s' any more: --data-path says where it lies now",
                 TR_SHOW(run->options->resume, 200), TR_SHOW(merged->data_path, 300));
}

tr_status train_resume_options(train_run *run) {
  json_t *record;
  train_options merged = {0};
  tr_parsed parsed;
  TR_TRY(read_record(run, &record));
  json_t *words = words_in_force(run, record);
  tr_status status = compare(run, record);
  if (status == TR_OK) status = parse(run->program, words, &merged, &parsed);
  if (status == TR_OK) status = find_data(run, &merged);
  /* Of several ranks the first holds the lock, maybe already when another one comes here. */
  if (status == TR_OK && tr_comm_launched().rank == 0)
    status = train_files_free(run->program->ctx, run->options->resume);
  if (status == TR_OK) status = train_files_newest(run->program->ctx, run->options->resume, &run->newest);
  if (status == TR_OK) {
    merged.resume = run->options->resume;
    merged.machine.out = run->options->resume;
    tr_options_free(&train_table, run->options);
    *run->options = merged;
    run->parsed = parsed;
    json_decref(run->words);
    run->words = json_incref(words);
    run->record = json_incref(record); /* the texts of the options are its own */
  } else {
    tr_options_free(&train_table, &merged);
  }
  json_decref(words);
  json_decref(record);
  return status;
}

/* ---- state ---- */

static tr_status check_size(const train_run *run, const tr_net_fact *fact, const char *told,
                            const char *path) {
  char *end;
  const long value = strtol(told, &end, 10);
  if (*end || value == fact->value) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_ARG, "'%s' is of a network with %s %ld: here it is %ld (%s)",
                 TR_SHOW(path, 200), fact->param, value, fact->value, net_params_option(fact->param));
}

/* Of the path, where it is of the same kind. */
static void warn_of_params(const train_run *run, const tr_checkpoint *checkpoint, const char *path) {
  const tr_interpolant *own = &run->interpolant;
  const char *type = tr_checkpoint_arg(checkpoint, "path_type");
  if (!type || strcmp(type, own->type->info.name) != 0) return;
  for (int i = 0; i < own->type->info.n_params; i++) {
    const char *told = tr_checkpoint_arg(checkpoint, run->path_args[i]);
    if (told && strtod(told, NULL) != own->values.v[i])
      tr_ctx_warn(run->program->ctx, "'%s' was trained with --path-param %s=%s: it goes on with %.15g",
                  TR_SHOW(path, 200), own->type->info.params[i].name, TR_SHOW(told, 60), own->values.v[i]);
  }
}

tr_status train_check_told(const train_run *run, const tr_checkpoint *checkpoint, const char *path) {
  const struct {
    const char *name, *value;
  } of_loss[] = {{"path_type", run->options->path_type}, {"prediction", run->options->prediction}};
  tr_net_fact fact;
  for (int i = 0; tr_net_config_fact(&run->config, i, &fact); i++) {
    const char *told = fact.param ? tr_checkpoint_arg(checkpoint, fact.param) : NULL;
    if (told) TR_TRY(check_size(run, &fact, told, path));
  }
  for (size_t i = 0; i < sizeof of_loss / sizeof *of_loss; i++) {
    const char *told = tr_checkpoint_arg(checkpoint, of_loss[i].name);
    if (told && strcmp(told, of_loss[i].value) != 0)
      tr_ctx_warn(run->program->ctx, "'%s' was trained with %s %s: it goes on with %s", TR_SHOW(path, 200),
                  of_loss[i].name, TR_SHOW(told, 60), of_loss[i].value);
  }
  warn_of_params(run, checkpoint, path);
  return TR_OK;
}

static tr_status check_digest(const train_run *run, const char *key, const char *now, const char *option,
                              const char *path) {
  const char *before = json_string_value(json_object_get(run->record, key));
  if (!before || strcmp(before, now) == 0) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_ARG,
                 "--resume '%s': --%s '%s' holds other data than when the training began",
                 TR_SHOW(run->options->resume, 200), option, path ? TR_SHOW(path, 200) : "");
}

/* The data that the training began with, wherever it lies now. */
tr_status train_resume_data(const train_run *run) {
  const train_options *o = run->options;
  TR_TRY(check_digest(run, "data_sha256", run->data.sha256, "data-path", o->data_path));
  return check_digest(run, "draws_sha256", run->data.drawn_sha256, "draws", o->draws);
}

tr_status train_file_error(const train_run *run, const char *path, tr_status status) {
  tr_ctx *ctx = run->program->ctx;
  if (status == TR_OK || status == TR_E_INTERRUPTED || strstr(tr_ctx_error(ctx)->message, path))
    return status;
  tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  return TR_FAIL(ctx, status, "'%s': %s", TR_SHOW(path, 200), TR_SHOW(error.message, 500));
}

static double number_arg(const tr_checkpoint *checkpoint, const char *name) {
  const char *text = tr_checkpoint_arg(checkpoint, name);
  return text ? strtod(text, NULL) : 0;
}

static tr_status load(train_run *run, const char *path) {
  tr_checkpoint *checkpoint;
  TR_TRY(tr_checkpoint_open(run->program->ctx, path, &checkpoint));
  tr_status status = train_check_told(run, checkpoint, path);
  if (status == TR_OK) status = tr_trainer_load(run->trainer, checkpoint);
  run->window = (train_window){(int64_t)number_arg(checkpoint, "transit_window_steps"),
                               number_arg(checkpoint, "transit_window_loss"),
                               number_arg(checkpoint, "transit_window_grad_norm")};
  run->begun = tr_trainer_steps(run->trainer);
  if (status == TR_OK && run->options->ckpt) status = train_averages_from(run, checkpoint);
  tr_checkpoint_close(&checkpoint);
  return train_file_error(run, path, status);
}

/* The log of a folder of its own begins here. */
tr_status train_ckpt_state(train_run *run) {
  TR_TRY(load(run, run->options->ckpt));
  if (run->begun >= run->last)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--ckpt '%s' has taken %lld steps: the training ends with %lld (--max-steps, --epochs)",
                   TR_SHOW(run->options->ckpt, 200), (long long)run->begun, (long long)run->last);
  run->window = (train_window){0};
  return TR_OK;
}

/* What ended before its first checkpoint begins again; run.json tells of the steps of the last one. */
static tr_status begin_again(train_run *run) {
  if (run->options->ckpt) TR_TRY(train_ckpt_state(run));
  const int64_t told = json_integer_value(json_object_get(run->record, "steps"));
  if (told <= run->begun) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_IO,
                 "--resume '%s': there is no checkpoint in its checkpoints/, and run.json tells of step %lld",
                 TR_SHOW(run->options->resume, 200), (long long)told);
}

tr_status train_resume_state(train_run *run) {
  return run->newest ? load(run, run->newest) : begin_again(run);
}
