/* What nets/net.c and nets/field.c share. Not for users of the library. */
#ifndef TR_NETS_NET_PRIVATE_H
#define TR_NETS_NET_PRIVATE_H

#include "nets/network.h"

tr_status tr_net_lacking(const tr_net *net, const char *what);
/* States (N, ...) of the network's shape and element type. */
tr_status tr_net_check_states(const tr_net *net, const tr_array *x);

#endif
