/* The lists of built-in modules. */
#ifndef TR_TRANSPORT_REGISTER_H
#define TR_TRANSPORT_REGISTER_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Registers every module of the library: interpolants, predictions, diffusion forms, last steps, time
 * grids, and the integrators. Call it once after tr_ctx_open. Modules of a user's own register the same way,
 * with tr_register (core/registry.h); see tests/transport/test_register_own.c. */
tr_status tr_register_all(tr_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
