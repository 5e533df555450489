/* Training a field network: one call a step. Data x1 and noise x0 meet at x = alpha x1 + sigma x0, the loss
 * of what the network says there goes back through it, and AdamW takes a step on the whole arena of
 * parameters, with running averages behind it. Everything random is drawn by address (nets/train/draws.h), so
 * a training that is cut in pieces, or goes on from a checkpoint, takes the same steps bit for bit. */
#ifndef TR_NETS_TRAIN_TRAINER_H
#define TR_NETS_TRAIN_TRAINER_H

#include "core/comm/comm.h"
#include "core/nn/nn.h"
#include "nets/net.h"
#include "nets/train/draws.h"
#include "nets/train/schedule.h"
#include "transport/loss/loss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* tr_trainer_defaults fills in those of the reference's train.py. */
typedef struct {
  uint64_t seed;
  tr_loss loss;         /* to be set */
  tr_time_law times;    /* between the ends of tr_interval_train: to be set */
  double label_dropout; /* 0.1: how often a label becomes the null class; 0 for a network without one */
  tr_schedule schedule; /* constant, 1e-4 */
  double beta1, beta2, eps, decay;  /* 0.9, 0.999, 1e-8, 0 */
  double clip;                      /* the largest norm of the gradient, > 0; infinity: any */
  int n_averages;                   /* 1 */
  double keep[TR_NN_AVERAGES];      /* 0.9999: of each average, per step */
  double sigma_rel[TR_NN_AVERAGES]; /* > 0: an average by a power of the step of that width
                                       (nets/train/power.h), and `keep` is not looked at; 0: by `keep` */
  int64_t batch;                    /* rows of a step, of all ranks together: to be set */
  int64_t first, rows;              /* those of this rank: 0, batch */
  int64_t rows_at_once;             /* that go through the network together; 0: all of them */
  tr_comm *comm;                    /* those who train together, borrowed; NULL: this process alone */
} tr_trainer_options;
TR_API void tr_trainer_defaults(tr_trainer_options *options);

typedef struct tr_trainer tr_trainer;

/* The network, made with options.trained, is borrowed and must outlive the trainer. Averages begin as copies
 * of the parameters. TR_E_ARG naming what is out of range, or that the network has no null class to drop
 * labels to. */
TR_API tr_status tr_trainer_create(tr_net *net, const tr_trainer_options *options, tr_trainer **out);
TR_API void tr_trainer_destroy(tr_trainer **trainer); /* frees and sets *trainer to NULL; NULL is fine */

/* The rows of this rank. */
typedef struct {
  const tr_array *x1;    /* (rows, ...), of the network's type */
  const int32_t *labels; /* (rows), host memory; NULL: an unconditional network */
  /* Given in the place of what would be drawn; then no label is dropped either. Both or neither. */
  const tr_array *x0; /* (rows, ...), or NULL */
  const double *t;    /* (rows), host memory, or NULL */
} tr_train_batch;

typedef struct {
  int64_t step;     /* the number of this one, from 1 on */
  double loss;      /* the mean over the batch */
  double grad_norm; /* of the mean loss, before it is clipped */
  double rate;
} tr_train_report;

/* One step. TR_E_NONFINITE, naming the step and the first layer that is not finite, when the loss or its
 * gradient is not: parameters, moments and averages are then as before. TR_E_ARG after 2^32 - 2 steps.
 *
 * On several ranks it is collective, and loss and gradient are those of the whole batch: each rank gives its
 * rows, the gradient is summed while the backward goes on, and every rank takes the same step, bit for bit.
 * A step that fails on one rank fails on all of them (tr_comm_agree), and none has taken it. */
TR_API tr_status tr_trainer_step(tr_trainer *trainer, const tr_train_batch *batch, tr_train_report *report);

/* Exchanges the parameters with average i, for the network to be asked with it: a second call takes it back,
 * bit for bit, and must come before the next step, or anything that looks at the training. TR_E_ARG, and
 * nothing is exchanged, when there is no such average. */
TR_API tr_status tr_trainer_exchange(tr_trainer *trainer, int i);

/* Parameters, moments, averages and the number of steps of rank 0 on all ranks; then their networks are
 * refreshed. Collective; nothing happens on one rank. */
TR_API tr_status tr_trainer_share(tr_trainer *trainer);
/* TR_E_DEVICE, naming the step and what differs, unless these have the same bits on all ranks. Collective. */
TR_API tr_status tr_trainer_same(tr_trainer *trainer);

/* ---- what a checkpoint holds ---- */

/* Arrays of the layout of the network's parameters, borrowed: they may be written to go on from a checkpoint,
 * with the parameters themselves, then tr_net_refresh and tr_trainer_set_steps. */
TR_API tr_array *tr_trainer_first_moment(const tr_trainer *trainer);
TR_API tr_array *tr_trainer_second_moment(const tr_trainer *trainer);
TR_API tr_array *tr_trainer_average(const tr_trainer *trainer, int i); /* NULL: there is no such */
/* gamma of an average by a power of the step; -1: of another, and where there is none. */
TR_API double tr_trainer_gamma(const tr_trainer *trainer, int i);
/* Steps that have been taken, those before the checkpoint included. */
TR_API int64_t tr_trainer_steps(const tr_trainer *trainer);
TR_API tr_status tr_trainer_set_steps(tr_trainer *trainer, int64_t steps);

#ifdef __cplusplus
}
#endif

#endif
