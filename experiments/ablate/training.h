/* One training of an ablation, as 'transit train' would do it, and what it is judged by. Everything of it,
 * its context too, is its own, so that several go on at once. */
#ifndef TR_EXPERIMENTS_ABLATE_TRAINING_H
#define TR_EXPERIMENTS_ABLATE_TRAINING_H

#include "experiments/ablate/rows.h"
#include "experiments/ablate/target.h"

/* What all trainings share; borrowed, and only read while they go on. */
typedef struct {
  const ablate_options *options;
  const ablate_plan *plan;
  const ablate_target *target;
  tr_text_list words; /* of --train-args */
  tr_dtype dtype;     /* of states and parameters */
  tr_nn_products products;
} ablate_setting;

enum { ABLATE_POINTS = 100 }; /* of a curve of losses, at most */

typedef struct {
  const ablate_setting *setting;
  program program;
  train_options options;
  train_run run;
  int n_points, number; /* of the curve; of the run in the plan */
  int64_t step[ABLATE_POINTS];
  double loss[ABLATE_POINTS]; /* means since the point before */
  double *host;               /* rows of a step of an exact target */
  ablate_result result;
} ablate_training;

/* The words of --train-args, and whether they are options of 'transit train' that are not set otherwise. Free
 * words->v and its entries. */
tr_status ablate_words_read(tr_ctx *ctx, const ablate_options *options, tr_text_list *words);
void ablate_words_free(tr_text_list *words);

/* Sets up a run of the plan on a.program, whose context is open: network, trainer, data.
 * ablate_training_close in any case, which leaves the context. */
tr_status ablate_training_open(ablate_training *a, int run);
void ablate_training_close(ablate_training *a);

/* Takes all steps, calling on_steps(user, n) for every n of them, whose failure ends it. A loss that is not
 * finite ends it with a.result.status "diverged", which is no error. */
tr_status ablate_training_steps(ablate_training *a, tr_status (*on_steps)(void *user, long n), void *user);
/* Judges the running average: fills a.result. A solver that fails is no error. */
tr_status ablate_training_judge(ablate_training *a);
/* Writes FOLDER/model.safetensors and FOLDER/losses.csv. */
tr_status ablate_training_save(ablate_training *a, const char *folder);

/* Whether the samplers can work for a cell, at the price of one evaluation: TR_E_ARG saying why not. a is any
 * training that is open, whose network is asked in its place. */
tr_status ablate_training_try(ablate_training *a, const ablate_cell *cell);

#endif
