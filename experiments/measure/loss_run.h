/* A run of `transit loss`: what its files share. */
#ifndef TR_EXPERIMENTS_MEASURE_LOSS_RUN_H
#define TR_EXPERIMENTS_MEASURE_LOSS_RUN_H

#include "core/data/dataset.h"
#include "experiments/common/common_options.h"
#include "experiments/input/file_hash.h"
#include "experiments/input/given.h"
#include "experiments/input/provider.h"
#include "experiments/output/out_dir.h"
#include "transport/loss/loss.h"

typedef struct {
  model_options model;
  machine_options machine;
  const char *data, *noise, *times, *loss_weight;
  tr_int_list class_labels;
  long points, num_samples, batch_size;
  uint64_t seed;
  bool grad_norms;
} loss_options;

/* The training loss of each row at a time of its own. */
typedef struct {
  tr_loss loss;
  double *t, *each;      /* (n) */
  tr_loss_rows *numbers; /* of a batch */
  tr_array *of_batch;    /* (batch size) */
  tr_array *gradient;    /* of the mean loss, in the layout of the parameters; NULL: not wanted */
} loss_rows;

typedef struct {
  program *program;
  const tr_parsed *parsed;
  loss_options *options;
  provider provider;
  tr_dataset data;
  given noise; /* open where it is given */
  int64_t n;
  int32_t *labels; /* (n) */
  const char *labels_from;
  double *row;          /* (batch size, row): host copy */
  double *loss, *error; /* (points) */
  loss_rows rows;
  out_dir *dir;
  file_hash hash;
} loss_run;

/* States of a batch. */
typedef struct {
  int64_t first, n;           /* rows first .. first + n - 1 of the data */
  tr_array *x1, *x0, *xt, *v; /* (n, ...); x1 is there already */
} loss_batch;

/* x0: the noise of a batch, as given, or drawn for this purpose and step. */
tr_status loss_noise(const loss_run *run, tr_random_purpose purpose, long step, const loss_batch *b);
tr_cond loss_cond(const loss_run *run, const loss_batch *b);

/* ---- table.c: the loss of the velocity as a function of time ---- */
double loss_time_of(const loss_run *run, long k);
/* Adds the rows of a batch, at every time. */
tr_status loss_table_add(loss_run *run, const loss_batch *b);
/* Sums become means and their standard errors. */
void loss_table_finish(loss_run *run);
tr_status loss_table_save(loss_run *run);

/* ---- rows.c: the training loss of each row ---- */
/* Weight, and times as given or drawn; when data and provider are there. */
tr_status loss_rows_open(loss_run *run);
/* Room for batches and the gradient; when the network is there. */
tr_status loss_rows_prepare(loss_run *run);
tr_status loss_rows_add(loss_run *run, const loss_batch *b);
tr_status loss_rows_save(loss_run *run);
void loss_rows_close(loss_rows *rows);
void loss_rows_print(const loss_run *run);

#endif
