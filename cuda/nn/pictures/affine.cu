/* Maps of channels. */
#include "cuda/nn/activation.cuh"
#include "cuda/nn/pictures/pictures.cuh"

template <class N> struct affine_work {
  tr_matrix<N> x, affine, y;
  tr_nn_activation activation;
  int64_t pixels;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    const int64_t n = row / pixels;
    N v[4], a[4], b[4];
    x.load(row, c, v);
    affine.load(2 * n, c, a);
    affine.load(2 * n + 1, c, b);
    for (int i = 0; i < 4; i++) v[i] = tr_activated(activation, tr_fma(a[i], v[i], b[i]));
    y.store(row, c, v);
  }
};

template <class N> static tr_status run(tr_ctx *ctx, const tr_nn_affine_args *a) {
  const int64_t pixels = a->x->shape[1] * a->x->shape[2];
  return tr_launch_quads(ctx, "an affine map of channels", a->x->shape[0] * pixels, a->x->shape[3],
                         affine_work<N>{tr_pixels_of<N>(a->x), tr_affine_of<N>(a->affine),
                                        tr_pixels_of<N>(a->y), a->activation, pixels});
}

tr_status tr_cuda_affine(tr_ctx *ctx, const tr_nn_affine_args *a) {
  return a->y->dtype == TR_F64 ? run<double>(ctx, a) : run<float>(ctx, a);
}
