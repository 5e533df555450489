/* The numbers of an evaluation: all of them in the order in which they are said, and as JSON. */
#ifndef TR_EXPERIMENTS_EVALUATE_NUMBERS_H
#define TR_EXPERIMENTS_EVALUATE_NUMBERS_H

#include <jansson.h>

#include "experiments/evaluate/features.h"
#include "experiments/evaluate/figures.h"

typedef struct {
  bool with_metrics; /* `metrics` is filled */
  evaluate_result metrics;
  bool with_figures; /* `figures` is filled */
  figures_result figures;
} evaluation_result;

typedef struct {
  const char *name; /* static */
  const evaluate_entry *entry;
} evaluation_number;
enum { EVALUATION_NUMBERS = EVALUATE_COUNT + FIGURES };
/* Those that were asked for, absent ones too; entries are borrowed from the result. Returns how many. */
int evaluation_numbers(const evaluation_result *result, evaluation_number out[EVALUATION_NUMBERS]);
/* NAME and NAME_ci95 of each into `json`, null where they are not known, and why one is absent into
 * `missing`. */
void evaluation_numbers_put(const evaluation_result *result, json_t *json, json_t *missing);

#endif
