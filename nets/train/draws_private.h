/* What a trainer asks of draws before the first. Not for users of the library. */
#ifndef TR_NETS_TRAIN_DRAWS_PRIVATE_H
#define TR_NETS_TRAIN_DRAWS_PRIVATE_H

#include "nets/train/draws.h"

/* TR_E_ARG for a law that there is not, a deviation that is not > 0, or times outside of [0, 1]. */
tr_status tr_time_law_check(tr_ctx *ctx, const tr_time_law *law);

#endif
