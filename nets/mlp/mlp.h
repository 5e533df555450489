/* A small perceptron with a time, for densities of few dimensions, as a drift provider. Rows x (N, dim), D
 * the width, e(t) the sinusoidal embedding: cosines, then sines, of t exp(-ln(10000) j / half), j < half:
 *
 *   c   = silu(time_in(e(t)) + labels[y])        without a label table: silu(time_in(e(t)))
 *   h_0 = x_in(x) + c,   h_{i+1} = layers.i(silu(h_i)),   f = out(silu(h_depth))
 *
 * Its tensors: x_in.weight (D, dim), x_in.bias (D), time_in.weight (D, frequencies), time_in.bias (D),
 * layers.I.weight (D, D) and layers.I.bias (D) for I = 0 .. depth - 1, out.weight (dim, D), out.bias (dim),
 * and, in a network with classes, labels.weight (classes, D), whose last row may be the null class.
 *
 * As a module of PyTorch that makes its parts in this order lists them; so does tr_net_open (nets/net.h). */
#ifndef TR_NETS_MLP_MLP_H
#define TR_NETS_MLP_MLP_H

#include "nets/checkpoint/tensors.h"
#include "transport/drift.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int dim, hidden, depth;
  int time_frequencies; /* width of the embedding, even */
  int num_classes;      /* without the null class; 0: unconditional */
  int null_class;       /* = num_classes when the label table has that row, else -1 */
} tr_mlp_config;

/* The configuration that the tensors spell out. declared_classes >= 0: the label table has that many rows, or
 * one more for the null class; 0: unknown, the last row is the null class. Missing or unknown tensors and
 * shapes that do not fit are TR_E_SHAPE naming the tensor. */
tr_status tr_mlp_config_infer(tr_ctx *ctx, const tr_tensors *weights, int declared_classes,
                              tr_mlp_config *out);

/* A network in dtype f32 or f64 on the context's device, its weights copied from `weights` (checked as above,
 * and finite): those of a checkpoint, or host arrays (tr_tensor_of_f64). Its drift provider predicts `kind`,
 * has forward, products with covectors (several behind one forward) and vectors. Rows never depend on the
 * batch or the threads. Destroy with tr_drift_destroy. */
tr_status tr_mlp_create(tr_ctx *ctx, const tr_tensors *weights, int declared_classes, tr_dtype dtype,
                        tr_quantity kind, tr_drift **out);

const tr_mlp_config *tr_mlp_config_of(const tr_drift *drift); /* NULL if the provider is not an MLP */

#ifdef __cplusplus
}
#endif

#endif
