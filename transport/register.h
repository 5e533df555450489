/* The list of the built-in modules of transport. */
#ifndef TR_TRANSPORT_REGISTER_H
#define TR_TRANSPORT_REGISTER_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Registers every module of this room and of those below: interpolants, predictions, diffusion forms, last
 * steps, time grids, and the integrators. tr_register_all (nets/register.h) does so too. */
TR_API tr_status tr_transport_register(tr_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
