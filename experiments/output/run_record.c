#include "experiments/output/run_record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/io/file.h"
#include "core/text.h"
#include "experiments/output/machine.h"

json_t *record_text(const char *text) {
  if (!text) return json_null();
  size_t length = strlen(text);
  if (tr_text_is_utf8(text, length)) return json_string(text);
  char *shown = calloc(length + 1, 1);
  json_t *value = shown ? json_string(tr_text_show(text, length, shown, length + 1)) : json_null();
  free(shown);
  return value;
}

json_t *record_number(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

json_t *record_seed(uint64_t seed) {
  char text[32];
  if (seed <= INT64_MAX) return json_integer((json_int_t)seed);
  snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
  return json_string(text);
}

json_t *record_numbers(const double *values, int64_t n) {
  json_t *list = json_array();
  for (int64_t i = 0; i < n; i++) json_array_append_new(list, record_number(values[i]));
  return list;
}

json_t *record_average(stat_average average) {
  return json_pack("{s:o, s:o, s:o, s:o}", "mean", record_number(average.mean), "standard_error",
                   record_number(average.se), "low_95", record_number(average.low), "high_95",
                   record_number(average.high));
}

void record_files(json_t *record, const double *grid, int n_grid, const tr_table *table) {
  const double *t, *value;
  if (grid) json_object_set_new(record, "grid_file", record_numbers(grid, n_grid));
  if (!table) return;
  json_t *rows = json_array();
  int n = tr_table_points(table, &t, &value);
  for (int i = 0; i < n; i++)
    json_array_append_new(rows, record_numbers((const double[]){t[i], value[i]}, 2));
  json_object_set_new(record, "diffusion_table", rows);
}

/* A list as JSON, a word in its place as it is, null when it is empty. */
static json_t *list_to_json(const tr_option *option, const void *field) {
  json_t *list = json_array();
  const tr_int_list *ints = field;
  const tr_double_list *doubles = field;
  const tr_text_list *texts = field;
  for (int i = 0; option->type == TR_OPTION_INTS && i < ints->n; i++)
    json_array_append_new(list, json_integer(ints->v[i]));
  for (int i = 0; option->type == TR_OPTION_DOUBLES && i < doubles->n; i++)
    json_array_append_new(list, record_number(doubles->v[i]));
  for (int i = 0; option->type == TR_OPTION_TEXTS && i < texts->n; i++)
    json_array_append_new(list, record_text(texts->v[i]));
  if (json_array_size(list) > 0) return list;
  json_decref(list);
  return option->type == TR_OPTION_INTS ? record_text(ints->given) : json_null();
}

/* Pairs as an object, null when there is none. */
static json_t *pairs_to_json(const tr_pair_list *pairs) {
  json_t *object = pairs->n ? json_object() : json_null();
  for (int i = 0; i < pairs->n; i++)
    json_object_set_new(object, pairs->v[i].name, record_number(pairs->v[i].value));
  return object;
}

json_t *record_params(const tr_module *module, const tr_values *values) {
  json_t *object = module->n_params ? json_object() : json_null();
  for (int i = 0; i < module->n_params; i++)
    json_object_set_new(object, module->params[i].name, record_number(values->v[i]));
  return object;
}

static json_t *option_to_json(const tr_option *option, const void *values) {
  const void *field = (const char *)values + option->offset;
  switch (option->type) {
  case TR_OPTION_FLAG:
    return json_boolean(*(const bool *)field);
  case TR_OPTION_INT: {
    long value = *(const long *)field;
    return value == TR_OPTION_UNSET ? json_null() : json_integer(value);
  }
  case TR_OPTION_SEED:
    return record_seed(*(const uint64_t *)field);
  case TR_OPTION_DOUBLE:
    return record_number(*(const double *)field);
  case TR_OPTION_TEXT:
  case TR_OPTION_CHOICE:
    return record_text(*(const char *const *)field);
  case TR_OPTION_INTS:
  case TR_OPTION_DOUBLES:
  case TR_OPTION_TEXTS:
    return list_to_json(option, field);
  case TR_OPTION_PAIRS:
    return pairs_to_json(field);
  }
  return json_null();
}

json_t *record_options(const tr_option_table *table, const tr_parsed *parsed, const void *values) {
  json_t *options = json_object();
  for (int i = 0; i < table->n_options; i++) {
    const tr_option *option = &table->options[i];
    if (tr_option_row(table, parsed->mode, option->name) != i) continue;
    json_object_set_new(options, option->name, option_to_json(option, values));
  }
  return options;
}

static json_t *command_line(const program *p) {
  json_t *words = json_array();
  for (int i = 0; i < p->argc; i++) json_array_append_new(words, record_text(p->argv[i]));
  return words;
}

static json_t *now(void) {
  char text[32] = "";
  time_t seconds = time(NULL);
  struct tm utc;
  if (gmtime_r(&seconds, &utc)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return json_string(text);
}

json_t *record_create(const program *p, const tr_option_table *table, const tr_parsed *parsed,
                      const void *values) {
  json_t *record = json_object();
  json_object_set_new(record, "transit", json_string(program_version()));
  json_object_set_new(record, "command", record_text(p->command));
  if (table->modes) json_object_set_new(record, "mode", json_string(table->modes[parsed->mode]));
  json_object_set_new(record, "command_line", command_line(p));
  json_object_set_new(record, "options", record_options(table, parsed, values));
  json_object_set_new(record, "seed", record_seed(tr_ctx_seed(p->ctx)));
  json_object_set_new(record, "device", json_string(tr_ctx_resource(p->ctx)));
  json_object_set_new(record, "threads", json_integer(tr_ctx_threads(p->ctx)));
  json_object_set_new(record, "processor", machine_processor(tr_ctx_backend(p->ctx)));
  json_object_set_new(record, "libraries", machine_libraries());
  json_object_set_new(record, "started", now());
  return record;
}

json_t *record_args_file(const tr_model *m) {
  const char *name, *value;
  if (!m->args_file) return json_null();
  json_t *json = json_object(), *args = json_object();
  for (int i = 0; tr_checkpoint_arg_at(m->checkpoint, i, &name, &value); i++)
    if (strcmp(tr_checkpoint_arg_file(m->checkpoint, name), m->args_file) == 0)
      json_object_set_new(args, name, record_text(value));
  json_object_set_new(json, "file", record_text(m->args_file));
  json_object_set_new(json, "sha256", json_string(m->args_sha256));
  json_object_set_new(json, "args", args);
  return json;
}

json_t *record_sizes(const tr_net_config *config) {
  json_t *json = json_object();
  tr_net_fact fact;
  json_object_set_new(json, "kind", json_string(tr_net_config_kind(config)));
  for (int i = 0; tr_net_config_fact(config, i, &fact); i++)
    if (fact.recorded) json_object_set_new(json, fact.key, json_integer(fact.value));
  return json;
}

/* What neither options nor arguments say. */
static json_t *assumed(const tr_model *m) {
  json_t *list = json_array();
  if (m->path_assumed) json_array_append_new(list, json_string("path_type"));
  if (m->prediction_assumed) json_array_append_new(list, json_string("prediction"));
  return list;
}

json_t *record_checkpoint(const tr_model *m, const char *path, const file_hash *hash) {
  json_t *json = json_object();
  json_object_set_new(json, "file", record_text(path));
  json_object_set_new(json, "sha256", json_string(hash->hex));
  json_object_set_new(json, "format", json_string(tr_checkpoint_format(m->checkpoint)));
  json_object_set_new(json, "weights", record_text(m->set));
  json_object_set_new(json, "network", record_sizes(&m->config));
  if (m->without_tables) json_object_set_new(json, "latent_size", json_pack("[i, i]", m->height, m->width));
  json_object_set_new(json, "args_file", record_args_file(m));
  json_object_set_new(json, "assumed", assumed(m));
  return json;
}

void record_work(json_t *record, const tr_sample_stats *stats, long nfe_total) {
  json_object_set_new(record, "nfe", json_integer(stats->nfe));
  json_object_set_new(record, "nfe_all_batches", json_integer(nfe_total));
  json_object_set_new(record, "n_steps", json_integer(stats->n_steps));
  json_object_set_new(record, "n_rejected", json_integer(stats->n_rejected));
  json_object_set_new(record, "solver", json_string(stats->solver));
}

void record_backwards(json_t *record, const tr_sample_stats *stats, long n_vjp_total, long recomputed) {
  json_object_set_new(record, "n_vjp", json_integer(stats->n_vjp));
  json_object_set_new(record, "n_vjp_all_batches", json_integer(n_vjp_total));
  json_object_set_new(record, "recomputed_forwards_all_batches", json_integer(recomputed));
}

void record_memory(json_t *record, const tr_ctx *ctx) {
  json_object_set_new(record, "peak_array_mib", record_number(machine_peak_arrays(ctx)));
  if (machine_peak_device(ctx) > 0)
    json_object_set_new(record, "peak_device_mib", record_number(machine_peak_device(ctx)));
  json_object_set_new(record, "peak_resident_mib", record_number(machine_peak_resident()));
}

tr_status record_save(tr_ctx *ctx, const json_t *record, const char *path) {
  tr_out_file *file;
  TR_TRY(tr_out_file_open(ctx, path, &file));
  if (json_dumpf(record, tr_out_file_stream(file),
                 JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15)) != 0 ||
      fputc('\n', tr_out_file_stream(file)) == EOF) {
    tr_out_file_discard(&file);
    return TR_FAIL(ctx, TR_E_IO, "'%s' cannot be written", path);
  }
  return tr_out_file_commit(ctx, &file);
}

tr_status record_stage_network(const program *p, out_dir *dir, const record_network *what) {
  const char *path;
  const bool guided = what->guide && what->guide->model;
  TR_TRY(file_hash_finish(p->ctx, what->hash));
  if (guided) TR_TRY(file_hash_finish(p->ctx, &what->guide->hash));
  TR_TRY(out_dir_stage(p->ctx, dir, "run.json", &path));
  json_t *json = record_create(p, what->table, what->parsed, what->values);
  json_object_set_new(json, "checkpoint", record_checkpoint(what->model, what->ckpt, what->hash));
  if (guided) json_object_set_new(json, "guide", guide_record(what->guide));
  json_object_set_new(json, "nfe", json_integer(what->nfe));
  json_object_set_new(json, "rows", json_integer(what->rows));
  json_object_set_new(json, "labels", json_string(what->labels_from));
  tr_status status = record_save(p->ctx, json, path);
  json_decref(json);
  return status;
}
