/* Gates, activations and their slopes: four neighbours a thread. And the gradient of gates. */
#include "cuda/nn/activation.cuh"
#include "cuda/nn/columns.cuh"

template <class N> struct gate_work {
  tr_matrix<N> x;
  tr_columns<N> gate;
  tr_matrix<N> residual, y;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N v[4], g[4], r[4] = {};
    x.load(row, c, v);
    gate.load(row, c, g);
    if (residual.data) residual.load(row, c, r);
    tr_gated(v, true, g, residual.data, r);
    y.store(row, c, v);
  }
};

template <class N> static tr_status run_gate(tr_ctx *ctx, const tr_nn_gate_args *a) {
  const int64_t rows = a->y->shape[0], cols = a->y->shape[1];
  return tr_launch_quads(ctx, "a gate", rows, cols,
                         gate_work<N>{tr_matrix_of<N>(a->x), tr_columns_of<N>(a->gate, rows, cols),
                                      tr_matrix_of<N>(a->residual), tr_matrix_of<N>(a->y)});
}

tr_status tr_cuda_gate(tr_ctx *ctx, const tr_nn_gate_args *a) {
  return a->y->dtype == TR_F64 ? run_gate<double>(ctx, a) : run_gate<float>(ctx, a);
}

template <class N> struct activation_work {
  tr_nn_activation activation;
  tr_matrix<N> v, y;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N a[4];
    v.load(row, c, a);
    for (int i = 0; i < 4; i++) a[i] = tr_activated(activation, a[i]);
    y.store(row, c, a);
  }
};

template <class N> static tr_status run_activate(tr_ctx *ctx, const tr_nn_activate_args *a) {
  return tr_launch_quads(ctx, "an activation", a->y->shape[0], a->y->shape[1],
                         activation_work<N>{a->activation, tr_matrix_of<N>(a->v), tr_matrix_of<N>(a->y)});
}

tr_status tr_cuda_activate(tr_ctx *ctx, const tr_nn_activate_args *a) {
  return a->y->dtype == TR_F64 ? run_activate<double>(ctx, a) : run_activate<float>(ctx, a);
}

template <class N> struct slope_work {
  tr_nn_activation activation;
  int64_t given; /* rows of v */
  tr_matrix<N> v, dy, dv;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N a[4], d[4];
    v.load(row % given, c, a);
    dy.load(row, c, d);
    for (int i = 0; i < 4; i++) d[i] *= tr_slope(activation, a[i]);
    dv.store(row, c, d);
  }
};

template <class N> static tr_status run_slope(tr_ctx *ctx, const tr_nn_activation_backward_args *a) {
  return tr_launch_quads(ctx, "the backward of an activation", a->dv->shape[0], a->dv->shape[1],
                         slope_work<N>{a->activation, a->v->shape[0], tr_matrix_of<N>(a->v),
                                       tr_matrix_of<N>(a->dy), tr_matrix_of<N>(a->dv)});
}

tr_status tr_cuda_activation_backward(tr_ctx *ctx, const tr_nn_activation_backward_args *a) {
  return a->dv->dtype == TR_F64 ? run_slope<double>(ctx, a) : run_slope<float>(ctx, a);
}

template <class N> struct gate_terms {
  enum { SUMS = 1 };
  tr_matrix<N> x, dy;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c, N sum[SUMS]) const {
    sum[0] = tr_fma(x.at(row, c), dy.at(row, c), sum[0]);
  }
};

template <class N> static tr_status run_gradient(tr_ctx *ctx, const tr_nn_gradient_of_gate_args *a) {
  const tr_matrix<N> sum[] = {tr_matrix_of<N>(a->dgate, a->offset, a->x->shape[1])};
  return tr_launch_columns(ctx, "the gradient of a gate", a->x->shape[0], a->dgate->shape[0],
                           gate_terms<N>{tr_matrix_of<N>(a->x), tr_matrix_of<N>(a->dy)}, sum);
}

tr_status tr_cuda_gradient_of_gate(tr_ctx *ctx, const tr_nn_gradient_of_gate_args *a) {
  return a->dgate->dtype == TR_F64 ? run_gradient<double>(ctx, a) : run_gradient<float>(ctx, a);
}
