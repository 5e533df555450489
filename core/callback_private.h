/* What callbacks of the caller return. */
#ifndef TR_CORE_CALLBACK_PRIVATE_H
#define TR_CORE_CALLBACK_PRIVATE_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The status that a callback returned at time t. An error for which it latched a message of its own keeps
 * that (the first one wins); one without gets a line that names callback, time and status. */
static inline tr_status tr_callback_status(tr_ctx *ctx, tr_status status, const char *callback, double t) {
  if (status == TR_OK) return TR_OK;
  return TR_FAIL(ctx, status, "%s failed at t = %.10g (%s)", callback, t, tr_status_name(status));
}

#ifdef __cplusplus
}
#endif

#endif
