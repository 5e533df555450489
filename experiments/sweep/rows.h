/* results.csv: one row a run, appended as soon as the run is done, whole or not at all. */
#ifndef TR_EXPERIMENTS_SWEEP_ROWS_H
#define TR_EXPERIMENTS_SWEEP_ROWS_H

#include "experiments/results/rows_file.h"
#include "experiments/sweep/plan.h"

/* What a run gave. Errors are NaN (an empty field) where they are not defined: rms and relative for an SDE,
 * the others for a checkpoint, all of them when the run did not reach the end. */
typedef struct {
  bool done;
  char status[16]; /* "ok", "diverged" (numbers that are not finite), "failed" (the solver gave up) */
  long nfe, accepted, rejected;
  double rms, relative, mean_error, mean_noise, cov_error, cov_noise, sw2, sw2_floor, wall_seconds;
  char message[256]; /* why, or the last warning */
} sweep_result;

typedef struct {
  const sweep_plan *plan;
  sweep_result *results; /* one a run of the plan */
  int n_done;            /* of those wanted */
  int last;              /* the run of the row read last */
  rows_file file;
} sweep_rows;

/* Opens or makes `path` and reads the rows that are there; a last row without an end of line is cut off.
 * TR_E_IO for rows that are malformed or of no run of the plan, and when another sweep is writing the file.
 * sweep_rows_close in any case. */
tr_status sweep_rows_open(tr_ctx *ctx, const sweep_plan *plan, const char *path, sweep_rows *out);
void sweep_rows_close(sweep_rows *rows);

/* Appends the row of a run. */
tr_status sweep_rows_add(tr_ctx *ctx, sweep_rows *rows, int run, const sweep_result *result);

#endif
