/* What networks are made of: linear layers with the ways back and forth through them and the gradients of
 * their parameters, views of working memory. For those who write a network
 * (nets/network.h). */
#ifndef TR_NETS_LAYERS_LAYERS_H
#define TR_NETS_LAYERS_LAYERS_H

#include "core/nn/nn.h"
#include "core/params.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One entry of a network's list, on the device: a layer y = x W^T + b, a convolution, or a table. Where the
 * network keeps its parameters, bias and table are views of these. */
typedef struct {
  tr_nn_weight *w; /* (out, in), of a layer or, with its taps in `in`, a convolution */
  tr_array bias;   /* (out); empty: there is none */
  tr_array table;  /* as rows of the entry's last extent */
  tr_array *held;  /* the memory of bias or table when it is the layer's own */
  int parameter;   /* number of the weight or table among the parameters, the bias behind it */
} tr_layer;

/* Where gradients of parameters go: an array of their layout. */
typedef struct {
  const tr_params *params;
  tr_array *array;
} tr_net_gradient;

/* y = act(x W^T + b) */
TR_API tr_status tr_layer_apply(const tr_array *x, const tr_layer *layer, tr_nn_activation activation,
                                tr_array *y);
/* y = v W^T: forward mode. */
TR_API tr_status tr_layer_jvp(const tr_array *v, const tr_layer *layer, tr_array *y);
/* dx = dy W */
TR_API tr_status tr_layer_backward(const tr_array *dy, const tr_layer *layer, tr_array *dx);
/* dv = (dy W) act'(v): through the activation of v before the layer, too. v has as many rows as dv, or those
 * of dv use it in turn. */
TR_API tr_status tr_layer_backward_act(const tr_array *dy, const tr_layer *layer, tr_nn_activation activation,
                                       const tr_array *v, tr_array *dv);
/* Adds what the layer's input x and the gradient behind it say of its parameters. */
TR_API tr_status tr_layer_add_gradient(const tr_layer *layer, const tr_array *x, const tr_array *dy,
                                       const tr_net_gradient *gradient);
/* Where the gradient of a table goes: (rows, columns). */
TR_API tr_array tr_layer_table_gradient(const tr_layer *layer, const tr_net_gradient *gradient);

/* Its bias; NULL: there is none. */
TR_API const tr_array *tr_layer_bias(const tr_layer *layer);
TR_API int64_t tr_layer_out(const tr_layer *layer);
TR_API int64_t tr_layer_in(const tr_layer *layer);
/* Frees what the layer holds. */
TR_API void tr_layer_clear(tr_layer *layer);

/* y = act(v), elementwise; y may be v. */
TR_API tr_status tr_net_activate(tr_nn_activation activation, const tr_array *v, tr_array *y);
/* dv *= act'(v): on the way back, and of a tangent on the way forward. */
TR_API tr_status tr_net_slope(tr_nn_activation activation, const tr_array *v, tr_array *dv);
/* The front of a buffer as a matrix: a view. */
TR_API tr_array tr_net_matrix(const tr_array *buffer, int64_t rows, int64_t cols);

#ifdef __cplusplus
}
#endif

#endif
