/* The numbers of the reference (tests/data/goldens, see its README.md) and the small network they were made
 * with. */
#ifndef TR_TESTS_GOLDEN_H
#define TR_TESTS_GOLDEN_H

#include "core/io/npz.h"
#include "nets/net.h"
#include "transport/sampler/sampler.h"

/* All of these end the program with status 1 and a message when something is missing: without goldens there
 * is no test. */
tr_npz *golden_open(tr_ctx *ctx, const char *name); /* "ode_Linear_velocity" */
tr_array *golden_array(tr_npz *npz, const char *entry, tr_dtype dtype);
double golden_scalar(tr_ctx *ctx, tr_npz *npz, const char *entry);
/* Up to max labels from entry "y"; returns how many. */
int golden_labels(tr_ctx *ctx, tr_npz *npz, int32_t *labels, int max);
/* The network of the goldens (weights: ema), and as a provider of `kind` that owns it. */
tr_net *golden_net(tr_ctx *ctx, const tr_net_options *options);
tr_drift *golden_network(tr_ctx *ctx, tr_dtype dtype, tr_quantity kind);
/* A sampler of that network on a path, predicting so, with an ODE method at rtol = atol = 1e-9 in f64; the
 * caller destroys its drift. */
tr_sampler golden_sampler(tr_ctx *ctx, const char *path, const char *prediction, const char *method);
/* Calls check for all nine path x prediction pairs of the goldens, CVODE and dopri5 in turn. */
void golden_pairs(tr_ctx *ctx,
                  void (*check)(tr_ctx *ctx, const char *path, const char *prediction, const char *method));
/* max |a - b| / max |b| of an array and a golden entry. */
double golden_difference(tr_npz *npz, const char *entry, const tr_array *a);

#endif
