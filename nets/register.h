/* The list of all built-in modules. */
#ifndef TR_NETS_REGISTER_H
#define TR_NETS_REGISTER_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Registers every module of the library: networks (TR_KIND_NETWORK, nets/network.h), what
 * transport/register.h lists, and the integrators. Call it once after tr_ctx_open. Modules of a user's own
 * register the same way, with tr_register (core/module/registry.h); see tests/nets/test_register_net.c and
 * tests/transport/test_register_own.c. */
TR_API tr_status tr_register_all(tr_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
