/* `transit sample ODE --likelihood`, the reference's spelling of `transit likelihood`. */
#ifndef TR_EXPERIMENTS_SAMPLE_LIKELIHOOD_H
#define TR_EXPERIMENTS_SAMPLE_LIKELIHOOD_H

#include "experiments/commands.h"

/* When the words after the command's name are "ODE ... --likelihood ...": the likelihood command and its
 * words. Options of sample that it lacks, and --likelihood given twice, are TR_E_ARG, which says why.
 * Otherwise *out is left as it is. */
tr_status sample_instead(tr_ctx *ctx, int argc, char *const *argv, command_line *out);

#endif
