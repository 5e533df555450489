/* What an ablation trains: cells (path, prediction, loss weight), each with every seed. Run number
 * cell * n_seeds + seed. */
#ifndef TR_EXPERIMENTS_ABLATE_PLAN_H
#define TR_EXPERIMENTS_ABLATE_PLAN_H

#include "experiments/ablate/options.h"

typedef struct {
  const char *path, *prediction, *weight; /* borrowed from the options */
  bool unweighted;                        /* its loss has weight 1 whatever `weight` is */
} ablate_cell;

typedef struct {
  int n_cells, n_seeds;
  int n_combinations; /* of the options; cells that are the same training are one */
  ablate_cell *cells;
  long *seeds;
} ablate_plan;

/* From the options, which must outlive it. ablate_plan_free in any case. */
tr_status ablate_plan_make(tr_ctx *ctx, const ablate_options *options, ablate_plan *out);
void ablate_plan_free(ablate_plan *plan);

int ablate_plan_runs(const ablate_plan *plan);
const ablate_cell *ablate_plan_cell(const ablate_plan *plan, int run);
long ablate_plan_seed(const ablate_plan *plan, int run);

/* What the table calls its loss weight: "any" where it has none. */
const char *ablate_cell_weight(const ablate_cell *cell);
/* "Linear, velocity" or "Linear, noise, velocity"; returns text. */
const char *ablate_cell_say(const ablate_cell *cell, char *text, size_t size);

/* The first columns of a row, "Linear,velocity,any,0", and the folder of a run, "Linear-velocity-any-s0". */
#define ABLATE_KEY_COLUMNS "path,prediction,loss_weight,seed"
#define ABLATE_KEY_FIELDS  4
enum { ABLATE_KEY_MAX = 320 };
void ablate_plan_key(const ablate_plan *plan, int run, char key[ABLATE_KEY_MAX]);
void ablate_plan_name(const ablate_plan *plan, int run, char name[ABLATE_KEY_MAX]);

#endif
