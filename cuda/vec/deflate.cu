/* Deflation, the step of hutch++ between its products: a block a row, in the order of core/cpu/vec_deflate.c.
 * A thread reads and writes the same elements of all vectors, so only sums need the block to meet. */
#include "cuda/launch.h"

enum { THREADS = 256 };

template <class T> struct deflation {
  int64_t basis, first, rows, n; /* rows: between a vector of a row and the next of it */
  const T *given, *images;
  T *deflated, *numbers;
};

/* Where these are: between two replays of a recording they may have moved. */
template <class T> struct places {
  tr_moving<const T> given, images;
  tr_moving<T> deflated, numbers;
};

/* Vector k of the block's row in a stack of them. */
template <class T, class V> static __device__ V *vector(const deflation<T> &d, V *stack, int64_t k) {
  return stack + (k * d.rows + d.first + blockIdx.x) * d.n;
}

template <class T> static __device__ double dot(const deflation<T> &d, const T *x, const T *y, double *part) {
  double sum = 0;
  for (int64_t e = threadIdx.x; e < d.n; e += THREADS) sum += (double)x[e] * (double)y[e];
  __syncthreads(); /* part may be in use */
  return tr_block_sum(sum, part);
}

/* z = x + b y */
template <class T> static __device__ void add(const deflation<T> &d, const T *x, double b, const T *y, T *z) {
  for (int64_t e = threadIdx.x; e < d.n; e += THREADS) z[e] = (T)(1 * (double)x[e] + b * (double)y[e]);
}

/* v -= Q Q' v, twice, Q the first k vectors. */
template <class T> static __device__ void project(const deflation<T> &d, int64_t k, T *v, double *part) {
  for (int pass = 0; pass < 2; pass++)
    for (int64_t j = 0; j < k; j++) {
      const T *q = vector(d, d.deflated, j);
      add(d, v, -dot(d, q, (const T *)v, part), q, v);
    }
}

template <class T> static __device__ double shift(const deflation<T> &d, double *part) {
  double sum = 0;
  for (int64_t k = 0; k < d.basis; k++) sum += dot(d, vector(d, d.given, k), vector(d, d.images, k), part);
  return sum / ((double)d.basis * (double)d.n);
}

/* Vector k of the basis, and whether it is one. */
template <class T>
static __device__ bool add_to_basis(const deflation<T> &d, int64_t k, double c, double *part) {
  const T *image = vector(d, d.images, k);
  T *q = vector(d, d.deflated, k);
  add(d, image, -c, vector(d, d.given, k), q);
  project(d, k, q, part);
  const double length = sqrt(dot(d, (const T *)q, (const T *)q, part));
  const bool counts = length > TR_DEFLATE_DEPENDENT * sqrt(dot(d, image, image, part));
  for (int64_t e = threadIdx.x; e < d.n; e += THREADS) q[e] = counts ? (T)((double)q[e] / length) : (T)0;
  return counts;
}

/* 4 blocks of a processor: for more of them, which ptxas would choose, registers do not suffice. */
template <class T>
static __global__ __launch_bounds__(THREADS, 4) void deflate(deflation<T> d, places<T> at) {
  __shared__ double part[32];
  d.given = at.given.get(), d.images = at.images.get();
  d.deflated = at.deflated.get(), d.numbers = at.numbers.get();
  const double c = shift(d, part);
  int64_t rank = 0;
  for (int64_t k = 0; k < d.basis; k++) rank += add_to_basis(d, k, c, part);
  for (int64_t k = d.basis; k < 2 * d.basis; k++) {
    const T *g = vector(d, d.given, k);
    T *u = vector(d, d.deflated, k);
    for (int64_t e = threadIdx.x; e < d.n; e += THREADS) u[e] = g[e];
    project(d, d.basis, u, part);
  }
  if (threadIdx.x != 0) return;
  d.numbers[d.first + blockIdx.x] = (T)c;
  d.numbers[d.rows + d.first + blockIdx.x] = (T)(double)(d.n - rank);
}

template <class T> static tr_status run(tr_ctx *ctx, const tr_deflate_args *a) {
  const int64_t rows = a->numbers->count / 2, n = a->given->count / (2 * a->basis * rows);
  const deflation<T> d = {a->basis, a->first, rows, n, NULL, NULL, NULL, NULL};
  const places<T> at = {tr_cuda_moving<const T>(ctx, a->given->data),
                        tr_cuda_moving<const T>(ctx, a->images->data),
                        tr_cuda_moving<T>(ctx, a->deflated->data), tr_cuda_moving<T>(ctx, a->numbers->data)};
  return tr_cuda_launch(ctx, "a deflation", a->rows, n, deflate<T>, (unsigned)a->rows, THREADS, 0, d, at);
}

tr_status tr_cuda_deflate(tr_ctx *ctx, const tr_deflate_args *a) {
  if (a->rows == 0) return TR_OK;
  return a->given->dtype == TR_F32 ? run<float>(ctx, a) : run<double>(ctx, a);
}
