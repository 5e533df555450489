/* The machine that a command runs on, MACHINE_OPTIONS of experiments/common/common_options.h. */
#ifndef TR_EXPERIMENTS_COMMON_MACHINE_OPTIONS_H
#define TR_EXPERIMENTS_COMMON_MACHINE_OPTIONS_H

#include "experiments/common/common_options.h"
#include "experiments/common/program.h"

/* Opens --device with --threads, which is written back as used, for the record; *dtype: --dtype. */
tr_status machine_open(program *p, machine_options *options, uint64_t seed, tr_dtype *dtype);

#endif
