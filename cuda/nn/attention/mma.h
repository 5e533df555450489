/* Attention on tensor cores, in bf16: a block of 4 warps owns rows of a head (queries, or keys in a
 * backward), a warp one or two groups of 16, and streams tiles of 64 of the others, the next on its way while
 * one is worked on. Own rows stand in registers as fragments (cuda/mma.h); of 16 x 8 results a lane has rows
 * lane / 4 and + 8. Shared memory has room for two tiles of each of two streamed matrices, a pair in each
 * half.
 *
 * CAP is the width that a head is filled up to with zeros; sizes are multiples of 8. */
#ifndef TR_CUDA_NN_ATTENTION_MMA_H
#define TR_CUDA_NN_ATTENTION_MMA_H

#include "cuda/async.h"
#include "cuda/mma.h"
#include "cuda/nn/attention/attention_private.h"
#include "cuda/nn/linear.h"

typedef __nv_bfloat16 attention_half;

template <int Cap> struct attention_mma {
  static constexpr int CAP = Cap, TILE = 64;
  static constexpr int LD = CAP / 8 % 2 ? CAP : CAP + 8; /* 8 rows of 16 bytes fall on different banks */
  static constexpr int DEEP = CAP / 16, BLOCKS = CAP / 8;
  static_assert(BLOCKS % 4 == 0 || BLOCKS == 9, "fetch knows no others");
  static constexpr bool REST = CAP % 16 != 0;
  static constexpr int PARTS = DEEP + REST;
  static constexpr int SPACE = TILE * LD; /* of a tile */
  static constexpr size_t bytes = 4 * SPACE * sizeof(attention_half);
};

/* run(mma) with that for heads of this size. */
template <class Run> static tr_status tr_attention_with_mma(int size, const Run &run) {
  if (size <= 32) return run(attention_mma<32>());
  if (size <= 64) return run(attention_mma<64>());
  if (size <= 72) return run(attention_mma<72>());
  return size <= 96 ? run(attention_mma<96>()) : run(attention_mma<128>());
}

/* Rows that are read, of bf16. */
struct half_rows {
  const attention_half *data; /* the first column of the first row */
  int stride;
};
static __device__ __forceinline__ half_rows halves(const attention_rows &rows) {
  return {(const attention_half *)rows.data + rows.at, rows.stride};
}

/* P of the 8-wide columns of ROWS rows, from column AT on: a thread has one of them in every 128 / P rows. Of
 * 8 threads, which write at once, with P of 4 one half is 4 rows from the other: no bank is met twice. */
template <class M, int ROWS, int P, int AT>
static __device__ __forceinline__ void fetch_columns(const attention_shape &s, const half_rows &rows,
                                                     int first, attention_half *to) {
  const int place = threadIdx.x / P, c = AT + threadIdx.x % P * 8;
  const int mine = P == 4 ? (place & ~7) + place % 2 * 4 + place / 2 % 4 : place;
  const attention_half *from = rows.data + (int64_t)(first + mine) * rows.stride + c;
  to += mine * M::LD + c;
#pragma unroll
  for (int r = 0; r < ROWS; r += TR_ATTENTION_THREADS / P)
    if (P > 1 || mine < ROWS)
      tr_copy_async_or_zero<16>(to + r * M::LD, from + r * rows.stride,
                                first + mine + r < s.tokens && c < s.size);
}
/* Sends for a tile of rows from `first` on, or for ROWS of them, zeros where there are none. */
template <class M, int ROWS = M::TILE>
static __device__ __forceinline__ void fetch(const attention_shape &s, const half_rows &rows, int first,
                                             attention_half *to) {
  if (M::BLOCKS >= 8) fetch_columns<M, ROWS, 8, 0>(s, rows, first, to);
  if (M::BLOCKS >= 16) fetch_columns<M, ROWS, 8, 64>(s, rows, first, to);
  if (M::BLOCKS % 8 >= 4) fetch_columns<M, ROWS, 4, M::BLOCKS / 8 * 64>(s, rows, first, to);
  if (M::BLOCKS % 2) fetch_columns<M, ROWS, 1, (M::BLOCKS - 1) * 8>(s, rows, first, to);
}

/* Sends for a tile of two matrices into a half of the memory. */
template <class M>
static __device__ __forceinline__ void fetch_two(const attention_shape &s, const half_rows &a,
                                                 const half_rows &b, int from, attention_half *memory,
                                                 int half) {
  fetch<M>(s, a, from, memory + 2 * half * M::SPACE);
  fetch<M>(s, b, from, memory + (2 * half + 1) * M::SPACE);
}
/* Waits for what was fetched, and for all. */
static __device__ __forceinline__ void all_fetched() {
  tr_copy_commit();
  tr_copy_wait<0>();
  __syncthreads();
}
/* Goes through the tiles of ROWS rows: step(from, now) works on those from `from` on in the half `now` of the
 * memory, 0 first, which is there; fetch_tile(from, half) sends for a tile. */
template <int ROWS, class Fetch, class Step>
static __device__ __forceinline__ void stream(const attention_shape &s, const Fetch &fetch_tile,
                                              const Step &step) {
  int now = 0;
  for (int from = 0; from < s.tokens; from += ROWS, now = 1 - now) {
    if (from + ROWS < s.tokens) fetch_tile(from + ROWS, 1 - now);
    step(from, now);
    all_fetched();
  }
}
/* Whether the rows of a warp are beyond the last one: it then only fetches. */
template <int G> static __device__ __forceinline__ bool is_idle(const attention_shape &s, int first) {
  return first + (int)threadIdx.x / 32 * 16 * G >= s.tokens;
}

/* The warp's rows of what is in shared memory as fragments: G groups of 16. */
template <class M, int G>
static __device__ __forceinline__ void own_rows(const attention_half *rows, unsigned (*a)[M::PARTS][4]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int g = 0; g < G; g++) {
    const attention_half *at = rows + (threadIdx.x / 32 * 16 * G + 16 * g + lane % 16) * M::LD;
#pragma unroll
    for (int d = 0; d < M::DEEP; d++) load_matrix_x4(a[g][d], at + d * 16 + lane / 16 * 8);
    if (M::REST) load_matrix_x2(a[g][M::PARTS - 1], at + M::DEEP * 16);
  }
}

/* x += own rows^T, of 16 streamed rows in shared memory: two blocks of 8 columns for each group. */
template <class M, int G>
static __device__ __forceinline__ void add_products(const unsigned (*a)[M::PARTS][4],
                                                    const attention_half *rows, float (*x)[2][4]) {
  const int lane = threadIdx.x % 32;
  const attention_half *at = rows + (lane / 16 * 8 + lane % 8) * M::LD + lane / 8 % 2 * 8;
#pragma unroll
  for (int d = 0; d < M::DEEP; d++) {
    unsigned b[4];
    load_matrix_x4(b, at + d * 16);
#pragma unroll
    for (int g = 0; g < G; g++)
      mma_16x8x16(x[g][0], a[g][d], b[0], b[1]), mma_16x8x16(x[g][1], a[g][d], b[2], b[3]);
  }
  if (M::REST) {
    unsigned b[2];
    load_matrix_x2(b, rows + lane % 16 * M::LD + M::DEEP * 16);
#pragma unroll
    for (int g = 0; g < G; g++)
      mma_16x8x8(x[g][0], a[g][M::PARTS - 1], b[0]), mma_16x8x8(x[g][1], a[g][M::PARTS - 1], b[1]);
  }
}

/* o += p rows, of 16 streamed rows in shared memory. */
template <class M, int G>
static __device__ __forceinline__ void add_mixed(const unsigned (*p)[4], const attention_half *rows,
                                                 float (*o)[M::BLOCKS][4]) {
  const int lane = threadIdx.x % 32;
  const attention_half *at = rows + lane % 16 * M::LD;
#pragma unroll
  for (int n = 0; n + 1 < M::BLOCKS; n += 2) {
    unsigned b[4];
    load_turned_x4(b, at + n * 8 + lane / 16 * 8);
#pragma unroll
    for (int g = 0; g < G; g++)
      mma_16x8x16(o[g][n], p[g], b[0], b[1]), mma_16x8x16(o[g][n + 1], p[g], b[2], b[3]);
  }
  if (M::BLOCKS % 2) {
    unsigned b[2];
    load_turned_x2(b, at + (M::BLOCKS - 1) * 8);
#pragma unroll
    for (int g = 0; g < G; g++) mma_16x8x16(o[g][M::BLOCKS - 1], p[g], b[0], b[1]);
  }
}

/* 16 x 16 results, rounded, as the left operand of the next product. */
static __device__ __forceinline__ void as_operand(const float (&x)[2][4], unsigned (&a)[4]) {
#pragma unroll
  for (int i = 0; i < 4; i++) a[i] = pack2(x[i / 2][i % 2 * 2], x[i / 2][i % 2 * 2 + 1]);
}

/* 2^v, 0 below 2^-126. */
static __device__ __forceinline__ float half_exp2(float v) {
#ifdef TR_SIMT
  return exp2f(v);
#else
  float e;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(e) : "f"(v));
  return e;
#endif
}

/* Of the 4 lanes that have a row. */
static __device__ __forceinline__ float quad_sum(float v) {
  v += __shfl_xor_sync(~0u, v, 1);
  return v + __shfl_xor_sync(~0u, v, 2);
}
static __device__ __forceinline__ float quad_largest(float v) {
  v = fmaxf(v, __shfl_xor_sync(~0u, v, 1));
  return fmaxf(v, __shfl_xor_sync(~0u, v, 2));
}

/* Terms may be as large as 2^MMA_SLACK, so that results of keys before are seldom multiplied. Without it 16
 * rows of a warp, which do so together, would in most tiles. */
#define MMA_SLACK 8.F

/* A lane's rows of a softmax: terms are 2^(s - c), and `sum` and `wide` are the lane's part of the sums of
 * terms and of terms times something else. */
struct mma_sums {
  float c[2], sum[2], wide[2];
};
static __device__ __forceinline__ mma_sums no_sums() {
  return {{-INFINITY, -INFINITY}, {0, 0}, {0, 0}};
}

/* Terms in place of the products of 16 keys more, of which `left` are there; keep: what was summed before is
 * to be multiplied with. */
static __device__ __forceinline__ void add_terms(int left, float scale, float (&x)[2][4],
                                                 const float (&dx)[2][4], mma_sums &sums, float (&keep)[2]) {
  const int pair = threadIdx.x % 4 * 2;
  if (left < 16)
#pragma unroll
    for (int i = 0; i < 8; i++)
      if (i / 4 * 8 + pair + i % 2 >= left) x[i / 4][i % 4] = -INFINITY;
#pragma unroll
  for (int i = 0; i < 8; i++) x[i / 4][i % 4] *= scale;
#pragma unroll
  for (int h = 0; h < 2; h++) {
    const float top = fmaxf(fmaxf(x[0][2 * h], x[0][2 * h + 1]), fmaxf(x[1][2 * h], x[1][2 * h + 1]));
    keep[h] = tr_attention_raise(sums.c[h], quad_largest(top), MMA_SLACK);
    sums.sum[h] *= keep[h], sums.wide[h] *= keep[h];
  }
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const int h = i % 4 / 2;
    float &e = x[i / 4][i % 4];
    e = half_exp2(e - sums.c[h]);
    sums.sum[h] += e, sums.wide[h] += e * dx[i / 4][i % 4];
  }
}

/* Whether a row of the warp has other terms than before, and results of those before as they are now. */
static __device__ __forceinline__ bool has_risen(const float (&keep)[2]) {
  return __ballot_sync(~0u, keep[0] != 1 || keep[1] != 1);
}
template <class M>
static __device__ __forceinline__ void multiply_rows(const float (&keep)[2], float (&o)[M::BLOCKS][4]) {
#pragma unroll
  for (int n = 0; n < M::BLOCKS; n++)
#pragma unroll
    for (int i = 0; i < 4; i++) o[n][i] *= keep[i / 2];
}

/* A group's results, its rows being from `first` on, times a factor of each of a lane's rows, to rows of bf16
 * or f32; `room`: a tile of shared memory, of which each warp uses 16 rows. */
template <class M>
static __device__ __forceinline__ void put_rows(const attention_shape &s, const attention_rows &to, int first,
                                                const float (&o)[M::BLOCKS][4], const float (&factor)[2],
                                                attention_half *room) {
  const int lane = threadIdx.x % 32, row = lane / 4, pair = lane % 4 * 2;
  room += threadIdx.x / 32 * 16 * M::LD;
  if (!s.half) {
#pragma unroll
    for (int n = 0; n < M::BLOCKS; n++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int r = first + row + i / 2 * 8, c = n * 8 + pair + i % 2;
        if (r < s.tokens && c < s.size)
          ((float *)to.data)[to.at + (int64_t)r * to.stride + c] = o[n][i] * factor[i / 2];
      }
    return;
  }
  __syncwarp();
#pragma unroll
  for (int n = 0; n < M::BLOCKS; n++)
#pragma unroll
    for (int h = 0; h < 2; h++)
      *(unsigned *)(room + (row + 8 * h) * M::LD + n * 8 + pair) =
          pack2(o[n][2 * h] * factor[h], o[n][2 * h + 1] * factor[h]);
  __syncwarp();
  for (int i = lane; i < 16 * M::BLOCKS; i += 32) {
    const int r = i / M::BLOCKS, c = i % M::BLOCKS * 8;
    if (first + r < s.tokens && c < s.size)
      *(float4 *)((attention_half *)to.data + to.at + (int64_t)(first + r) * to.stride + c) =
          *(const float4 *)(room + r * M::LD + c);
  }
}

/* Whether warps have two groups of queries, which read a key once for both: for heads of 64 and 72, where the
 * blocks are then still enough for all processors. The bits are the same. */
template <class M> static inline constexpr bool has_two_groups() {
  return M::CAP == 64 || M::CAP == 72;
}
static inline bool takes_two_groups(tr_ctx *ctx, const attention_shape &s, int64_t samples) {
  const int64_t blocks = (s.tokens + 127) / 128 * s.heads * samples;
  return s.tokens > 64 && blocks >= 2 * tr_cuda_state_of(ctx)->processors;
}

/* Whether the arrays can be read in pieces of 16 bytes, as everything here does. */
static inline bool tr_attention_fits_mma(const attention_shape &s, const void *const *arrays, int n) {
  bool fits = s.round && s.size % 8 == 0;
  for (int i = 0; i < n; i++) fits = fits && (uintptr_t)arrays[i] % 16 == 0;
  return fits;
}

/* A matrix of f32, rounded, side by side. */
static inline tr_status tr_attention_round(tr_ctx *ctx, const tr_array *a, attention_half *to) {
  const tr_cuda_cast_args args = {TR_F32, TR_BF16, a->data, to, a->shape[0], a->shape[0], a->shape[1]};
  return tr_cuda_cast(ctx, &args);
}

/* Attention, its backward and its tangent, of arrays that fit the above. */
tr_status tr_cuda_attention_mma(tr_ctx *ctx, const attention_shape &s, const tr_nn_attention_args *a);
tr_status tr_cuda_attention_mma_backward(tr_ctx *ctx, const attention_shape &s,
                                         const tr_nn_attention_backward_args *a);
tr_status tr_cuda_attention_mma_jvp(tr_ctx *ctx, const attention_shape &s, const tr_nn_attention_jvp_args *a);

#endif
