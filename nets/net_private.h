/* What nets/net.c and nets/field.c share. Not for users of the library. */
#ifndef TR_NETS_NET_PRIVATE_H
#define TR_NETS_NET_PRIVATE_H

#include "nets/network.h"

tr_status tr_net_lacking(const tr_net *net, const char *what);
/* States (N, ...) of the network's shape and element type. */
tr_status tr_net_check_states(const tr_net *net, const tr_array *x);
/* Gives the working memory of the network back, as after what did not fit. */
tr_status tr_net_begin_anew(tr_net *net);
/* tr_net_backward of a call that is checked, at times that are the network's own. */
tr_status tr_net_go_back(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                         const tr_net_backward_args *args);
/* tr_net_backward in two halves: the host's, which checks, counts and sends times and labels, and the
 * device's, which can be recorded (core/record/record.h) where the network has a `send`: who asks for
 * finished gradients then does nothing of the host's but by tr_record_aside. */
tr_status tr_net_begin_back(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                            const tr_net_backward_args *args);
tr_status tr_net_launch_back(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                             const tr_net_backward_args *args);
/* Counts what a backward that is asked for this at x is about to compute again. */
void tr_net_count_repeats(tr_net *net, const tr_array *x, const tr_net_request *request);

#endif
