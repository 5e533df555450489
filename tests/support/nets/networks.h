/* Networks for tests, of whatever kind. */
#ifndef TR_TESTS_SUPPORT_NETS_NETWORKS_H
#define TR_TESTS_SUPPORT_NETS_NETWORKS_H

#include "nets/net.h"

/* Registers the modules unless they are there. */
tr_status networks_register(tr_ctx *ctx);

/* The network that these tensors are of; settings NULL: nothing is told. */
tr_status networks_open(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                        const tr_net_options *options, tr_net **out);
/* The same as a provider in dtype, which owns it. */
tr_status networks_drift(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                         tr_dtype dtype, tr_quantity kind, tr_drift **out);

#endif
