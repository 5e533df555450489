/* The options of a fixed grid, GRID_OPTIONS of experiments/common/common_options.h and --num-sampling-steps,
 * as a sampler's time grid. */
#ifndef TR_EXPERIMENTS_COMMON_GRID_OPTIONS_H
#define TR_EXPERIMENTS_COMMON_GRID_OPTIONS_H

#include "experiments/common/common_options.h"
#include "transport/sampler/sampler.h"

/* The names of all of them, NULL at the end: what a solver that chooses its own steps does not read. */
extern const char *const grid_option_names[];

/* Sets the grid and the number of points of `sampler` from options of this table. A file settles *n_points
 * and the grid's parameters in use are written back: for the record and for normals that are given. *list,
 * its points or NULL, is the caller's to free once the sampler is done. TR_E_ARG when options contradict each
 * other, TR_E_IO for the file. */
tr_status grid_options_set(tr_ctx *ctx, const tr_option_table *table, const tr_parsed *parsed,
                           grid_options *o, long *n_points, tr_sampler *sampler, double **list);

#endif
