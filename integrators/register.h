/* The list of the built-in integrators: ODE methods (kind TR_KIND_ODE_METHOD) and SDE methods (kind
 * TR_KIND_SDE_METHOD). A new method is a new file with one table and one line in
 * integrators/modules.def. */
#ifndef TR_INTEGRATORS_REGISTER_H
#define TR_INTEGRATORS_REGISTER_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Registers every built-in method once; a second call on the same context is TR_E_ARG (names taken). */
TR_API tr_status tr_integrators_register(tr_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
