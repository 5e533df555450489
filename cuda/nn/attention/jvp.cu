/* The tangent of attention: which kernel, and the one without tensor cores, in two passes over the keys: with
 * d for tangents, dS = dq k^T + q dk^T and the softmax P, first each query's denominator and mean of dS under
 * P, then y = sum_j dP_j v_j + P_j dv_j with dP = P (dS - mean) / sqrt(size). Products of bf16 are made here
 * as well, of rounded operands. */
#include "cuda/nn/attention/mma.h"
#include "cuda/nn/attention/tile.h"

template <class T> struct attention_tangents {
  attention_shape s;
  const void *qkv, *v;
  void *y;
  T scale; /* 1 / sqrt(size) */
};

/* Shared memory: q and dq, two tiles of keys or values and their tangents, dP and P. */
template <class Tile> struct tangent_memory { typename Tile::T *q, *dq, *at, *dat, *dp, *p; };

/* One tile's scores and their tangents; waits, before and behind the loads, for all. */
template <class Tile, class T>
static __device__ __forceinline__ void
scores_and_tangents(const attention_tangents<T> &a, const attention_block &b, const tangent_memory<Tile> &m,
                    int from, T (&x)[Tile::ROWS][Tile::COLS], T (&dx)[Tile::ROWS][Tile::COLS]) {
  __syncthreads();
  load_rows<Tile, Tile::STREAMED>(a.s, part_of(a.s, a.qkv, 1, b.sample, b.head), from, m.at);
  load_rows<Tile, Tile::STREAMED>(a.s, part_of(a.s, a.v, 1, b.sample, b.head), from, m.dat);
  __syncthreads();
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
    for (int c = 0; c < Tile::COLS; c++) x[r][c] = dx[r][c] = 0;
  add_scores<Tile>(a.s.size, m.q, m.at, x);
  add_scores<Tile>(a.s.size, m.dq, m.at, dx);
  add_scores<Tile>(a.s.size, m.q, m.dat, dx);
}

/* The first pass. Of a row: c + log2 of its sum in c, the mean in wide. */
template <class Tile, class T>
static __device__ __forceinline__ attention_sums<Tile>
sums_of(const attention_tangents<T> &a, const attention_block &b, const tangent_memory<Tile> &m) {
  attention_sums<Tile> sums;
  begin_sums(sums);
  for (int from = 0; from < a.s.tokens; from += Tile::STREAMED) {
    T x[Tile::ROWS][Tile::COLS], dx[Tile::ROWS][Tile::COLS], keep[Tile::ROWS];
    scores_and_tangents(a, b, m, from, x, dx);
    meet(a.s, from, a.scale * T(TR_LOG2_E), x, sums, keep);
#pragma unroll
    for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
      for (int c = 0; c < Tile::COLS; c++) sums.wide[r] += x[r][c] * dx[r][c];
  }
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++) {
    const T sum = row_sum(sums.sum[r]);
    sums.wide[r] = row_sum(sums.wide[r]) / sum, sums.c[r] += log2(sum);
  }
  return sums;
}

template <class Tile>
static __global__ __launch_bounds__(TR_ATTENTION_THREADS,
                                    Tile::BLOCKS) void attention_jvp(attention_tangents<typename Tile::T> a) {
  typedef typename Tile::T T;
  TR_DYNAMIC_SHARED(T, q);
  T *dq = q + Tile::OWN * Tile::LD, *at = dq + Tile::OWN * Tile::LD, *dat = at + Tile::STREAMED * Tile::LD,
    *dp = dat + Tile::STREAMED * Tile::LD;
  const tangent_memory<Tile> m = {q, dq, at, dat, dp, dp + Tile::OWN * Tile::LDP};
  const attention_shape &s = a.s;
  const attention_block b = tr_attention_block(s, Tile::OWN);
  T y[Tile::ROWS][Tile::CAP / 8] = {}, one[Tile::ROWS];
  load_rows<Tile, Tile::OWN>(s, part_of(s, a.qkv, 0, b.sample, b.head), b.first, m.q);
  load_rows<Tile, Tile::OWN>(s, part_of(s, a.v, 0, b.sample, b.head), b.first, m.dq);
  const attention_sums<Tile> sums = sums_of(a, b, m);
  for (int from = 0; from < s.tokens; from += Tile::STREAMED) {
    T x[Tile::ROWS][Tile::COLS], dx[Tile::ROWS][Tile::COLS];
    scores_and_tangents(a, b, m, from, x, dx);
#pragma unroll
    for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
      for (int c = 0; c < Tile::COLS; c++) {
        const bool there = from + (int)threadIdx.x % 8 + 8 * c < s.tokens;
        x[r][c] = there ? tr_exp2(x[r][c] * (a.scale * T(TR_LOG2_E)) - sums.c[r]) : T(0);
        dx[r][c] = x[r][c] * (dx[r][c] - sums.wide[r]) * a.scale;
      }
    put_scores<Tile>(s, dx, m.dp);
    put_scores<Tile>(s, x, m.p);
    __syncthreads();
    load_rows<Tile, Tile::STREAMED>(s, part_of(s, a.qkv, 2, b.sample, b.head), from, m.at);
    load_rows<Tile, Tile::STREAMED>(s, part_of(s, a.v, 2, b.sample, b.head), from, m.dat);
    __syncthreads();
    add_mix<Tile>(m.dp, m.at, y);
    add_mix<Tile>(m.p, m.dat, y);
  }
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++) one[r] = 1;
  store_rows<Tile>(s, result_of(s, a.y, b.sample, b.head), b.first, y, one);
}

template <class tile>
static tr_status run(tr_ctx *ctx, const attention_shape &s, const tr_nn_attention_jvp_args *a) {
  typedef typename tile::T T;
  static uint64_t asked;
  const attention_tangents<T> tangents = {s, a->qkv->data, a->v->data, a->y->data,
                                          (T)(1 / sqrt((double)s.size))};
  const size_t shared = sizeof(T) * 2 * ((tile::OWN + tile::STREAMED) * tile::LD + tile::OWN * tile::LDP);
  TR_TRY(tr_attention_allow(ctx, attention_jvp<tile>, s.size, shared, &asked));
  return tr_cuda_launch(ctx, "the tangent of attention", a->y->shape[0], a->y->shape[1], attention_jvp<tile>,
                        tr_attention_grid(s, s.samples, tile::OWN), TR_ATTENTION_THREADS, shared, tangents);
}

tr_status tr_cuda_attention_jvp(tr_ctx *ctx, const tr_nn_attention_jvp_args *a) {
  const attention_shape s = tr_attention_shape_of(a->qkv, a->samples, a->heads, a->products);
  if (a->y->count == 0) return TR_OK;
  TR_TRY(tr_attention_check(ctx, s));
  const void *const arrays[] = {a->qkv->data, a->v->data, a->y->data, a->value ? a->value->data : NULL};
  if (tr_attention_fits_mma(s, arrays, 4)) return tr_cuda_attention_mma_jvp(ctx, s, a);
  const tr_nn_attention_args forward = {.qkv = a->qkv,
                                        .samples = a->samples,
                                        .heads = a->heads,
                                        .products = a->products,
                                        .y = a->value,
                                        .stats = NULL};
  if (a->value) TR_TRY(tr_cuda_attention(ctx, &forward));
  const auto with = [&](auto tile) { return run<decltype(tile)>(ctx, s, a); };
  return a->qkv->dtype == TR_F64 ? tr_attention_with_tile<double, 1, 1>(s, with)
                                 : tr_attention_with_tile<float, 4, 2>(s, with);
}
