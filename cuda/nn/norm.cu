/* Layer norms: forward, backward, tangent and gradients. */
#include "cuda/nn/columns.cuh"
#include "cuda/nn/norm.cuh"

/* ---- y = norm(x) (1 + scale) + shift ---- */

template <class N> struct modulate_work {
  tr_matrix<N> x;
  tr_columns<N> shift, scale;
  N eps;
  tr_matrix<N> y;

  template <int KEPT, bool WIDE>
  __device__ __forceinline__ void operator()(tr_normed<N, KEPT, WIDE> &team, int64_t row) const {
    const auto load = [&](int64_t c, N v[4]) { x.load(row, c, v); };
    team.measure(eps, load, load);
    team.modulate(row, load, shift, scale, y);
  }
};

template <class N> static tr_status run_modulate(tr_ctx *ctx, const tr_nn_norm_modulate_args *a) {
  const int64_t rows = a->y->shape[0], cols = a->y->shape[1];
  return tr_launch_norm<N>(ctx, "a layer norm", rows, cols,
                           modulate_work<N>{tr_matrix_of<N>(a->x), tr_columns_of<N>(a->shift, rows, cols),
                                            tr_columns_of<N>(a->scale, rows, cols), (N)a->eps,
                                            tr_matrix_of<N>(a->y)});
}

tr_status tr_cuda_norm_modulate(tr_ctx *ctx, const tr_nn_norm_modulate_args *a) {
  return a->x->dtype == TR_F64 ? run_modulate<double>(ctx, a) : run_modulate<float>(ctx, a);
}

/* ---- through the norm, back or forward ---- */

/* out = residual + (g - mean g - z mean(g z)) / s (1 + behind), z = (x - mean) / s, g = v (1 + before). */
template <class N> struct through_work {
  tr_matrix<N> x;
  int64_t given; /* rows of x, and behind the tables */
  N eps;
  tr_matrix<N> v;
  tr_columns<N> before, behind; /* may be absent, as the residual */
  tr_matrix<N> residual, out;

  __device__ __forceinline__ void load_g(int64_t row, int64_t c, N g[4]) const {
    N scale[4];
    v.load(row, c, g);
    if (!before.table.data) return;
    before.load(row % given, c, scale);
    for (int i = 0; i < 4; i++) g[i] *= 1 + scale[i];
  }

  __device__ __forceinline__ void finish(int64_t row, int64_t c, N d[4]) const {
    N more[4];
    if (behind.table.data) {
      behind.load(row % given, c, more);
      for (int i = 0; i < 4; i++) d[i] *= 1 + more[i];
    }
    if (residual.data) {
      residual.load(row, c, more);
      for (int i = 0; i < 4; i++) d[i] += more[i];
    }
    out.store(row, c, d);
  }

  template <int KEPT, bool WIDE>
  __device__ __forceinline__ void operator()(tr_normed<N, KEPT, WIDE> &team, int64_t row) const {
    const auto load = [&](int64_t c, N a[4]) { x.load(row % given, c, a); };
    const auto slope = [&](int64_t c, N g[4]) { load_g(row, c, g); }; /* 0 past the end */
    typename tr_normed<N, KEPT, WIDE>::quads slopes;
    N sum = 0, product = 0;
    if constexpr (KEPT > 0)
      team.each([&](int k, int64_t c) { slope(c, slopes[k]); }); /* comes while x does */
    team.measure(eps, load, load);
    team.each([&](int k, int64_t c) {
      N a[4], g[4];
      team.get(team.kept, k, c, load, a);
      team.get(slopes, k, c, slope, g);
      for (int i = 0; i < 4; i++) sum += g[i], product = tr_fma(g[i], a[i] - team.mean, product);
    });
    sum = team.sum(sum) / (N)team.cols;
    product = team.sum(product) * (team.inverse * team.inverse) / (N)team.cols;
    team.each([&](int k, int64_t c) {
      N a[4], g[4];
      team.get(team.kept, k, c, load, a);
      team.get(slopes, k, c, slope, g);
      for (int i = 0; i < 4; i++) g[i] = team.inverse * (g[i] - sum - (a[i] - team.mean) * product);
      finish(row, c, g);
    });
  }
};

template <class N> static tr_status run_backward(tr_ctx *ctx, const tr_nn_norm_backward_args *a) {
  const int64_t rows = a->dx->shape[0], cols = a->dx->shape[1], given = a->x->shape[0];
  const tr_columns<N> none = {};
  return tr_launch_norm<N>(ctx, "the backward of a layer norm", rows, cols,
                           through_work<N>{tr_matrix_of<N>(a->x), given, (N)a->eps, tr_matrix_of<N>(a->dy),
                                           tr_columns_of<N>(a->scale, given, cols), none,
                                           tr_matrix_of<N>(a->residual), tr_matrix_of<N>(a->dx)});
}

tr_status tr_cuda_norm_backward(tr_ctx *ctx, const tr_nn_norm_backward_args *a) {
  return a->x->dtype == TR_F64 ? run_backward<double>(ctx, a) : run_backward<float>(ctx, a);
}

template <class N> static tr_status run_jvp(tr_ctx *ctx, const tr_nn_norm_jvp_args *a) {
  const int64_t rows = a->y->shape[0], cols = a->y->shape[1];
  const tr_columns<N> none = {};
  const tr_matrix<N> nothing = {};
  return tr_launch_norm<N>(ctx, "the tangent of a layer norm", rows, cols,
                           through_work<N>{tr_matrix_of<N>(a->x), rows, (N)a->eps, tr_matrix_of<N>(a->v),
                                           none, tr_columns_of<N>(a->scale, rows, cols), nothing,
                                           tr_matrix_of<N>(a->y)});
}

tr_status tr_cuda_norm_jvp(tr_ctx *ctx, const tr_nn_norm_jvp_args *a) {
  return a->x->dtype == TR_F64 ? run_jvp<double>(ctx, a) : run_jvp<float>(ctx, a);
}

/* ---- gradients of shift and scale: mean and deviation of each row, then sums of columns ---- */

template <class N> struct measure_work {
  tr_matrix<N> x;
  N eps;
  N *found; /* (R, 2): mean, one over the deviation */

  template <int KEPT, bool WIDE>
  __device__ __forceinline__ void operator()(tr_normed<N, KEPT, WIDE> &team, int64_t row) const {
    const auto load = [&](int64_t c, N v[4]) { x.load(row, c, v); };
    team.measure(eps, load, load);
    if (threadIdx.x % (WIDE ? TR_NORM_WIDE : 32) > 0) return;
    found[2 * row] = team.mean;
    found[2 * row + 1] = team.inverse;
  }
};

template <class N> struct norm_terms {
  enum { SUMS = 2 };
  tr_matrix<N> x, dy;
  const N *found;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c, N sum[SUMS]) const {
    const N d = dy.at(row, c);
    sum[0] += d;
    sum[1] = tr_fma(d, (x.at(row, c) - found[2 * row]) * found[2 * row + 1], sum[1]);
  }
};

template <class N> static tr_status run_gradient(tr_ctx *ctx, const tr_nn_gradient_of_norm_args *a) {
  const int64_t rows = a->x->shape[0], cols = a->x->shape[1];
  void *found;
  TR_TRY(tr_cuda_scratch(ctx, (size_t)rows * 2 * sizeof(N), &found));
  TR_TRY(tr_launch_norm<N>(ctx, "the gradient of a layer norm", rows, cols,
                           measure_work<N>{tr_matrix_of<N>(a->x), (N)a->eps, (N *)found}));
  const tr_matrix<N> sums[] = {tr_matrix_of<N>(a->table, a->shift, cols),
                               tr_matrix_of<N>(a->table, a->scale, cols)};
  return tr_launch_columns(ctx, "the gradient of a layer norm", rows, a->table->shape[0],
                           norm_terms<N>{tr_matrix_of<N>(a->x), tr_matrix_of<N>(a->dy), (const N *)found},
                           sums);
}

tr_status tr_cuda_gradient_of_norm(tr_ctx *ctx, const tr_nn_gradient_of_norm_args *a) {
  return a->x->dtype == TR_F64 ? run_gradient<double>(ctx, a) : run_gradient<float>(ctx, a);
}
