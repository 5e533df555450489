#include "experiments/evaluate/entry.h"

#include <math.h>
#include <stdio.h>

#include "experiments/output/run_record.h"

void evaluate_entry_put(json_t *json, json_t *missing, const char *name, const evaluate_entry *entry) {
  char interval[64];
  const metric_value *v = &entry->number;
  const bool known = !entry->absent && isfinite(v->low) && isfinite(v->high);
  snprintf(interval, sizeof interval, "%s_ci95", name);
  json_object_set_new(json, name, entry->absent ? json_null() : record_number(v->value));
  json_object_set_new(json, interval,
                      known ? record_numbers((const double[]){v->low, v->high}, 2) : json_null());
  if (entry->absent) json_object_set_new(missing, name, record_text(entry->why));
}
