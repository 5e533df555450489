/* Pictures at another size, with the bits of the processor: compiled without contraction, sums in its order.
 * TensorFlow's rounding is met where it is asked for, of corners in f32. */
#include "cuda/nn/pictures/pictures.cuh"

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
    for (int k = 0; k < 4; k++) w[k] = (N)((A)scale * v[k] + (A)shift);
    y.store(row, c, w);
  }
};

/* ---- as TensorFlow rounds ---- */

/* Two neighbours of a place along an axis and the weight of the second. */
struct neighbours {
  int low, high;
  float part;
};
static __device__ __forceinline__ neighbours neighbours_of(int i, int in, int out) {
  const float at = (float)i * ((float)in / (float)out);
  const int low = (int)at < in - 1 ? (int)at : in - 1;
  return {low, low + 1 < in ? low + 1 : low, at - (float)low};
}

struct corner_work {
  resized<float> r;

  __device__ __forceinline__ void along(const tr_pixel &at, int row, const neighbours &b, int64_t c,
                                        float v[4]) const {
    float w[4];
    r.load(at.n, row, b.low, c, v);
    r.load(at.n, row, b.high, c, w);
    for (int k = 0; k < 4; k++) v[k] = v[k] + (w[k] - v[k]) * b.part;
  }

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    const tr_pixel at = tr_pixel_of(r.result, row);
    const neighbours i = neighbours_of(at.i, r.from.height, r.result.height);
    const neighbours j = neighbours_of(at.j, r.from.width, r.result.width);
    float v[4], w[4];
    along(at, i.low, j, c, v);
    along(at, i.high, j, c, w);
    for (int k = 0; k < 4; k++) v[k] = v[k] + (w[k] - v[k]) * i.part;
    r.store(row, c, v);
  }
};

/* ---- weighted sums along each axis, in double ---- */

/* The places of an axis of x that a place of the result's is made of: two neighbours, or those that a
 * triangle around it covers. */
struct places {
  int first, end;
  double centre, wide, sum; /* of the triangle, and of its weights */
  double part;              /* of the second neighbour */
};

static __device__ __forceinline__ places two_neighbours(double at, int in) {
  places p = {};
  if (at < 0) at = 0;
  p.first = at < (double)(in - 1) ? (int)at : in - 1;
  p.end = p.first < in - 1 ? p.first + 2 : in;
  p.part = p.first < in - 1 ? at - (double)p.first : 0;
  return p;
}

static __device__ __forceinline__ places triangle(double centre, double wide, int in) {
  places p = {};
  const double first = floor(centre - wide);
  p.centre = centre, p.wide = wide;
  p.first = first < 0 ? 0 : (int)first;
  while (p.first < in - 1 && fabs((double)p.first + 0.5 - centre) / wide >= 1) p.first++;
  for (p.end = p.first; p.end < in; p.end++) {
    const double apart = fabs((double)p.end + 0.5 - centre) / wide;
    if (apart >= 1) break;
    p.sum += 1 - apart;
  }
  return p;
}

static __device__ __forceinline__ places places_of(tr_nn_resize resize, int i, int in, int out) {
  const double ratio = (double)in / (double)out;
  if (resize == TR_NN_RESIZE_ANTIALIASED)
    return triangle(((double)i + 0.5) * ratio, ratio > 1 ? ratio : 1, in);
  return two_neighbours(resize == TR_NN_RESIZE_CORNER ? (double)i * ratio : ((double)i + 0.5) * ratio - 0.5,
                        in);
}

template <class N> struct sums_work {
  resized<N> r;
  tr_nn_resize resize;

  __device__ __forceinline__ double weight(const places &p, int k) const {
    if (resize == TR_NN_RESIZE_ANTIALIASED) return (1 - fabs((double)k + 0.5 - p.centre) / p.wide) / p.sum;
    return k == p.first ? 1 - p.part : p.part;
  }

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    const tr_pixel at = tr_pixel_of(r.result, row);
    const places down = places_of(resize, at.i, r.from.height, r.result.height);
    const places along = places_of(resize, at.j, r.from.width, r.result.width);
    double sum[4] = {}, v[4];
    for (int l = along.first; l < along.end; l++) {
      double column[4] = {};
      for (int k = down.first; k < down.end; k++) {
        const double part = weight(down, k);
        r.load(at.n, k, l, c, v);
        for (int q = 0; q < 4; q++) column[q] += part * v[q];
      }
      const double part = weight(along, l);
      for (int q = 0; q < 4; q++) sum[q] += part * column[q];
    }
    r.store(row, c, sum);
  }
};

template <class N> static resized<N> resized_of(const tr_nn_resize2d_args *a) {
  return {tr_pixels_of<N>(a->x),
          tr_pixels_of<N>(a->y),
          tr_picture_of(a->x),
          tr_picture_of(a->y),
          a->scale,
          a->shift};
}

tr_status tr_cuda_resize2d(tr_ctx *ctx, const tr_nn_resize2d_args *a) {
  const int64_t rows = a->y->shape[0] * a->y->shape[1] * a->y->shape[2], channels = a->y->shape[3];
  const char *what = "a change of size";
  if (a->y->dtype == TR_F64)
    return tr_launch_quads(ctx, what, rows, channels, sums_work<double>{resized_of<double>(a), a->resize});
  if (a->resize == TR_NN_RESIZE_CORNER)
    return tr_launch_quads(ctx, what, rows, channels, corner_work{resized_of<float>(a)});
  return tr_launch_quads(ctx, what, rows, channels, sums_work<float>{resized_of<float>(a), a->resize});
}
