/* What this build is linked with and what it runs on, as JSON: for run.json and --version. */
#ifndef TR_EXPERIMENTS_MACHINE_H
#define TR_EXPERIMENTS_MACHINE_H

#include <jansson.h>

#include "core/backend.h"

json_t *machine_libraries(void); /* {"sundials": "6.4.1", ...} */
json_t *
machine_processor(const tr_backend *backend); /* kernels, engines and processor features in one line */

#endif
