/* Matrices as kernels take them: numbers N (float or double), kept as such or, of floats, in bf16, and worked
 * on four neighbours of a row at a time. Which thread has which quad, and in what order it adds, depends on
 * the columns alone; alignment decides only how a quad is moved. So no bit depends on it. */
#ifndef TR_CUDA_NN_QUADS_CUH
#define TR_CUDA_NN_QUADS_CUH

#include "cuda/launch.h"

template <class T> struct alignas(sizeof(T) < 4 ? 8 : 16) tr_quad { T v[4]; };

/* The first `left` of four elements, 0 for the others; all in one move where `whole`. */
template <class T, class N>
static __device__ __forceinline__ void tr_load_quad(const T *p, int64_t left, bool whole, N out[4]) {
  if (whole) {
    const tr_quad<T> q = *(const tr_quad<T> *)p;
    for (int i = 0; i < 4; i++) out[i] = tr_load(q.v[i]);
  } else
    for (int i = 0; i < 4; i++) out[i] = i < left ? tr_load(p[i]) : 0;
}

template <class T, class N>
static __device__ __forceinline__ void tr_store_quad(T *p, int64_t left, bool whole, const N in[4]) {
  if (whole) {
    tr_quad<T> q;
    for (int i = 0; i < 4; i++) tr_store(&q.v[i], in[i]);
    *(tr_quad<T> *)p = q;
  } else
    for (int i = 0; i < 4 && i < left; i++) tr_store(p + i, in[i]);
}

/* Columns of a matrix. data NULL: there is none. Only floats may be `half`, that is bf16. */
template <class N> struct tr_matrix {
  char *data;
  int64_t stride, cols; /* in elements */
  bool half, whole;

  __device__ __forceinline__ void load(int64_t row, int64_t c, N out[4]) const {
    const int64_t at = row * stride + c;
    if constexpr (sizeof(N) == 4)
      if (half) return tr_load_quad((const __nv_bfloat16 *)data + at, cols - c, whole, out);
    tr_load_quad((const N *)data + at, cols - c, whole, out);
  }
  /* The same in two steps, so that many loads are on their way before the first is waited for: what has been
   * sent for is settled before it is used. */
  __device__ __forceinline__ void send(int64_t row, int64_t c, N out[4]) const {
    if constexpr (sizeof(N) == 4)
      if (half && whole) {
        const uint2 pairs = *(const uint2 *)((const __nv_bfloat16 *)data + row * stride + c);
        memcpy(&out[0], &pairs.x, 4), memcpy(&out[1], &pairs.y, 4);
        return;
      }
    load(row, c, out);
  }
  __device__ __forceinline__ void settle(N out[4]) const {
    if constexpr (sizeof(N) == 4)
      if (half && whole) {
        unsigned bits[2], wide[4];
        memcpy(bits, out, sizeof bits);
        for (int i = 0; i < 4; i++) wide[i] = i % 2 ? bits[i / 2] & 0xffff0000u : bits[i / 2] << 16;
        memcpy(out, wide, sizeof wide);
      }
  }
  __device__ __forceinline__ void store(int64_t row, int64_t c, const N in[4]) const {
    const int64_t at = row * stride + c;
    if constexpr (sizeof(N) == 4)
      if (half) return tr_store_quad((__nv_bfloat16 *)data + at, cols - c, whole, in);
    tr_store_quad((N *)data + at, cols - c, whole, in);
  }
  __device__ __forceinline__ N at(int64_t row, int64_t c) const {
    if constexpr (sizeof(N) == 4)
      if (half) return tr_load(((const __nv_bfloat16 *)data)[row * stride + c]);
    return ((const N *)data)[row * stride + c];
  }
};

/* Columns offset .. offset + cols - 1 of an array (rows, width), which may be NULL. */
template <class N> static tr_matrix<N> tr_matrix_of(const tr_array *a, int64_t offset, int64_t cols) {
  if (!a) return {NULL, 0, cols, false, false};
  const bool half = a->dtype == TR_BF16;
  const size_t size = half ? 2 : sizeof(N);
  char *data = (char *)a->data + offset * (int64_t)size;
  const int64_t stride = a->shape[1];
  const bool whole = cols % 4 == 0 && stride % 4 == 0 && (uintptr_t)data % (half ? 8 : 16) == 0;
  return {data, stride, cols, half, whole};
}
template <class N> static tr_matrix<N> tr_matrix_of(const tr_array *a) {
  return tr_matrix_of<N>(a, 0, a ? a->shape[1] : 0);
}

/* A vector as a matrix of one row; it may be NULL. */
template <class N> static tr_matrix<N> tr_row_of(const tr_array *v) {
  if (!v) return tr_matrix_of<N>(NULL);
  tr_array a = *v;
  a.ndim = 2, a.shape[0] = 1, a.shape[1] = v->count;
  return tr_matrix_of<N>(&a);
}

/* Columns of a table, a row of which serves `each` rows. */
template <class N> struct tr_columns {
  tr_matrix<N> table;
  int64_t each;

  __device__ __forceinline__ void load(int64_t row, int64_t c, N out[4]) const {
    table.load(row / each, c, out);
  }
  __device__ __forceinline__ void send(int64_t row, int64_t c, N out[4]) const {
    table.send(row / each, c, out);
  }
};
template <class N> static tr_columns<N> tr_columns_of(const tr_nn_columns &c, int64_t rows, int64_t cols) {
  return {tr_matrix_of<N>(c.table, c.offset, cols), c.table ? rows / c.table->shape[0] : 1};
}

/* work(row, c) for every quad of a matrix: a block has some rows of few columns, or one of many, in turns
 * that keep all its threads about equally long: of 1152 columns 160 threads have two turns. */
template <class F>
static __global__ __launch_bounds__(256) void tr_quads(F work, int64_t rows, int64_t cols) {
  const int64_t row = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
  if (row >= rows) return;
  for (int64_t c = 4 * (int64_t)threadIdx.x; c < cols; c += 4 * (int64_t)blockDim.x) work(row, c);
}

template <class F>
static tr_status tr_launch_quads(tr_ctx *ctx, const char *op, int64_t rows, int64_t cols, F work) {
  if (rows == 0 || cols == 0) return TR_OK;
  const unsigned warps = tr_cuda_blocks(cols, 128), turns = tr_cuda_blocks(warps, 8);
  const unsigned wide = 32 * tr_cuda_blocks(warps, turns);
  const dim3 block(wide, 256 / wide);
  return tr_cuda_launch(ctx, op, rows, cols, tr_quads<F>, tr_cuda_blocks(rows, block.y), block, 0, work, rows,
                        cols);
}

#endif
