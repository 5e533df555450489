/* What a kind of network gives nets/net.c. Not for users of the library. */
#ifndef TR_NETS_NET_PRIVATE_H
#define TR_NETS_NET_PRIVATE_H

#include "nets/net.h"

/* What is asked of a backward: passes as a provider is asked for them, or one covector a row, for which
 * passes may have a w of NULL, `covector` makes it, and a wJ of NULL, it is not wanted. f has the bits of the
 * forward. */
typedef struct {
  const tr_drift_passes *passes;
  tr_net_covector covector; /* see nets/net.h */
  void *user;
  tr_array *f;          /* NULL: not kept */
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

/* Covectors a row of pass k, and the most of all passes; `elements` of all rows of the state together. */
int64_t tr_net_probes(const tr_net_request *request, int64_t elements, int k);
int64_t tr_net_most_probes(const tr_net_request *request, int64_t elements);

extern const tr_net_type tr_net_sit, tr_net_mlp;

#endif
