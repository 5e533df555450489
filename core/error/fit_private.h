/* How many rows there is memory for, where what was asked for lacked it. Not for users of the library. */
#ifndef TR_CORE_ERROR_FIT_PRIVATE_H
#define TR_CORE_ERROR_FIT_PRIVATE_H

#include "core/context.h"

/* Adds to the error of the context, which is TR_E_MEM, the number of rows below `rows` that there would be
 * memory for, by trying, within an eighth and never too many. fits: whether so many are served; what it
 * leaves in the context is forgotten. Returns the status of the error. */
tr_status tr_tell_what_fits(tr_ctx *ctx, int64_t rows, bool (*fits)(void *user, int64_t n), void *user);
/* Whether that was done already. */
bool tr_fit_is_told(const tr_ctx *ctx);

#endif
