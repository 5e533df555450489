#include "experiments/evaluate/numbers.h"

#include <math.h>
#include <stdio.h>

#include "experiments/output/run_record.h"

int evaluation_numbers(const evaluation_result *result, evaluation_number out[EVALUATION_NUMBERS]) {
  const bool limit = result->metrics.limit_points > 0;
  int n = 0;
  for (int i = 0; i < EVALUATE_COUNT && result->with_metrics; i++)
    if (i != EVALUATE_FID_INF || limit)
      out[n++] = (evaluation_number){evaluate_names[i], &result->metrics.metric[i]};
  for (int i = 0; i < FIGURES && result->with_figures; i++)
    out[n++] = (evaluation_number){figure_names[i], &result->figures.figure[i]};
  return n;
}

static void put(json_t *json, json_t *missing, const char *name, const evaluate_entry *entry) {
  char interval[64];
  const metric_value *v = &entry->number;
  const bool known = !entry->absent && isfinite(v->low) && isfinite(v->high);
  snprintf(interval, sizeof interval, "%s_ci95", name);
  json_object_set_new(json, name, entry->absent ? json_null() : record_number(v->value));
  json_object_set_new(json, interval,
                      known ? record_numbers((const double[]){v->low, v->high}, 2) : json_null());
  if (entry->absent) json_object_set_new(missing, name, record_text(entry->why));
}

void evaluation_numbers_put(const evaluation_result *result, json_t *json, json_t *missing) {
  evaluation_number all[EVALUATION_NUMBERS];
  for (int i = 0, n = evaluation_numbers(result, all); i < n; i++)
    put(json, missing, all[i].name, all[i].entry);
}
