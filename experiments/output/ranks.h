/* What the commands that work on several ranks under mpirun have in common. One process alone agrees with
 * itself. */
#ifndef TR_EXPERIMENTS_OUTPUT_RANKS_H
#define TR_EXPERIMENTS_OUTPUT_RANKS_H

#include "core/options/options.h"
#include "experiments/common/program.h"

/* Of this process, 1: alone. */
int ranks_count(const program *p);
/* The worst of all ranks, on all of them. */
tr_status ranks_agree(const program *p, tr_status status);
/* Says in text on which devices they work, " (cuda:0, cuda:1; arrays by mpi+nccl)", and "" where that is the
 * processor. Collective. */
#define RANKS_DEVICES 240
tr_status ranks_devices(const program *p, char text[RANKS_DEVICES]);
/* TR_E_ARG unless all ranks were given the same options, but for those of `own`, which ends with NULL; says
 * which those are. Collective. */
tr_status ranks_same_options(const program *p, const tr_option_table *table, const tr_parsed *parsed,
                             const void *values, const char *const *own);

#endif
