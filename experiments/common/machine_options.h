/* The machine that a command runs on, MACHINE_OPTIONS of experiments/common/common_options.h. */
#ifndef TR_EXPERIMENTS_COMMON_MACHINE_OPTIONS_H
#define TR_EXPERIMENTS_COMMON_MACHINE_OPTIONS_H

#include "core/nn/nn.h"
#include "experiments/common/common_options.h"
#include "experiments/common/program.h"

/* Opens --device with --threads, which is written back as used, for the record; *dtype: --dtype, which cannot
 * be bf16 or tf32 here. */
tr_status machine_open(program *p, machine_options *options, uint64_t seed, tr_dtype *dtype);
/* The same for a network, whose products may have operands in bf16 or, on a device that has it, TF32: states
 * and parameters are f32 then. */
tr_status machine_open_network(program *p, machine_options *options, uint64_t seed, tr_dtype *dtype,
                               tr_nn_products *products);
/* Obeys --no-cuda-graphs in a context that was opened another way. */
void machine_turn_graphs(program *p, const machine_options *options);

#endif
