/* Blends of channels, and products of rows. */
#include "cuda/launch.h"

enum { THREADS = 256 };

/* ---- blend ---- */

template <class T>
static __global__ __launch_bounds__(THREADS) void blend(double a, tr_moving<const T> x, double b,
                                                        tr_moving<const T> y, tr_moving<T> z, int64_t count,
                                                        int64_t row, int64_t blended) {
  const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (i >= count) return;
  const T v = y.get()[i];
  z.get()[i] = i % row < blended ? (T)(a * (double)x.get()[i] + b * (double)v) : v;
}

template <class T>
static tr_status run_blend(tr_ctx *ctx, int64_t channels, double a, const tr_array *x, double b,
                           const tr_array *y, tr_array *z) {
  const int64_t row = z->count / z->shape[0], blended = row / z->shape[1] * channels;
  return tr_cuda_launch(ctx, "a blend of channels", z->shape[0], row, blend<T>,
                        tr_cuda_blocks(z->count, THREADS), THREADS, 0, a,
                        tr_cuda_moving<const T>(ctx, x->data), b, tr_cuda_moving<const T>(ctx, y->data),
                        tr_cuda_moving<T>(ctx, z->data), z->count, row, blended);
}

tr_status tr_cuda_blend_channels(tr_ctx *ctx, int64_t channels, double a, const tr_array *x, double b,
                                 const tr_array *y, tr_array *z) {
  if (z->count == 0) return TR_OK;
  return z->dtype == TR_F32 ? run_blend<float>(ctx, channels, a, x, b, y, z)
                            : run_blend<double>(ctx, channels, a, x, b, y, z);
}

/* ---- products: a block a row, which is as large as the row's length says ---- */

template <class T>
static __global__ __launch_bounds__(THREADS) void dot_rows(double a, const T *x, const T *y, double b, T *z,
                                                           int64_t row) {
  __shared__ double part[32];
  const int64_t first = (int64_t)blockIdx.x * row;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < row; i += blockDim.x) sum += (double)x[first + i] * (double)y[first + i];
  sum = tr_block_sum(sum, part);
  if (threadIdx.x == 0) z[blockIdx.x] = (T)(a * sum + b);
}

template <class T>
static tr_status run_dots(tr_ctx *ctx, double a, const tr_array *x, const tr_array *y, double b,
                          tr_array *z) {
  const int64_t row = x->count / z->count;
  return tr_cuda_launch(ctx, "products of rows", z->count, row, dot_rows<T>, (unsigned)z->count,
                        row <= 256 ? 32u : (unsigned)THREADS, 0, a, (const T *)x->data, (const T *)y->data, b,
                        (T *)z->data, row);
}

tr_status tr_cuda_dot_rows(tr_ctx *ctx, double a, const tr_array *x, const tr_array *y, double b,
                           tr_array *z) {
  return z->dtype == TR_F32 ? run_dots<float>(ctx, a, x, y, b, z) : run_dots<double>(ctx, a, x, y, b, z);
}
