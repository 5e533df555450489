/* The time of each network operation, by shape, for benches. */
#ifndef TR_TESTS_SUPPORT_NETS_OP_TIMES_H
#define TR_TESTS_SUPPORT_NETS_OP_TIMES_H

#include "core/context.h"

/* From now on the network operations of a context on `cpu` are timed, for one context of the program. */
void op_times_begin(tr_ctx *ctx);
/* Forgets the times so far. */
void op_times_reset(void);
/* A table of what was called since, of so many runs:
 *   op  shape  calls  ms  gflops  share
 * calls and ms are those of one run, ms is the time that the program had of its processors over the number of
 * threads, share that of products in what a loop of multiply-adds does (tests/support/fma_loop.h). The last
 * row, `rest`, is what is left of `seconds` of such time. */
void op_times_print(tr_ctx *ctx, int runs, double seconds);

#endif
