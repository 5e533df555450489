/* A small training for tests: an MLP on pairs of numbers, in f32. */
#ifndef TR_TESTS_SUPPORT_NETS_TRAININGS_H
#define TR_TESTS_SUPPORT_NETS_TRAININGS_H

#include "nets/train/trainer.h"

enum { TRAINING_ROWS = 8, TRAINING_DIM = 2 };

/* Linear, velocity, no weight; TRAINING_ROWS rows, labels never dropped; else the defaults. */
tr_trainer_options training_options(tr_ctx *ctx);

/* The networks must be registered (networks.h). */
typedef struct {
  tr_net *net;
  tr_trainer *trainer;
} training;
training training_open(tr_ctx *ctx, int hidden, uint64_t seed, const tr_trainer_options *options);
void training_close(training *t);

/* One step, on rows that k tells; returns the loss. */
double training_step(tr_ctx *ctx, training *t, int k);

#endif
