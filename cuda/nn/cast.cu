/* Copies in another type, four neighbours a thread. */
#include "cuda/nn/linear.h"
#include "cuda/nn/quads.cuh"

template <class N> static tr_matrix<N> matrix(tr_dtype type, const void *data, int64_t rows, int64_t cols) {
  tr_array a = {};
  a.dtype = type, a.ndim = 2, a.shape[0] = rows, a.shape[1] = cols, a.data = (void *)data;
  return tr_matrix_of<N>(&a);
}

/* So that rounding it again, to bf16, gives what rounding v once does: it is odd where it is not exact. */
static __device__ __forceinline__ float to_odd(double v) {
  float f = (float)v;
  if ((double)f == v || v != v) return f;
  unsigned bits;
  memcpy(&bits, &f, sizeof bits);
  if (fabs((double)f) > fabs(v)) bits--;
  bits |= 1;
  memcpy(&f, &bits, sizeof f);
  return f;
}

template <class N, class M> struct cast_work {
  tr_matrix<N> from;
  tr_matrix<M> to;
  int64_t rows;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N v[4] = {};
    M w[4];
    if (row < rows) from.load(row, c, v);
    for (int i = 0; i < 4; i++)
      if constexpr (sizeof(N) > sizeof(M))
        w[i] = to.half ? to_odd(v[i]) : (M)v[i];
      else
        w[i] = v[i];
    to.store(row, c, w);
  }
};

template <class N, class M> static tr_status run(tr_ctx *ctx, const tr_cuda_cast_args *a) {
  const tr_matrix<N> from = matrix<N>(a->from_type, a->from, a->rows, a->cols);
  const tr_matrix<M> to = matrix<M>(a->to_type, a->to, a->all, a->cols);
  return tr_launch_quads(ctx, "a copy in another type", a->all, a->cols, cast_work<N, M>{from, to, a->rows});
}

tr_status tr_cuda_cast(tr_ctx *ctx, const tr_cuda_cast_args *a) {
  if (a->from_type == TR_F64)
    return a->to_type == TR_F64 ? run<double, double>(ctx, a) : run<double, float>(ctx, a);
  return a->to_type == TR_F64 ? run<float, double>(ctx, a) : run<float, float>(ctx, a);
}
