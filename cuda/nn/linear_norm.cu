/* A linear layer and the norm of what it gave: the product, then one pass over the residual stream. */
#include "cuda/nn/linear.h"
#include "cuda/nn/norm.cuh"

template <class N>
static tr_status run(tr_ctx *ctx, const tr_nn_linear_norm_args *a, const tr_cuda_layer_product &p) {
  const int64_t rows = a->norm.y->shape[0], cols = a->norm.y->shape[1];
  tr_array product = *a->linear.y;
  product.dtype = p.type, product.data = (void *)p.product;
  tr_gated_norm<N> work = {};
  work.product = tr_matrix_of<N>(&product), work.bias = tr_row_of<N>(p.bias);
  work.residual = tr_matrix_of<N>(a->linear.residual), work.x = tr_matrix_of<N>(a->linear.y);
  work.gate = tr_columns_of<N>(a->linear.gate, rows, cols);
  work.shift = tr_columns_of<N>(a->norm.shift, rows, cols);
  work.scale = tr_columns_of<N>(a->norm.scale, rows, cols);
  work.given = a->linear.residual ? a->linear.residual->shape[0] : 1;
  work.eps = (N)a->norm.eps, work.y = tr_matrix_of<N>(a->norm.y);
  return tr_launch_norm<N>(ctx, "a linear layer and a norm", rows, cols, work);
}

tr_status tr_cuda_linear_norm(tr_ctx *ctx, const tr_nn_linear_norm_args *a) {
  if (a->norm.y->count == 0) return TR_OK;
  if (a->linear.activation != TR_NN_IDENTITY) { /* no network has one between the two */
    TR_TRY(tr_cuda_linear(ctx, &a->linear));
    return tr_cuda_norm_modulate(ctx, &a->norm);
  }
  tr_cuda_layer_product product = {};
  product.args = &a->linear, product.apart = true;
  TR_TRY(tr_cuda_product_of_layer(ctx, &product));
  return a->linear.y->dtype == TR_F64 ? run<double>(ctx, a, product) : run<float>(ctx, a, product);
}
