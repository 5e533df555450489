/* What pixels of a convolution's result are made of: the norm, the activation, the padding, the doubling and
 * the stride before the product. And the order in which a weight meets it. */
#include "cuda/nn/activation.cuh"
#include "cuda/nn/pictures/conv2d.h"
#include "cuda/nn/pictures/pictures.cuh"

/* STEP neighbouring columns are channels of one pixel: 4 where the channels allow it, else 1. */
template <class N, int STEP> struct gather_work {
  tr_matrix<N> x, affine, to;
  tr_picture from, result;
  tr_nn_activation pre;
  tr_nn_window window;
  int doubled; /* 1: each pixel stands for 2 x 2 */
  unsigned channels, taps;
  int64_t first;

  /* The row of x for a place of the kernel; below 0: outside. */
  __device__ __forceinline__ int64_t row_of(const tr_pixel &at, unsigned tap) const {
    const int i = at.i * window.stride + (int)(tap / window.size[1]) - window.before[0];
    const int j = at.j * window.stride + (int)(tap % window.size[1]) - window.before[1];
    if (i < 0 || j < 0 || i >= from.height << doubled || j >= from.width << doubled) return -1;
    return at.n * from.pixels + (int64_t)(i >> doubled) * from.width + (j >> doubled);
  }

  __device__ __forceinline__ void load(const tr_matrix<N> &m, int64_t row, unsigned c, N v[STEP]) const {
    if constexpr (STEP == 4)
      m.load(row, c, v);
    else
      v[0] = m.at(row, c);
  }

  __device__ __forceinline__ void piece(const tr_pixel &at, unsigned column, N v[STEP]) const {
    const unsigned tap = column / channels, c = column % channels;
    const int64_t row = tap < taps ? row_of(at, tap) : -1;
    if (row < 0) return;
    load(x, row, c, v);
    if (!affine.data) return;
    N a[STEP], b[STEP];
    load(affine, 2 * at.n, c, a);
    load(affine, 2 * at.n + 1, c, b);
    for (int i = 0; i < STEP; i++) v[i] = tr_activated(pre, tr_fma(a[i], v[i], b[i]));
  }

  __device__ __forceinline__ void operator()(int64_t r, int64_t column) const {
    const tr_pixel at = tr_pixel_of(result, first + r);
    N v[4] = {};
    for (int i = 0; i < 4; i += STEP) piece(at, (unsigned)column + i, v + i);
    to.store(r, column, v);
  }
};

template <class N, int STEP> static tr_status run(tr_ctx *ctx, const tr_cuda_gather_args *g) {
  const tr_nn_conv2d_args *a = g->args;
  const tr_nn_weight_spec *spec = &a->w->spec;
  const int64_t columns = tr_cuda_conv_columns(spec);
  tr_array to = *a->x;
  to.ndim = 2, to.shape[0] = g->n, to.shape[1] = columns, to.data = g->to;
  const gather_work<N, STEP> work = {tr_pixels_of<N>(a->x),
                                     tr_affine_of<N>(a->affine),
                                     tr_matrix_of<N>(&to),
                                     tr_picture_of(a->x),
                                     tr_picture_of(a->y),
                                     a->pre,
                                     a->window,
                                     a->doubled,
                                     (unsigned)a->x->shape[3],
                                     (unsigned)spec->taps,
                                     g->first};
  return tr_launch_quads(ctx, "a convolution", g->n, columns, work);
}

tr_status tr_cuda_gather(tr_ctx *ctx, const tr_cuda_gather_args *g) {
  const bool whole = g->args->x->shape[3] % 4 == 0;
  if (g->args->x->dtype == TR_F64) return whole ? run<double, 4>(ctx, g) : run<double, 1>(ctx, g);
  return whole ? run<float, 4>(ctx, g) : run<float, 1>(ctx, g);
}

template <class N> struct taps_work {
  const N *values;
  tr_matrix<N> to;
  int64_t in;
  unsigned channels, taps;

  __device__ __forceinline__ void operator()(int64_t row, int64_t column) const {
    N v[4] = {};
    for (int i = 0; i < 4; i++) {
      const unsigned at = (unsigned)column + i;
      if (at < in) v[i] = values[row * in + (int64_t)(at % channels) * taps + at / channels];
    }
    to.store(row, column, v);
  }
};

template <class N>
static tr_status set_taps(tr_ctx *ctx, const tr_nn_weight_spec *spec, const void *values, void *to) {
  tr_array kept = {};
  kept.dtype = spec->compute, kept.ndim = 2, kept.data = to;
  kept.shape[0] = spec->out, kept.shape[1] = tr_cuda_conv_columns(spec);
  return tr_launch_quads(ctx, "a convolution's weight", spec->out, kept.shape[1],
                         taps_work<N>{(const N *)values, tr_matrix_of<N>(&kept), spec->in,
                                      (unsigned)(spec->in / spec->taps), (unsigned)spec->taps});
}

tr_status tr_cuda_taps(tr_ctx *ctx, const tr_nn_weight_spec *spec, const void *values, void *to) {
  return spec->compute == TR_F64 ? set_taps<double>(ctx, spec, values, to)
                                 : set_taps<float>(ctx, spec, values, to);
}
