/* What the networks share: linear layers with the ways back and forth through them and the gradients of their
 * parameters, views of working memory, and where weights come from. Not for users of the library. */
#ifndef TR_NETS_LAYERS_PRIVATE_H
#define TR_NETS_LAYERS_PRIVATE_H

#include "core/nn.h"
#include "nets/checkpoint/tensors.h"
#include "nets/net.h"

/* Where weights come from: fills `out` with the tensor of this name. out has the tensor's extents, those
 * behind the first flattened. */
typedef struct tr_weight_source {
  tr_status (*read)(struct tr_weight_source *source, const char *name, tr_array *out);
} tr_weight_source;

/* Weights from named tensors, converted one at a time. */
typedef struct {
  tr_weight_source base;
  tr_ctx *ctx;
  const tr_tensors *weights;
} tr_tensor_source;

tr_tensor_source tr_tensor_source_of(tr_ctx *ctx, const tr_tensors *weights);

/* A new array with the tensor of this name; on failure *out may be there and the caller destroys it. */
tr_status tr_weight_load(tr_ctx *ctx, tr_dtype dtype, tr_weight_source *source, const char *name, int ndim,
                         const int64_t *shape, tr_array **out);

typedef struct {
  char weight_name[64], bias_name[64];
  int parameter;   /* place of the weight among the gradients of a tr_net, the bias behind it */
  tr_nn_weight *w; /* (out, in) */
  tr_array *bias;  /* (out) */
} tr_layer;

/* NAME.weight (out, in), NAME.bias (out). On failure the caller clears the layer. */
tr_status tr_layer_load(tr_ctx *ctx, tr_dtype dtype, tr_weight_source *source, const char *name, int64_t out,
                        int64_t in, tr_layer *layer);
/* Weight and bias anew: the weight from f32, f64 or bf16, rounded as the layer keeps it, in its checkpoint's
 * shape or (out, in); the bias from its own type. The arrays may go after. */
tr_status tr_layer_set(tr_layer *layer, const tr_array *weight, const tr_array *bias);
int64_t tr_layer_out(const tr_layer *layer);
int64_t tr_layer_in(const tr_layer *layer);
void tr_layer_clear(tr_layer *layer);
/* y = act(x W^T + b) */
tr_status tr_layer_apply(const tr_array *x, const tr_layer *layer, tr_nn_activation activation, tr_array *y);
/* y = v W^T: forward mode. */
tr_status tr_layer_jvp(const tr_array *v, const tr_layer *layer, tr_array *y);
/* dx = dy W */
tr_status tr_layer_backward(const tr_array *dy, const tr_layer *layer, tr_array *dx);
/* Appends the gradients of weight and bias, new arrays with undefined contents, to params[*n]; the weight's
 * has the checkpoint's shape. On failure the caller destroys them. */
tr_status tr_layer_list(tr_layer *layer, int ndim, const int64_t *shape, tr_net_param *params, int *n);
/* The same of a layer whose weight is (out, in). */
tr_status tr_layer_list_matrix(tr_layer *layer, tr_net_param *params, int *n);
/* Adds what the layer's input x and the gradient behind it say of its parameters. */
tr_status tr_layer_add_gradient(const tr_layer *layer, const tr_array *x, const tr_array *dy,
                                tr_net_param *params);

/* y = act(v), elementwise; y may be v. */
tr_status tr_net_activate(tr_nn_activation activation, const tr_array *v, tr_array *y);
/* dv *= act'(v): on the way back, and of a tangent on the way forward. */
tr_status tr_net_slope(tr_nn_activation activation, const tr_array *v, tr_array *dv);
/* The front of a buffer as a matrix: a view. */
tr_array tr_net_matrix(const tr_array *buffer, int64_t rows, int64_t cols);

#endif
