/* The backward of attention without tensor cores, in three passes, S being scores, P their softmax:
 *   sums     of each query log2 of its softmax's denominator, and D = sum_j P_j dP_j with dP = dy v^T
 *   queries  a block a tile of queries:  dq = dS k, dS = P (dP - D) / sqrt(size)
 *   keys     a block a tile of keys:     dk = dS^T q, dv = P^T dy
 * Where the statistics and y are given, D is the sum of dy y instead, and no sums are made of scores. */
#ifndef TR_CUDA_NN_ATTENTION_BACKWARD_H
#define TR_CUDA_NN_ATTENTION_BACKWARD_H

#include "cuda/nn/attention/tile.h"

/* Operands of the passes. The gradients are behind sample n of N for sample n + r N of dy, of R N. */
template <class T> struct attention_gradients {
  attention_shape s;
  const void *qkv, *dy;
  void *dqkv;
  T *logs, *means; /* of each query: (N heads, tokens), (R N heads, tokens) */
  T scale;         /* 1 / sqrt(size) */
};

/* Its backward in f64, that of f32 deciding (backward.cu). */
tr_status tr_cuda_attention_backward_f64(tr_ctx *ctx, const attention_shape &s,
                                         const tr_nn_attention_backward_args *a);

/* P of scores whose logs are known, and dS in the place of dP. */
template <class Tile, bool KEYS, class T>
static __device__ __forceinline__ void
known_softmax(const attention_gradients<T> &g, const attention_block &b, int from,
              T (&p)[Tile::ROWS][Tile::COLS], T (&ds)[Tile::ROWS][Tile::COLS]) {
  const attention_shape &s = g.s;
  const T *logs = g.logs + first_stat(s, b.sample % s.samples, b.head),
          *means = g.means + first_stat(s, b.sample, b.head);
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
    for (int c = 0; c < Tile::COLS; c++) {
      const int own = b.first + threadIdx.x / 8 + 16 * r, other = from + threadIdx.x % 8 + 8 * c;
      const int query = KEYS ? other : own;
      const bool there = own < s.tokens && other < s.tokens;
      p[r][c] = there ? tr_exp2(p[r][c] * (g.scale * T(TR_LOG2_E)) - logs[query]) : T(0);
      ds[r][c] = there ? p[r][c] * (ds[r][c] - means[query]) * g.scale : T(0);
    }
}

/* The pass over scores that makes logs and means. */
template <class Tile, class T>
static __device__ __forceinline__ void put_sums(const attention_gradients<T> &g, const attention_block &b,
                                                const attention_sums<Tile> &sums) {
  const attention_shape &s = g.s;
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++) {
    const int row = b.first + threadIdx.x / 8 + 16 * r;
    const T sum = row_sum(sums.sum[r]), wide = row_sum(sums.wide[r]);
    if (threadIdx.x % 8 || row >= s.tokens) continue;
    if (b.sample < s.samples) g.logs[first_stat(s, b.sample, b.head) + row] = sums.c[r] + log2(sum);
    g.means[first_stat(s, b.sample, b.head) + row] = wide / sum;
  }
}

/* The rows of a block in shared memory, and of a step the streamed ones: queries (q, dy) and keys (k, v). */
template <class Tile> struct gradient_memory { typename Tile::T *own, *own_other, *at, *at_other, *ds, *p; };
template <class Tile> static __device__ __forceinline__ gradient_memory<Tile> memory_of_block() {
  typedef typename Tile::T T;
  TR_DYNAMIC_SHARED(T, own);
  T *other = own + Tile::OWN * Tile::LD, *at = other + Tile::OWN * Tile::LD,
    *at_other = at + Tile::STREAMED * Tile::LD, *ds = at_other + Tile::STREAMED * Tile::LD;
  return {own, other, at, at_other, ds, ds + Tile::OWN * Tile::LDP};
}

/* Products of own rows with those from `from` on, when all have met: scores, and dP. */
template <class Tile, class T>
static __device__ __forceinline__ void
scores_and_gradients(const attention_shape &s, const gradient_memory<Tile> &m, const attention_rows &rows,
                     const attention_rows &others, int from, T (&x)[Tile::ROWS][Tile::COLS],
                     T (&dx)[Tile::ROWS][Tile::COLS]) {
  __syncthreads();
  load_rows<Tile, Tile::STREAMED>(s, rows, from, m.at);
  load_rows<Tile, Tile::STREAMED>(s, others, from, m.at_other);
  __syncthreads();
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
    for (int c = 0; c < Tile::COLS; c++) x[r][c] = dx[r][c] = 0;
  add_scores<Tile>(s.size, m.own, m.at, x);
  add_scores<Tile>(s.size, m.own_other, m.at_other, dx);
}

template <class Tile>
static __global__
__launch_bounds__(TR_ATTENTION_THREADS,
                  Tile::BLOCKS) void attention_sums_of(attention_gradients<typename Tile::T> g) {
  typedef typename Tile::T T;
  const gradient_memory<Tile> m = memory_of_block<Tile>();
  const attention_shape &s = g.s;
  const attention_block b = tr_attention_block(s, Tile::OWN);
  const int64_t sample = b.sample % s.samples;
  attention_sums<Tile> sums;
  begin_sums(sums);
  load_rows<Tile, Tile::OWN>(s, part_of(s, g.qkv, 0, sample, b.head), b.first, m.own);
  load_rows<Tile, Tile::OWN>(s, result_of(s, g.dy, b.sample, b.head), b.first, m.own_other);
  for (int from = 0; from < s.tokens; from += Tile::STREAMED) {
    T x[Tile::ROWS][Tile::COLS], dx[Tile::ROWS][Tile::COLS], keep[Tile::ROWS];
    scores_and_gradients(s, m, part_of(s, g.qkv, 1, sample, b.head), part_of(s, g.qkv, 2, sample, b.head),
                         from, x, dx);
    meet(s, from, g.scale * T(TR_LOG2_E), x, sums, keep);
#pragma unroll
    for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
      for (int c = 0; c < Tile::COLS; c++) sums.wide[r] += x[r][c] * dx[r][c];
  }
  put_sums(g, b, sums);
}

template <class Tile, bool KEYS>
static __global__
__launch_bounds__(TR_ATTENTION_THREADS,
                  KEYS ? 2 : Tile::BLOCKS) void attention_backward(attention_gradients<typename Tile::T> g) {
  typedef typename Tile::T T;
  const gradient_memory<Tile> m = memory_of_block<Tile>();
  const attention_shape &s = g.s;
  const attention_block b = tr_attention_block(s, Tile::OWN);
  const int64_t sample = b.sample % s.samples;
  const attention_rows q = part_of(s, g.qkv, 0, sample, b.head), k = part_of(s, g.qkv, 1, sample, b.head),
                       v = part_of(s, g.qkv, 2, sample, b.head), dy = result_of(s, g.dy, b.sample, b.head);
  T first[Tile::ROWS][Tile::CAP / 8] = {}, second[Tile::ROWS][Tile::CAP / 8] = {}, one[Tile::ROWS];
  load_rows<Tile, Tile::OWN>(s, KEYS ? k : q, b.first, m.own);
  load_rows<Tile, Tile::OWN>(s, KEYS ? v : dy, b.first, m.own_other);
  for (int from = 0; from < s.tokens; from += Tile::STREAMED) {
    T x[Tile::ROWS][Tile::COLS], dx[Tile::ROWS][Tile::COLS];
    scores_and_gradients(s, m, KEYS ? q : k, KEYS ? dy : v, from, x, dx);
    known_softmax<Tile, KEYS>(g, b, from, x, dx);
    put_scores<Tile>(s, dx, m.ds);
    if (KEYS) put_scores<Tile>(s, x, m.p);
    __syncwarp();
    add_mix<Tile>(m.ds, m.at, first);
    if (KEYS) add_mix<Tile>(m.p, m.at_other, second);
  }
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++) one[r] = 1;
  store_rows<Tile>(s, part_of(s, g.dqkv, KEYS ? 1 : 0, b.sample, b.head), b.first, first, one);
  if (KEYS) store_rows<Tile>(s, part_of(s, g.dqkv, 2, b.sample, b.head), b.first, second, one);
}

/* logs and means of what attention gave: a warp a query of a head. */
template <class T>
static __global__ __launch_bounds__(TR_ATTENTION_THREADS) void attention_known(attention_gradients<T> g,
                                                                               const void *y, const T *stats,
                                                                               int64_t rows) {
  const attention_shape &s = g.s;
  const int64_t i = (int64_t)blockIdx.x * (TR_ATTENTION_THREADS / 32) + threadIdx.x / 32;
  if (i >= rows) return;
  const int token = (int)(i % s.tokens), head = (int)(i / s.tokens % s.heads);
  const int64_t sample = i / s.tokens / s.heads;
  const attention_rows mine = result_of(s, g.dy, sample, head),
                       given = result_of(s, y, sample % s.samples, head);
  T sum = 0;
  for (int c = threadIdx.x % 32; c < s.size; c += 32)
    sum += element<T>(s, mine, token, c) * element<T>(s, given, token, c);
  sum = tr_warp_sum(sum);
  if (threadIdx.x % 32) return;
  g.means[i] = sum;
  if (sample < s.samples) g.logs[i] = stats[i] * T(TR_LOG2_E);
}

template <class T>
static tr_status run_known(tr_ctx *ctx, const attention_gradients<T> &g,
                           const tr_nn_attention_backward_args *a) {
  const int64_t rows = a->dy->shape[0] * g.s.heads;
  return tr_cuda_launch(ctx, "the backward of attention", a->dy->shape[0], a->dy->shape[1],
                        attention_known<T>, tr_cuda_blocks(rows, TR_ATTENTION_THREADS / 32),
                        TR_ATTENTION_THREADS, 0, g, a->y->data, (const T *)a->stats->data, rows);
}

template <class Tile>
static tr_status run_pass(tr_ctx *ctx, const attention_gradients<typename Tile::T> &g, const tr_array *dy,
                          void (*kernel)(attention_gradients<typename Tile::T>), bool keys, uint64_t *asked) {
  const size_t shared = sizeof(typename Tile::T) * (2 * (Tile::OWN + Tile::STREAMED) * Tile::LD +
                                                    (keys ? 2 : 1) * Tile::OWN * Tile::LDP);
  TR_TRY(tr_attention_allow(ctx, kernel, g.s.size, shared, asked));
  return tr_cuda_launch(ctx, "the backward of attention", dy->shape[0], dy->shape[1], kernel,
                        tr_attention_grid(g.s, dy->shape[0] / g.s.tokens, Tile::OWN), TR_ATTENTION_THREADS,
                        shared, g);
}

template <class tile>
static tr_status run_passes(tr_ctx *ctx, const attention_gradients<typename tile::T> &g,
                            const tr_nn_attention_backward_args *a) {
  static uint64_t asked[3];
  if (a->stats)
    TR_TRY(run_known(ctx, g, a));
  else
    TR_TRY(run_pass<tile>(ctx, g, a->dy, attention_sums_of<tile>, false, &asked[0]));
  TR_TRY(run_pass<tile>(ctx, g, a->dy, attention_backward<tile, false>, false, &asked[1]));
  return run_pass<tile>(ctx, g, a->dy, attention_backward<tile, true>, true, &asked[2]);
}

/* All passes in T, with working memory for logs and means. */
template <class T, int ROWS, int WIDE>
static tr_status run_backward(tr_ctx *ctx, const attention_shape &s, const tr_nn_attention_backward_args *a) {
  const int64_t logs = a->qkv->shape[0] * s.heads, means = a->dy->shape[0] * s.heads;
  void *room;
  TR_TRY(tr_cuda_scratch(ctx, (size_t)(logs + means) * sizeof(T), &room));
  const attention_gradients<T> g = {s,
                                    a->qkv->data,
                                    a->dy->data,
                                    a->dqkv->data,
                                    (T *)room,
                                    (T *)room + logs,
                                    (T)(1 / sqrt((double)s.size))};
  return tr_attention_with_tile<T, ROWS, WIDE>(
      s, [&](auto tile) { return run_passes<decltype(tile)>(ctx, g, a); });
}

#endif
