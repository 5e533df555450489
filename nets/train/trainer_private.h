/* What a trainer is made of. Not for users of the library. */
#ifndef TR_NETS_TRAIN_TRAINER_PRIVATE_H
#define TR_NETS_TRAIN_TRAINER_PRIVATE_H

#include "nets/train/trainer.h"

struct tr_trainer {
  tr_ctx *ctx;
  tr_net *net;
  tr_params *params;
  tr_trainer_options o;
  int64_t steps;
  double gamma[TR_NN_AVERAGES]; /* -1: the average is not by a power of the step */
  tr_array *gradient, *first, *second, *average[TR_NN_AVERAGES]; /* of the layout */
  tr_array *x, *x0, *loss; /* (rows at once, ...), (rows, ...), (rows) */
  tr_loss_rows *numbers;   /* of the rows of a step */
  double *t, *each;        /* (rows) */
  int32_t *labels;         /* (rows) */
  int64_t unsummed;        /* of the gradient, whose sum over the ranks has not begun: its front */
  int64_t bucket;          /* elements of a sum */
};

/* The gradient of the mean loss, and the losses of the rows (pass.c). On several ranks sums of it are under
 * way. */
tr_status tr_trainer_pass(tr_trainer *trainer, const tr_train_batch *batch);

/* ---- the ranks (ranks.c); on one there is nothing to do ---- */

/* Whether sums begin before the whole gradient is there: on several ranks, where it has more than a bucket.
 */
bool tr_trainer_sums_early(const tr_trainer *trainer);
/* The gradients from this parameter on are finished. */
tr_status tr_trainer_finished(tr_trainer *trainer, int from);
/* Begins what has not begun of the sums, and waits for all. */
tr_status tr_trainer_sum_rest(tr_trainer *trainer);

/* *out = the first parameter, in the order of the network, with an element in this arena that is not finite;
 * -1: there is none. */
tr_status tr_trainer_first_bad(const tr_trainer *trainer, const tr_array *arena, int *out);

#endif
