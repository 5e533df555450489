/* Pools: of the pixels of the picture, in their order; those added have no part in them. */
#include "cuda/nn/pictures/pictures.cuh"

template <class N> struct pool_work {
  tr_matrix<N> x, y;
  tr_picture from, result;
  tr_nn_window window;
  bool mean;

  __device__ __forceinline__ void meet(N all[4], const N v[4]) const {
    for (int i = 0; i < 4; i++)
      if (mean)
        all[i] += v[i];
      else
        all[i] = v[i] > all[i] || v[i] != v[i] ? v[i] : all[i];
  }

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    const tr_pixel at = tr_pixel_of(result, row);
    const int top = at.i * window.stride - window.before[0], left = at.j * window.stride - window.before[1];
    const int above = top < 0 ? 0 : top, before = left < 0 ? 0 : left;
    const int below = top + window.size[0] < from.height ? top + window.size[0] : from.height;
    const int behind = left + window.size[1] < from.width ? left + window.size[1] : from.width;
    N all[4], v[4];
    for (int i = 0; i < 4; i++) all[i] = mean ? N(0) : N(-INFINITY);
    for (int i = above; i < below; i++)
      for (int j = before; j < behind; j++) {
        x.load(at.n * from.pixels + (int64_t)i * from.width + j, c, v);
        meet(all, v);
      }
    if (mean)
      for (int i = 0; i < 4; i++) all[i] /= (N)((below - above) * (behind - before));
    y.store(row, c, all);
  }
};

template <class N> static tr_status run(tr_ctx *ctx, const tr_nn_pool2d_args *a) {
  const tr_picture result = tr_picture_of(a->y);
  const int64_t channels = a->x->shape[3];
  return tr_launch_quads(ctx, "a pooling", a->y->shape[0] * result.pixels, channels,
                         pool_work<N>{tr_pixels_of<N>(a->x), tr_pixels_of<N>(a->y, a->first, channels),
                                      tr_picture_of(a->x), result, a->window, a->pool == TR_NN_POOL_MEAN});
}

tr_status tr_cuda_pool2d(tr_ctx *ctx, const tr_nn_pool2d_args *a) {
  return a->y->dtype == TR_F64 ? run<double>(ctx, a) : run<float>(ctx, a);
}
