/* What is said of an evaluation: evaluate.json and a table. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "experiments/evaluate/run.h"
#include "experiments/output/run_record.h"

/* ---- JSON ---- */

static json_t *side_to_json(const evaluate_set *set, int64_t n) {
  if (!set->path) return json_null();
  json_t *json = json_object();
  json_object_set_new(json, "file", record_text(set->path));
  json_object_set_new(json, "sha256", json_string(set->sha256));
  json_object_set_new(json, "option", json_string(set->option));
  json_object_set_new(json, "n", n > 0 ? json_integer(n) : json_null());
  json_object_set_new(json, "statistics", json_boolean(set->stored));
  if (!set->pictures) return json;
  const picture_facts *facts = picture_source_facts(set->pictures);
  json_object_set_new(json, "pictures", json_integer(facts->n));
  json_object_set_new(json, "height", json_integer(facts->height));
  json_object_set_new(json, "width", json_integer(facts->width));
  return json;
}

static json_t *inception_to_json(const evaluate_run *run) {
  const extractor *e = &run->extractor;
  if (!run->inception) return json_null();
  json_t *json = json_object();
  json_object_set_new(json, "file", record_text(run->inception));
  json_object_set_new(json, "sha256", json_string(e->sha256));
  json_object_set_new(json, "features", json_integer(e->sizes.features));
  json_object_set_new(json, "spatial_features", json_integer(e->sizes.spatial));
  json_object_set_new(json, "classes", json_integer(e->sizes.classes));
  return json;
}

static json_t *warnings_to_json(const evaluate_run *run) {
  json_t *list = json_array();
  if (*run->size_warning) json_array_append_new(list, record_text(run->size_warning));
  for (int i = 0; i < run->result.metrics.n_warnings; i++)
    json_array_append_new(list, record_text(run->result.metrics.warning[i]));
  return list;
}

static json_t *limit_to_json(const evaluate_result *r) {
  json_t *list = json_array();
  for (int i = 0; i < r->limit_points; i++)
    json_array_append_new(
        list, json_pack("{s:I, s:o}", "n", (json_int_t)r->limit_n[i], "fid", record_number(r->limit_fid[i])));
  return list;
}

/* KID's are null where it is of all samples, or absent. */
static json_t *settings_to_json(const evaluate_options *o, const evaluate_result *r) {
  const bool drawn = r->kid_subsets > 0;
  return json_pack("{s:I, s:I, s:o, s:o, s:o, s:s}", "neighbours", (json_int_t)o->neighbours, "score_block",
                   (json_int_t)o->score_block, "kid_subsets",
                   drawn ? json_integer(r->kid_subsets) : json_null(), "kid_size",
                   drawn ? json_integer(r->kid_size) : json_null(), "seed", record_seed(o->seed), "distances",
                   "exact");
}

static void put_numbers(const evaluate_run *run, json_t *json) {
  const evaluation_result *r = &run->result;
  json_t *missing = json_object();
  evaluation_numbers_put(r, json, missing);
  if (r->with_figures) json_object_set_new(json, "mmd_scale", record_number(r->figures.mmd_scale));
  if (r->metrics.limit_points > 0) json_object_set_new(json, "fid_at", limit_to_json(&r->metrics));
  json_object_set_new(json, "missing", missing);
}

static json_t *to_json(const evaluate_run *run) {
  const evaluate_options *o = run->options;
  const evaluate_result *r = &run->result.metrics;
  json_t *json = json_object();
  put_numbers(run, json);
  json_object_set_new(json, "n", json_integer(r->n));
  json_object_set_new(json, "reference_n", r->reference_n > 0 ? json_integer(r->reference_n) : json_null());
  json_object_set_new(json, "samples", side_to_json(&run->samples, r->n));
  json_object_set_new(json, "reference", side_to_json(&run->reference, r->reference_n));
  json_object_set_new(json, "inception", inception_to_json(run));
  json_object_set_new(json, "preprocessing", run->inception ? json_string(o->preprocess) : json_null());
  json_object_set_new(json, "dtype", run->inception ? json_string(o->machine.dtype) : json_null());
  json_object_set_new(json, "settings", settings_to_json(o, r));
  json_object_set_new(json, "warnings", warnings_to_json(run));
  json_object_set_new(json, "device", json_string(tr_ctx_resource(run->program->ctx)));
  json_object_set_new(json, "transit", json_string(program_version()));
  return json;
}

static tr_status save_record(evaluate_run *run) {
  const char *path;
  TR_TRY(out_dir_stage(run->program->ctx, run->dir, "run.json", &path));
  json_t *record = record_create(run->program, &evaluate_table, run->parsed, run->options);
  record_memory(record, run->program->ctx);
  tr_status status = record_save(run->program->ctx, record, path);
  json_decref(record);
  return status;
}

tr_status evaluate_report_save(evaluate_run *run) {
  const char *path;
  TR_TRY(out_dir_stage(run->program->ctx, run->dir, "evaluate.json", &path));
  json_t *json = to_json(run);
  tr_status status = record_save(run->program->ctx, json, path);
  json_decref(json);
  return status == TR_OK ? save_record(run) : status;
}

/* ---- the table ---- */

static void print_entry(const char *name, const evaluate_entry *entry) {
  const metric_value *v = &entry->number;
  char interval[64] = "";
  if (entry->absent) {
    printf("  %-24s %-12s %s\n", name, "-", entry->why);
    return;
  }
  if (isfinite(v->low) && isfinite(v->high))
    snprintf(interval, sizeof interval, "%.5g to %.5g", v->low, v->high);
  printf("  %-24s %-12.6g %s\n", name, v->value, interval);
}

/* "50000" and what they are of. */
static void print_side(const char *word, const evaluate_set *set, int64_t n) {
  char count[32] = "an unknown number";
  if (!set->path) return;
  if (n > 0) snprintf(count, sizeof count, "%lld", (long long)n);
  printf("%s: %s of '%s'", word, count, TR_SHOW(set->path, 200));
  if (set->stored) printf(", stored statistics");
  if (set->stored && set->pictures)
    printf(" (precision, recall and KID: %lld pictures)", (long long)picture_source_facts(set->pictures)->n);
  printf("\n");
}

void evaluate_report_print(const evaluate_run *run) {
  const evaluate_options *o = run->options;
  const evaluate_result *r = &run->result.metrics;
  evaluation_number all[EVALUATION_NUMBERS];
  print_side("samples", &run->samples, r->n);
  print_side("reference", &run->reference, r->reference_n);
  if (run->inception) printf("preprocessing: %s, in %s\n", o->preprocess, o->machine.dtype);
  printf("\n  %-24s %-12s %s\n", "metric", "value", "95 % interval");
  for (int i = 0, n = evaluation_numbers(&run->result, all); i < n; i++)
    print_entry(all[i].name, all[i].entry);
  printf("\nwrote %s/evaluate.json and run.json%s%s\n", o->machine.out, o->save_stats ? ", and " : "",
         o->save_stats ? o->save_stats : "");
}
