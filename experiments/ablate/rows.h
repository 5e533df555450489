/* results.csv of an ablation: a row a training. */
#ifndef TR_EXPERIMENTS_ABLATE_ROWS_H
#define TR_EXPERIMENTS_ABLATE_ROWS_H

#include "experiments/ablate/plan.h"
#include "experiments/results/rows_file.h"

/* The numbers of a row, in the order of its columns. NaN (an empty field): it is not defined, or the training
 * did not come so far. */
typedef enum {
  ABLATE_LOSS,   /* the mean over the last tenth of the steps */
  ABLATE_ODE,    /* squared energy distance of ODE samples ... */
  ABLATE_SDE,    /* ... of SDE samples ... */
  ABLATE_FLOOR,  /* ... and between two sets of the target */
  ABLATE_NLL,    /* mean of -ln p, nats */
  ABLATE_NLL_SE, /* its standard error over the inputs */
  ABLATE_KL,     /* of an exact target */
  ABLATE_KL_SE,
  ABLATE_BPD, /* of data: bits per dimension */
  ABLATE_BPD_SE,
  ABLATE_NUMBERS
} ablate_number;

typedef struct {
  bool done;
  char status[16]; /* "ok", "diverged" (the training), "failed" (a solver; the message says which) */
  long steps, ode_nfe, sde_nfe, likelihood_nfe;
  double number[ABLATE_NUMBERS];
  char message[256];
} ablate_result;

typedef struct {
  const ablate_plan *plan;
  ablate_result *results; /* one a run of the plan */
  int n_done, last;
  rows_file file;
} ablate_rows;

/* Opens or makes `path`, as rows_file_open. ablate_rows_close in any case. */
tr_status ablate_rows_open(tr_ctx *ctx, const ablate_plan *plan, const char *path, ablate_rows *out);
void ablate_rows_close(ablate_rows *rows);
/* Appends the row of a run. */
tr_status ablate_rows_add(tr_ctx *ctx, ablate_rows *rows, int run, const ablate_result *result);
/* Writes the file anew with all rows in the order of the plan, which that of trainings at once is not. */
tr_status ablate_rows_settle(tr_ctx *ctx, ablate_rows *rows);

#endif
