/* Attention without tensor cores, in f32 and f64: tiles in shared memory. A block of 128 threads owns 16 ROWS
 * rows (queries, or keys in a backward) and streams tiles of the others. Thread (y, x) of 16 x 8 has rows
 * y + 16 r of the first and x + 8 c of the second in a product of scores, and of a result the same rows and
 * chunks of W columns. The rows of a warp are its own, so scores go from hand to hand within warps.
 *
 * Heads may have any size up to CAP: columns beyond are 0. */
#ifndef TR_CUDA_NN_ATTENTION_TILE_H
#define TR_CUDA_NN_ATTENTION_TILE_H

#include "cuda/nn/attention/attention_private.h"

template <class Number, int Cap, int Rows> struct attention_tile {
  typedef Number T;
  static constexpr int CAP = Cap, ROWS = Rows;
  static constexpr int VECTOR = 16 / sizeof(T);       /* numbers that are loaded at once */
  static constexpr int COLS = sizeof(T) == 4 ? 4 : 2; /* streamed rows of a thread */
  static constexpr int OWN = 16 * ROWS, STREAMED = 8 * COLS;
  static constexpr int LD = CAP + VECTOR, LDP = STREAMED + VECTOR; /* rows fall on different banks */
  static constexpr int BLOCKS = CAP > 80 ? 2 : 3; /* that an SM is to hold at least: bounds the registers */
  static constexpr int UNROLL = sizeof(T) == 4 ? 2 : 1; /* of loops over vectors */
  static constexpr int W = CAP % (8 * VECTOR) ? VECTOR / 2 : VECTOR;
};

template <class T> static __device__ __forceinline__ T rounded(const attention_shape &, T v) {
  return v;
}
template <> __device__ __forceinline__ float rounded(const attention_shape &s, float v) {
  return s.round ? __bfloat162float(__float2bfloat16_rn(v)) : v;
}
template <class T>
static __device__ __forceinline__ T element(const attention_shape &s, const attention_rows &rows, int row,
                                            int column) {
  const int64_t i = rows.at + (int64_t)row * rows.stride + column;
  if (sizeof(T) == 4 && s.half) return (T)tr_load(((const __nv_bfloat16 *)rows.data)[i]);
  return ((const T *)rows.data)[i];
}
template <class T>
static __device__ __forceinline__ void set_element(const attention_shape &s, const attention_rows &rows,
                                                   int row, int column, T v) {
  const int64_t i = rows.at + (int64_t)row * rows.stride + column;
  if (sizeof(T) == 4 && s.half)
    tr_store((__nv_bfloat16 *)rows.data + i, (float)v);
  else
    ((T *)rows.data)[i] = v;
}

static __device__ __forceinline__ float tr_exp2(float v) {
  return exp2f(v);
}
static __device__ __forceinline__ double tr_exp2(double v) {
  return exp2(v);
}

/* run(tile) with the tile for heads of this size. Small ones for few tokens, so that no block has nothing but
 * padding to do; else tiles of ROWS, and WIDE for heads of more than 64. */
template <class T, int ROWS, int WIDE, class Run>
static tr_status tr_attention_with_tile(const attention_shape &s, const Run &run) {
  if (s.tokens <= 16 && s.size <= 32) return run(attention_tile<T, 32, 1>());
  if (s.size <= 64) return run(attention_tile<T, 64, ROWS>());
  if constexpr (sizeof(T) == 4)
    if (s.size <= 80) return run(attention_tile<T, 80, WIDE>());
  return run(attention_tile<T, 128, WIDE>());
}

/* COUNT rows from `first` on into shared memory, as products take them, zeros where there are none. */
template <class Tile, int COUNT>
static __device__ __forceinline__ void load_rows(const attention_shape &s, const attention_rows &rows,
                                                 int first, typename Tile::T *to) {
  typedef typename Tile::T T;
  for (int i = threadIdx.x; i < COUNT * Tile::CAP; i += TR_ATTENTION_THREADS) {
    const int r = i / Tile::CAP, c = i % Tile::CAP;
    const bool there = first + r < s.tokens && c < s.size;
    to[r * Tile::LD + c] = there ? rounded(s, element<T>(s, rows, first + r, c)) : T(0);
  }
}

template <class T, int N> struct __align__(N * sizeof(T)) attention_vector {
  T at[N];
};
template <int N, class T> static __device__ __forceinline__ attention_vector<T, N> vector_at(const T *p) {
  return *(const attention_vector<T, N> *)p;
}

/* scores += own streamed^T, over the columns of a head */
template <class Tile, class T>
static __device__ __forceinline__ void add_scores(int size, const T *own, const T *streamed,
                                                  T (&scores)[Tile::ROWS][Tile::COLS]) {
  constexpr int V = Tile::VECTOR, LD = Tile::LD;
  own += threadIdx.x / 8 * LD, streamed += threadIdx.x % 8 * LD;
#pragma unroll Tile::UNROLL
  for (int d = 0; d < size; d += V) {
    attention_vector<T, V> a[Tile::ROWS], b[Tile::COLS];
#pragma unroll
    for (int r = 0; r < Tile::ROWS; r++) a[r] = vector_at<V>(own + 16 * r * LD + d);
#pragma unroll
    for (int c = 0; c < Tile::COLS; c++) b[c] = vector_at<V>(streamed + 8 * c * LD + d);
#pragma unroll
    for (int i = 0; i < V; i++)
#pragma unroll
      for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
        for (int c = 0; c < Tile::COLS; c++) scores[r][c] += a[r].at[i] * b[c].at[i];
  }
}

/* Scores of this thread into `to`, where the warp reads them after a __syncwarp. */
template <class Tile, class T>
static __device__ __forceinline__ void put_scores(const attention_shape &s,
                                                  const T (&scores)[Tile::ROWS][Tile::COLS], T *to) {
  to += threadIdx.x / 8 * Tile::LDP + threadIdx.x % 8;
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
    for (int c = 0; c < Tile::COLS; c++) to[16 * r * Tile::LDP + 8 * c] = rounded(s, scores[r][c]);
}

/* sums += scores streamed, over the streamed rows */
template <class Tile, class T>
static __device__ __forceinline__ void add_mix(const T *scores, const T *streamed,
                                               T (&sums)[Tile::ROWS][Tile::CAP / 8]) {
  constexpr int V = Tile::VECTOR, W = Tile::W;
  scores += threadIdx.x / 8 * Tile::LDP, streamed += threadIdx.x % 8 * W;
#pragma unroll Tile::UNROLL
  for (int j = 0; j < Tile::STREAMED; j += V) {
    attention_vector<T, V> p[Tile::ROWS];
#pragma unroll
    for (int r = 0; r < Tile::ROWS; r++) p[r] = vector_at<V>(scores + 16 * r * Tile::LDP + j);
#pragma unroll
    for (int i = 0; i < V; i++)
#pragma unroll
      for (int e = 0; e < Tile::CAP / (8 * W); e++) {
        const attention_vector<T, W> b = vector_at<W>(streamed + (j + i) * Tile::LD + 8 * W * e);
#pragma unroll
        for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
          for (int w = 0; w < W; w++) sums[r][e * W + w] += p[r].at[i] * b.at[w];
      }
  }
}

/* Sum, and largest, of the 8 threads that have a row's columns, the same in all. */
template <class T> static __device__ __forceinline__ T row_sum(T v) {
#pragma unroll
  for (int d = 4; d; d /= 2) v += __shfl_xor_sync(~0u, v, d);
  return v;
}
template <class T> static __device__ __forceinline__ T row_largest(T v) {
#pragma unroll
  for (int d = 4; d; d /= 2) {
    const T other = __shfl_xor_sync(~0u, v, d);
    v = other > v ? other : v;
  }
  return v;
}

/* The softmax of a thread's rows as far as keys were seen: its part of the sum of terms, `wide` of terms
 * times something else. */
template <class Tile> struct attention_sums {
  typename Tile::T c[Tile::ROWS], sum[Tile::ROWS], wide[Tile::ROWS];
};
template <class Tile> static __device__ __forceinline__ void begin_sums(attention_sums<Tile> &sums) {
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++) sums.c[r] = -INFINITY, sums.sum[r] = sums.wide[r] = 0;
}
/* Scores from keys `from` on in place of their products to be, multiplied by `scale`, and -infinity where
 * there is no key; c rises. keep[r] is what sums are to be multiplied with. */
template <class Tile, class T>
static __device__ __forceinline__ void meet(const attention_shape &s, int from, T scale,
                                            T (&scores)[Tile::ROWS][Tile::COLS], attention_sums<Tile> &sums,
                                            T (&keep)[Tile::ROWS]) {
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++) {
    T top = -INFINITY;
#pragma unroll
    for (int c = 0; c < Tile::COLS; c++) {
      const int key = from + threadIdx.x % 8 + 8 * c;
      scores[r][c] = key < s.tokens ? scores[r][c] * scale : T(-INFINITY);
      top = scores[r][c] > top ? scores[r][c] : top;
    }
    keep[r] = tr_attention_raise(sums.c[r], row_largest(top));
    sums.sum[r] *= keep[r], sums.wide[r] *= keep[r];
#pragma unroll
    for (int c = 0; c < Tile::COLS; c++) sums.sum[r] += scores[r][c] = tr_exp2(scores[r][c] - sums.c[r]);
  }
}

/* A thread's part of results, multiplied by factor[r] */
template <class Tile, class T>
static __device__ __forceinline__ void store_rows(const attention_shape &s, const attention_rows &rows,
                                                  int first, const T (&sums)[Tile::ROWS][Tile::CAP / 8],
                                                  const T (&factor)[Tile::ROWS]) {
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++) {
    const int row = first + threadIdx.x / 8 + 16 * r;
#pragma unroll
    for (int i = 0; i < Tile::CAP / 8; i++) {
      const int column = (i / Tile::W * 8 + threadIdx.x % 8) * Tile::W + i % Tile::W;
      if (row < s.tokens && column < s.size) set_element(s, rows, row, column, sums[r][i] * factor[r]);
    }
  }
}

#endif
