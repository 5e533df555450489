/* Pictures at another size. Compiled without contraction, so that TensorFlow's rounding is met. */
#include "cuda/nn/pictures/pictures.cuh"

/* Two neighbours of a place along an axis and the weight of the second. */
template <class A> struct between {
  int low, high;
  A part;
};

/* CORNER computes in the type of the pictures as TensorFlow does, CENTRE in double. */
template <class A, bool CORNER>
static __device__ __forceinline__ between<A> between_of(int i, int in, int out) {
  const A ratio = (A)in / (A)out;
  A at = CORNER ? (A)i * ratio : ((A)i + A(0.5)) * ratio - A(0.5);
  if (at < 0) at = 0;
  between<A> b;
  b.low = (int)at < in - 1 ? (int)at : in - 1;
  b.high = b.low + 1 < in ? b.low + 1 : in - 1;
  b.part = at - (A)b.low;
  return b;
}

template <class N> struct resized {
  tr_matrix<N> x, y;
  tr_picture from, result;
  double scale, shift;

  template <class A> __device__ __forceinline__ void load(int64_t n, int i, int j, int64_t c, A v[4]) const {
    N w[4];
    x.load(n * from.pixels + (int64_t)i * from.width + j, c, w);
    for (int k = 0; k < 4; k++) v[k] = (A)w[k];
  }
  template <class A> __device__ __forceinline__ void store(int64_t row, int64_t c, const A v[4]) const {
    N w[4];
    for (int k = 0; k < 4; k++) w[k] = (N)(scale * (double)v[k] + shift);
    y.store(row, c, w);
  }
};

template <class N, class A, bool CORNER> struct bilinear_work {
  resized<N> r;

  /* Between two neighbours of a row, as TensorFlow writes it. */
  __device__ __forceinline__ void along(const tr_pixel &at, int row, const between<A> &b, int64_t c,
                                        A v[4]) const {
    A w[4];
    r.load(at.n, row, b.low, c, v);
    r.load(at.n, row, b.high, c, w);
    for (int k = 0; k < 4; k++) v[k] = v[k] + (w[k] - v[k]) * b.part;
  }

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    const tr_pixel at = tr_pixel_of(r.result, row);
    const between<A> i = between_of<A, CORNER>(at.i, r.from.height, r.result.height);
    const between<A> j = between_of<A, CORNER>(at.j, r.from.width, r.result.width);
    A v[4], w[4];
    along(at, i.low, j, c, v);
    along(at, i.high, j, c, w);
    for (int k = 0; k < 4; k++) v[k] = v[k] + (w[k] - v[k]) * i.part;
    r.store(row, c, v);
  }
};

/* The pixels of an axis that a triangle around a place covers, and their weights. */
struct triangle {
  double centre, wide;
  int first, end;

  __device__ __forceinline__ double weight(int k) const {
    const double d = fabs((double)k + 0.5 - centre) / wide;
    return d < 1 ? 1 - d : 0;
  }
};
static __device__ __forceinline__ triangle triangle_of(int i, int in, int out) {
  const double ratio = (double)in / (double)out;
  triangle t;
  t.wide = ratio > 1 ? ratio : 1, t.centre = ((double)i + 0.5) * ratio;
  const double first = floor(t.centre - t.wide - 0.5), end = ceil(t.centre + t.wide + 0.5);
  t.first = first < 0 ? 0 : (int)first, t.end = end > (double)in ? in : (int)end;
  return t;
}

template <class N> struct antialiased_work {
  resized<N> r;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    const tr_pixel at = tr_pixel_of(r.result, row);
    const triangle i = triangle_of(at.i, r.from.height, r.result.height);
    const triangle j = triangle_of(at.j, r.from.width, r.result.width);
    double sum[4] = {}, weights = 0, v[4];
    for (int k = i.first; k < i.end; k++)
      for (int l = j.first; l < j.end; l++) {
        const double weight = i.weight(k) * j.weight(l);
        if (weight == 0) continue;
        r.load(at.n, k, l, c, v);
        weights += weight;
        for (int q = 0; q < 4; q++) sum[q] += weight * v[q];
      }
    for (int q = 0; q < 4; q++) sum[q] /= weights;
    r.store(row, c, sum);
  }
};

template <class N> static tr_status run(tr_ctx *ctx, const tr_nn_resize2d_args *a) {
  const resized<N> r = {tr_pixels_of<N>(a->x),
                        tr_pixels_of<N>(a->y),
                        tr_picture_of(a->x),
                        tr_picture_of(a->y),
                        a->scale,
                        a->shift};
  const int64_t rows = a->y->shape[0] * r.result.pixels, channels = a->y->shape[3];
  const char *what = "a change of size";
  if (a->resize == TR_NN_RESIZE_ANTIALIASED)
    return tr_launch_quads(ctx, what, rows, channels, antialiased_work<N>{r});
  if (a->resize == TR_NN_RESIZE_CENTRE)
    return tr_launch_quads(ctx, what, rows, channels, bilinear_work<N, double, false>{r});
  return tr_launch_quads(ctx, what, rows, channels, bilinear_work<N, N, true>{r});
}

tr_status tr_cuda_resize2d(tr_ctx *ctx, const tr_nn_resize2d_args *a) {
  return a->y->dtype == TR_F64 ? run<double>(ctx, a) : run<float>(ctx, a);
}
