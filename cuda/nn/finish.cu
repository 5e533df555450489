/* What is done behind the product of a linear layer or of a convolution where cuBLASLt does not. */
#include "cuda/nn/activation.cuh"
#include "cuda/nn/linear.h"
#include "cuda/nn/quads.cuh"

template <class N> struct finish_work {
  int64_t first, residual_rows, slope_rows;
  tr_nn_activation activation;
  tr_matrix<N> product, bias, before, slope_at;
  tr_columns<N> gate;
  tr_matrix<N> residual, y;

  __device__ __forceinline__ void operator()(int64_t r, int64_t c) const {
    const int64_t row = first + r;
    N v[4], w[4], g[4] = {};
    product.load(r, c, v);
    if (slope_at.data) {
      slope_at.load(row % slope_rows, c, w);
      for (int i = 0; i < 4; i++) v[i] *= tr_slope(activation, w[i]);
      return y.store(row, c, v);
    }
    if (bias.data) {
      bias.load(0, c, w);
      for (int i = 0; i < 4; i++) v[i] += w[i];
    }
    if (before.data) before.store(row, c, v);
    for (int i = 0; i < 4; i++) v[i] = tr_activated(activation, v[i]);
    if (gate.table.data) gate.load(row, c, g);
    if (residual.data) residual.load(row % residual_rows, c, w);
    tr_gated(v, gate.table.data, g, residual.data, w);
    y.store(row, c, v);
  }
};

template <class N> static tr_status run(tr_ctx *ctx, const tr_cuda_finish_args *a) {
  const tr_nn_linear_args *l = a->args;
  const int64_t rows = l->y->shape[0], offset = a->offset, cols = a->cols;
  tr_array product = *l->y;
  product.dtype = a->type, product.shape[0] = a->n, product.shape[1] = a->stride;
  product.data = (void *)a->product;
  return tr_launch_quads(
      ctx, a->what, a->n, cols,
      finish_work<N>{a->first, l->residual ? l->residual->shape[0] : 1,
                     l->slope_at ? l->slope_at->shape[0] : 1, l->activation,
                     tr_matrix_of<N>(&product, 0, cols), tr_row_of<N>(a->bias),
                     tr_matrix_of<N>(l->before, offset, cols), tr_matrix_of<N>(l->slope_at, offset, cols),
                     tr_columns_of<N>(l->gate, rows, cols), tr_matrix_of<N>(l->residual, offset, cols),
                     tr_matrix_of<N>(l->y, offset, cols)});
}

tr_status tr_cuda_finish(tr_ctx *ctx, const tr_cuda_finish_args *a) {
  return a->type == TR_F64 ? run<double>(ctx, a) : run<float>(ctx, a);
}
