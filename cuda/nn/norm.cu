/* Layer norms: a warp a row. */
#include "cuda/launch.h"

template <class T> struct columns {
  const T *table;
  int64_t width, rows_each; /* rows of x that share one of the table */
};

template <class T> static columns<T> columns_of(const tr_nn_columns &c, int64_t rows) {
  return {(const T *)c.table->data + c.offset, c.table->shape[1], rows / c.table->shape[0]};
}

template <class T, class Y>
static __global__ __launch_bounds__(128) void norm_modulate(const T *x, columns<T> shift, columns<T> scale,
                                                            int64_t rows, int64_t cols, T eps, Y *y) {
  const int64_t row = (int64_t)blockIdx.x * 4 + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  if (row >= rows) return;
  const T *a = shift.table + row / shift.rows_each * shift.width,
          *b = scale.table + row / scale.rows_each * scale.width;
  T sum = 0, squares = 0;
  for (int64_t c = lane; c < cols; c += 32) sum += x[row * cols + c];
  const T mean = tr_warp_sum(sum) / (T)cols;
  for (int64_t c = lane; c < cols; c += 32) {
    const T v = x[row * cols + c] - mean;
    squares += v * v;
  }
  const T factor = 1 / sqrt(tr_warp_sum(squares) / (T)cols + eps);
  for (int64_t c = lane; c < cols; c += 32)
    tr_store(y + row * cols + c, (x[row * cols + c] - mean) * factor * (1 + b[c]) + a[c]);
}

template <class T, class Y> static tr_status run(tr_ctx *ctx, const tr_nn_norm_modulate_args *a) {
  const int64_t rows = a->y->shape[0], cols = a->y->shape[1];
  return tr_cuda_launch(ctx, "a layer norm", rows, cols, norm_modulate<T, Y>, tr_cuda_blocks(rows, 4), 128, 0,
                        (const T *)a->x->data, columns_of<T>(a->shift, rows), columns_of<T>(a->scale, rows),
                        rows, cols, (T)a->eps, (Y *)a->y->data);
}

tr_status tr_cuda_norm_modulate(tr_ctx *ctx, const tr_nn_norm_modulate_args *a) {
  if (a->y->count == 0) return TR_OK;
  if (a->x->dtype == TR_F64) return run<double, double>(ctx, a);
  return a->y->dtype == TR_BF16 ? run<float, __nv_bfloat16>(ctx, a) : run<float, float>(ctx, a);
}
