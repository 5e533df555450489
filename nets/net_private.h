/* What a kind of network gives nets/net.c. Not for users of the library. */
#ifndef TR_NETS_NET_PRIVATE_H
#define TR_NETS_NET_PRIVATE_H

#include "nets/net.h"

/* What is asked of a backward. w and wJ hold `probes` times the shape of x, one after the other; with params
 * or covector there is one. f has the bits of the forward. */
typedef struct {
  int64_t probes;
  const tr_array *w;        /* NULL: covector makes it */
  tr_net_covector covector; /* see nets/net.h */
  void *user;
  tr_array *f;          /* NULL: not kept */
  tr_array *wJ;         /* NULL: not wanted */
  tr_net_param *params; /* gradients to add to, as list_parameters lists them; NULL: not wanted */
} tr_net_request;

struct tr_net_type {
  const tr_drift_ops *ops; /* those of its providers */
  int (*n_parameters)(const tr_drift *drift);
  /* Names and new gradient arrays, contents undefined, of the parameters that are trained, in PyTorch's
   * order; on failure the caller destroys those that were made. */
  tr_status (*list_parameters)(tr_drift *drift, tr_net_param *params);
  /* Shapes of the request agree; those that the network takes are checked here. */
  tr_status (*backward)(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                        const tr_net_request *request);
};

extern const tr_net_type tr_net_sit, tr_net_mlp;

#endif
