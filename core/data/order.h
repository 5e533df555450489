/* Which inputs of a data set a training step takes, by address: the order by (seed, epoch, place), the rest
 * by (seed, step, row of the global batch), 0 <= step < 2^32, 0 <= row < 2^48. Whatever the number of ranks
 * and workers, and after a resume, the same step sees the same numbers. */
#ifndef TR_CORE_DATA_ORDER_H
#define TR_CORE_DATA_ORDER_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* order (n) = a permutation of 0 .. n - 1, each as likely as any other (Fisher and Yates), of an epoch, 0 <=
 * epoch < 2^32; 1 <= n < 2^48. */
TR_API tr_status tr_draw_order(tr_ctx *ctx, uint64_t seed, int64_t epoch, int64_t n, int64_t *order);
/* Whether a row is mirrored, with probability 1/2. */
TR_API bool tr_draw_flip(uint64_t seed, int64_t step, int64_t row);
/* Which of n inputs, each as likely as any other, takes the place of one that cannot be used; 0 of none. */
TR_API int64_t tr_draw_substitute(uint64_t seed, int64_t step, int64_t row, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
