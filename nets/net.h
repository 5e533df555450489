/* Networks as things to train: gradients of a scalar with respect to the parameters, and to the input, behind
 * one forward. The memory is that of one group of samples whatever the batch: a group goes forward, its
 * covectors are made from its own result, and it goes back at once; there is no tape. */
#ifndef TR_NETS_NET_H
#define TR_NETS_NET_H

#include "transport/drift.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TR_GRAD_INPUT = 1, TR_GRAD_PARAMS = 2 };

typedef struct {
  const char *name;   /* as in checkpoints; borrowed from the provider */
  tr_array *gradient; /* row-major, of the checkpoint's shape, in the network's element type */
} tr_net_param;

typedef struct tr_net_type tr_net_type; /* how it is done: private */

typedef struct tr_net {
  const tr_net_type *type;
  tr_drift *drift; /* borrowed: must outlive this */
  int n_params;
  tr_net_param *params; /* those that are trained, in PyTorch's order */
} tr_net;

/* Gradients of the parameters of a provider, all 0. TR_E_UNSUPPORTED unless the provider is itself a network,
 * a SiT or an MLP: a guide or a transfer around one is not. Close it before the provider is destroyed. */
tr_status tr_net_open(tr_drift *drift, tr_net **out);
void tr_net_close(tr_net **net); /* frees and sets *net to NULL; NULL is fine */
/* All parameter gradients = 0. */
tr_status tr_net_zero(tr_net *net);

/* w = dL/df for samples first .. first + n - 1, both (n, ...), from their network result f; a failure
 * ends the backward with its status. */
typedef tr_status (*tr_net_covector)(void *user, int64_t first, const tr_array *f, tr_array *w);

typedef struct {
  unsigned want;            /* TR_GRAD_INPUT | TR_GRAD_PARAMS, or one of them */
  const tr_array *w;        /* dL/df, of the shape of x; NULL: `covector` gives it */
  tr_net_covector covector; /* NULL when w is given */
  void *user;
  tr_array
      *f; /* the network's result, of the shape of x, bit for bit what tr_drift_eval gives; may be NULL */
  tr_array *wJ; /* dL/dx, assigned, of the shape of x; NULL unless TR_GRAD_INPUT is wanted */
} tr_net_backward_args;

/* Adds the gradient w' df/dp to params[] for every parameter p, and assigns w' df/dx to wJ. Every parameter's
 * gradient is one chain of sums over the samples in their order: a batch cut in pieces, in order, gives the
 * bits of the whole, on any number of threads. After a failure the parameter gradients are of no use. Times,
 * labels and shapes are checked as in tr_drift_eval; counted as a forward of the provider, and as a
 * vector-Jacobian product with TR_GRAD_INPUT. TR_E_ARG when `want`, w, covector and wJ contradict each other;
 * TR_E_UNSUPPORTED on a backend without the operations. */
tr_status tr_net_backward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                          const tr_net_backward_args *args);

#ifdef __cplusplus
}
#endif

#endif
