/* What the batches of a shard took, kept in its file: the record of a run is of all of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/output/run_record.h"
#include "experiments/sample/shards/shards.h"

static json_t *batch_to_json(const sample_batch *b) {
  const tr_sample_stats *s = &b->stats;
  json_t *json = json_object();
  const struct {
    const char *key;
    int64_t value;
  } counts[] = {{"first", b->first},           {"samples", b->n},
                {"nfe_guide", b->nfe_guide},   {"nfe", s->nfe},
                {"n_vjp", s->n_vjp},           {"n_steps", s->n_steps},
                {"n_rejected", s->n_rejected}, {"stop", (int)s->stop_reason},
                {"clock", (int)s->clock}};
  const struct {
    const char *key;
    double value;
  } numbers[] = {
      {"t0", s->t0}, {"t_end", s->t_end}, {"rtol_used", s->ode.rtol_used}, {"atol_used", s->ode.atol_used}};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    json_object_set_new(json, counts[i].key, json_integer(counts[i].value));
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    json_object_set_new(json, numbers[i].key, record_number(numbers[i].value));
  json_object_set_new(json, "solver", record_text(s->solver));
  json_object_set_new(json, "convention", record_text(s->convention));
  return json;
}

json_t *batches_to_json(const sample_batch *batches, int64_t n) {
  json_t *list = json_array();
  for (int64_t i = 0; i < n; i++) json_array_append_new(list, batch_to_json(&batches[i]));
  return list;
}

static bool count_of(const json_t *json, const char *key, int64_t *out) {
  const json_t *value = json_object_get(json, key);
  *out = json_integer_value(value);
  return json_is_integer(value);
}

static double number_of(const json_t *json, const char *key) {
  const json_t *value = json_object_get(json, key);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool batch_of_json(const json_t *json, sample_batch *b) {
  tr_sample_stats *s = &b->stats;
  int64_t nfe, nfe_guide, n_vjp, n_steps, n_rejected, stop, clock;
  const char *solver = json_string_value(json_object_get(json, "solver")),
             *convention = json_string_value(json_object_get(json, "convention"));
  if (!count_of(json, "first", &b->first) || !count_of(json, "samples", &b->n) ||
      !count_of(json, "nfe", &nfe) || !count_of(json, "nfe_guide", &nfe_guide) ||
      !count_of(json, "n_vjp", &n_vjp) || !count_of(json, "n_steps", &n_steps) ||
      !count_of(json, "n_rejected", &n_rejected) || !count_of(json, "stop", &stop) ||
      !count_of(json, "clock", &clock) || stop < TR_STOP_ERROR || stop > TR_STOP_MAX_NFE ||
      clock < TR_CLOCK_AUTO || clock > TR_CLOCK_ANGLE || !solver)
    return false;
  b->nfe_guide = (long)nfe_guide;
  s->nfe = (long)nfe, s->n_vjp = (long)n_vjp, s->n_steps = (long)n_steps, s->n_rejected = (long)n_rejected;
  s->stop_reason = (tr_stop)stop, s->clock = (tr_clock)clock;
  s->t0 = number_of(json, "t0"), s->t_end = number_of(json, "t_end");
  s->ode.rtol_used = number_of(json, "rtol_used"), s->ode.atol_used = number_of(json, "atol_used");
  s->convention = convention ? convention : "";
  snprintf(s->solver, sizeof s->solver, "%s", solver);
  return true;
}

bool batches_of_json(const json_t *json, sample_batch **out, int64_t *n) {
  bool good = json_is_array(json) && json_array_size(json) > 0;
  *n = (int64_t)json_array_size(json);
  *out = good ? calloc((size_t)*n, sizeof **out) : NULL;
  good = *out != NULL;
  for (int64_t i = 0; good && i < *n; i++) good = batch_of_json(json_array_get(json, (size_t)i), &(*out)[i]);
  if (!good) free(*out), *out = NULL;
  return good;
}
