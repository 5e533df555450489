/* Attention: which kernel, and the one without tensor cores. */
#include "cuda/nn/attention/mma.h"
#include "cuda/nn/attention/tile.h"
#include "cuda/nn/attention/wide.h"

template <class Tile>
static __global__ __launch_bounds__(TR_ATTENTION_THREADS,
                                    Tile::BLOCKS) void attention(attention_shape s, const void *qkv,
                                                                 typename Tile::T scale, void *y,
                                                                 typename Tile::T *stats) {
  typedef typename Tile::T T;
  TR_DYNAMIC_SHARED(T, q);
  T *k = q + Tile::OWN * Tile::LD, *v = k + Tile::STREAMED * Tile::LD, *p = v + Tile::STREAMED * Tile::LD;
  const attention_block b = tr_attention_block(s, Tile::OWN);
  attention_sums<Tile> sums;
  T o[Tile::ROWS][Tile::CAP / 8] = {}, inverse[Tile::ROWS];
  begin_sums(sums);
  load_rows<Tile, Tile::OWN>(s, part_of(s, qkv, 0, b.sample, b.head), b.first, q);
  for (int from = 0; from < s.tokens; from += Tile::STREAMED) {
    __syncthreads();
    load_rows<Tile, Tile::STREAMED>(s, part_of(s, qkv, 1, b.sample, b.head), from, k);
    load_rows<Tile, Tile::STREAMED>(s, part_of(s, qkv, 2, b.sample, b.head), from, v);
    __syncthreads();
    T scores[Tile::ROWS][Tile::COLS] = {}, keep[Tile::ROWS];
    add_scores<Tile>(s.size, q, k, scores);
    meet(s, from, scale, scores, sums, keep);
#pragma unroll
    for (int r = 0; r < Tile::ROWS; r++)
#pragma unroll
      for (int i = 0; i < Tile::CAP / 8; i++) o[r][i] *= keep[r];
    put_scores<Tile>(s, scores, p);
    __syncwarp();
    add_mix<Tile>(p, v, o);
  }
#pragma unroll
  for (int r = 0; r < Tile::ROWS; r++) {
    const int row = b.first + threadIdx.x / 8 + 16 * r;
    const T sum = row_sum(sums.sum[r]);
    inverse[r] = 1 / sum;
    if (stats && threadIdx.x % 8 == 0 && row < s.tokens)
      stats[first_stat(s, b.sample, b.head) + row] = (sums.c[r] + log2(sum)) * T(TR_LN_2);
  }
  store_rows<Tile>(s, result_of(s, y, b.sample, b.head), b.first, o, inverse);
}

template <class tile>
static tr_status run(tr_ctx *ctx, const attention_shape &s, const tr_nn_attention_args *a) {
  typedef typename tile::T T;
  static uint64_t asked;
  const size_t shared = sizeof(T) * ((tile::OWN + 2 * tile::STREAMED) * tile::LD + tile::OWN * tile::LDP);
  TR_TRY(tr_attention_allow(ctx, attention<tile>, s.size, shared, &asked));
  return tr_cuda_launch(ctx, "attention", a->y->shape[0], a->y->shape[1], attention<tile>,
                        tr_attention_grid(s, s.samples, tile::OWN), TR_ATTENTION_THREADS, shared, s,
                        a->qkv->data, (T)(TR_LOG2_E / sqrt((double)s.size)), a->y->data,
                        a->stats ? (T *)a->stats->data : (T *)NULL);
}

tr_status tr_cuda_attention(tr_ctx *ctx, const tr_nn_attention_args *a) {
  const attention_shape s = tr_attention_shape_of(a->qkv, a->samples, a->heads, a->products);
  if (a->y->count == 0) return TR_OK;
  if (s.size > TR_ATTENTION_WIDEST) return tr_cuda_attention_wide(ctx, a);
  const void *const arrays[] = {a->qkv->data, a->y->data};
  if (tr_attention_fits_mma(s, arrays, 2)) return tr_cuda_attention_mma(ctx, s, a);
  const auto with = [&](auto tile) { return run<decltype(tile)>(ctx, s, a); };
  return a->qkv->dtype == TR_F64 ? tr_attention_with_tile<double, 2, 2>(s, with)
                                 : tr_attention_with_tile<float, 4, 4>(s, with);
}
