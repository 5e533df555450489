/* What the multiplier of one thread can do: a loop of multiply-adds that stay in registers. */
#ifndef TR_TESTS_FMA_LOOP_H
#define TR_TESTS_FMA_LOOP_H

#include "core/cpu/features.h"

/* f32 operations a second (a multiply-add is two) of one thread at this level, the best of some runs of about
 * 10 ms, by the time that the thread had of its processor. */
double fma_loop_rate(tr_cpu_level level);

#endif
