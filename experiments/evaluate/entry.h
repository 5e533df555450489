/* One number of an evaluation as JSON. */
#ifndef TR_EXPERIMENTS_EVALUATE_ENTRY_H
#define TR_EXPERIMENTS_EVALUATE_ENTRY_H

#include <jansson.h>

#include "experiments/evaluate/features.h"

/* NAME and NAME_ci95 into `json`, null where they are not known, and why one is absent into `missing`. */
void evaluate_entry_put(json_t *json, json_t *missing, const char *name, const evaluate_entry *entry);

#endif
