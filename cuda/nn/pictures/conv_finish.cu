/* What is done behind the product of a convolution where cuBLASLt does not; and maps of channels alone. */
#include "cuda/nn/activation.cuh"
#include "cuda/nn/pictures/conv2d.h"
#include "cuda/nn/pictures/pictures.cuh"

template <class N> struct conv_finish_work {
  tr_matrix<N> product, bias, residual, y;
  tr_nn_activation activation;
  int64_t first;

  __device__ __forceinline__ void operator()(int64_t r, int64_t c) const {
    N v[4], w[4];
    product.load(r, c, v);
    if (bias.data) {
      bias.load(0, c, w);
      for (int i = 0; i < 4; i++) v[i] += w[i];
    }
    for (int i = 0; i < 4; i++) v[i] = tr_activated(activation, v[i]);
    if (residual.data) {
      residual.load(first + r, c, w);
      for (int i = 0; i < 4; i++) v[i] += w[i];
    }
    y.store(first + r, c, v);
  }
};

template <class N> static tr_status run_finish(tr_ctx *ctx, const tr_cuda_conv_finish_args *f) {
  const tr_nn_conv2d_args *a = f->args;
  const int64_t out = a->w->spec.out;
  tr_array product = *a->y;
  product.ndim = 2, product.shape[0] = f->n, product.shape[1] = f->stride, product.data = (void *)f->product;
  const conv_finish_work<N> work = {tr_matrix_of<N>(&product, 0, out),
                                    tr_row_of<N>(f->bias),
                                    tr_pixels_of<N>(f->residual, a->first, out),
                                    tr_pixels_of<N>(a->y, a->first, out),
                                    a->activation,
                                    f->first};
  return tr_launch_quads(ctx, "a convolution", f->n, out, work);
}

tr_status tr_cuda_conv_finish(tr_ctx *ctx, const tr_cuda_conv_finish_args *f) {
  return f->args->y->dtype == TR_F64 ? run_finish<double>(ctx, f) : run_finish<float>(ctx, f);
}

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

template <class N> static tr_status run_affine(tr_ctx *ctx, const tr_nn_affine_args *a) {
  const int64_t pixels = a->x->shape[1] * a->x->shape[2];
  return tr_launch_quads(ctx, "an affine map of channels", a->x->shape[0] * pixels, a->x->shape[3],
                         affine_work<N>{tr_pixels_of<N>(a->x), tr_affine_of<N>(a->affine),
                                        tr_pixels_of<N>(a->y), a->activation, pixels});
}

tr_status tr_cuda_affine(tr_ctx *ctx, const tr_nn_affine_args *a) {
  return a->y->dtype == TR_F64 ? run_affine<double>(ctx, a) : run_affine<float>(ctx, a);
}
