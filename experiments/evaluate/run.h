/* A run of `transit evaluate`: what its files share. */
#ifndef TR_EXPERIMENTS_EVALUATE_RUN_H
#define TR_EXPERIMENTS_EVALUATE_RUN_H

#include "experiments/evaluate/numbers.h"
#include "experiments/evaluate/options.h"
#include "experiments/evaluate/set.h"
#include "experiments/output/out_dir.h"

typedef struct {
  program *program;
  const tr_parsed *parsed;
  evaluate_options *options;
  evaluate_set samples, reference; /* reference.path NULL: there is none */
  char *inception;                 /* the file, NULL: none is used */
  tr_dtype dtype;                  /* of the network */
  extractor extractor;
  evaluation_result result;
  char size_warning[200]; /* "": there is nothing to say */
  out_dir *dir;
} evaluate_run;

/* Stages evaluate.json and run.json. */
tr_status evaluate_report_save(evaluate_run *run);
/* The table on standard output. */
void evaluate_report_print(const evaluate_run *run);

#endif
