/* `transit sample ODE --likelihood`, the reference's spelling of `transit likelihood`. */
#ifndef TR_EXPERIMENTS_SAMPLE_LIKELIHOOD_H
#define TR_EXPERIMENTS_SAMPLE_LIKELIHOOD_H

#include "experiments/commands.h"

/* When the words after the command's name are "ODE ... --likelihood ...": the likelihood command, and in
 * *args and *n_args (malloc'd, and so are the words; NULL: out of memory) what it is to be called with: the
 * names that the two commands spell in different ways are translated (--init is --data, --num-samples --num,
 * --sampling-method --method). NULL otherwise. */
const command *sample_instead(int argc, char *const *argv, int *n_args, char ***args);

#endif
