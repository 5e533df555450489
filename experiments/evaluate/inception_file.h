/* --inception: a file, or a name that is looked for and fetched. */
#ifndef TR_EXPERIMENTS_EVALUATE_INCEPTION_FILE_H
#define TR_EXPERIMENTS_EVALUATE_INCEPTION_FILE_H

#include "experiments/common/program.h"

/* A file of that name comes first, then what `transit fetch` knows. *path is malloc'd, NULL on an error. */
tr_status inception_file(program *p, const char *given, char **path);

#endif
