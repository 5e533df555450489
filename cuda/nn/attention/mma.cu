/* Attention forward on tensor cores. */
#include "cuda/nn/attention/mma.h"

/* The softmax of a lane's rows so far: terms are 2^(s - c), and `sum` is the lane's part of theirs. What two
 * kernels with other groups must round alike is rounded by name. */
template <int G> struct mma_softmax { float c[G][2], sum[G][2]; };

/* Terms in place of the products of a tile, from key `from` on; o is multiplied as c rises. */
template <class M, int G>
static __device__ __forceinline__ void terms_of(const attention_shape &s, int from, float scale,
                                                float (&x)[4][G][2][4], mma_softmax<G> &softmax,
                                                float (&o)[G][M::BLOCKS][4]) {
  const int pair = threadIdx.x % 4 * 2;
  if (from + M::TILE > s.tokens)
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int i = 0; i < 8 * G; i++)
        if (from + j * 16 + i / 4 % 2 * 8 + pair + i % 2 >= s.tokens)
          x[j][i / 8][i / 4 % 2][i % 4] = -INFINITY;
#pragma unroll
  for (int g = 0; g < G; g++) {
    float top[2] = {-INFINITY, -INFINITY}, keep[2];
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int i = 0; i < 8; i++) top[i % 4 / 2] = fmaxf(top[i % 4 / 2], x[j][g][i / 4][i % 4]);
#pragma unroll
    for (int h = 0; h < 2; h++) {
      keep[h] = tr_attention_raise(softmax.c[g][h], __fmul_rn(quad_largest(top[h]), scale), MMA_SLACK);
      softmax.sum[g][h] *= keep[h];
    }
    if (has_risen(keep)) multiply_rows<M>(keep, o[g]);
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int i = 0; i < 8; i++) {
        float &term = x[j][g][i / 4][i % 4];
        term = half_exp2(__fmaf_rn(term, scale, -softmax.c[g][i % 4 / 2]));
        softmax.sum[g][i % 4 / 2] += term;
      }
  }
}

template <class M, int G>
static __device__ __forceinline__ void step(const attention_shape &s, int from, float scale,
                                            const unsigned (&q)[G][M::PARTS][4], const attention_half *k,
                                            mma_softmax<G> &softmax, float (&o)[G][M::BLOCKS][4]) {
  float x[4][G][2][4] = {};
#pragma unroll
  for (int j = 0; j < 4; j++) add_products<M, G>(q, k + j * 16 * M::LD, x[j]);
  terms_of<M, G>(s, from, scale, x, softmax, o);
#pragma unroll
  for (int j = 0; j < 4; j++) {
    unsigned p[G][4];
#pragma unroll
    for (int g = 0; g < G; g++) as_operand(x[j][g], p[g]);
    add_mixed<M, G>(p, k + M::SPACE + j * 16 * M::LD, o);
  }
}

/* y and the statistics of a group, whose rows are from `first` on. */
template <class M>
static __device__ __forceinline__ void
finish(const attention_shape &s, const attention_block &b, int first, const float (&c)[2],
       const float (&sums)[2], const float (&o)[M::BLOCKS][4], void *y, float *stats, attention_half *room) {
  float inverse[2];
#pragma unroll
  for (int h = 0; h < 2; h++) {
    const int row = first + threadIdx.x % 32 / 4 + 8 * h;
    const float sum = quad_sum(sums[h]);
    inverse[h] = 1 / sum;
    if (stats && threadIdx.x % 4 == 0 && row < s.tokens)
      stats[first_stat(s, b.sample, b.head) + row] = (c[h] + log2f(sum)) * (float)TR_LN_2;
  }
  put_rows<M>(s, result_of(s, y, b.sample, b.head), first, o, inverse, room);
}

/* G: groups of 16 queries of a warp. Two read each key once for both; one makes twice the blocks. */
template <class M, int G>
static __global__
__launch_bounds__(TR_ATTENTION_THREADS,
                  G == 2         ? 2
                  : M::CAP <= 80 ? 4
                  : M::CAP <= 96 ? 3
                                 : 2) void attention_forward(attention_shape s, const attention_half *qkv,
                                                             float scale, void *y, float *stats) {
  TR_DYNAMIC_SHARED(attention_half, memory);
  const attention_block b = tr_attention_block(s, M::TILE * G);
  const half_rows queries = halves(part_of(s, qkv, 0, b.sample, b.head)),
                  keys = halves(part_of(s, qkv, 1, b.sample, b.head)),
                  values = halves(part_of(s, qkv, 2, b.sample, b.head));
  const bool idle = is_idle<G>(s, b.first);
  unsigned q[G][M::PARTS][4];
  float o[G][M::BLOCKS][4] = {};
  mma_softmax<G> softmax;
#pragma unroll
  for (int i = 0; i < 2 * G; i++) softmax.c[i / 2][i % 2] = -INFINITY, softmax.sum[i / 2][i % 2] = 0;
#pragma unroll
  for (int g = 0; g < G; g++) fetch<M>(s, queries, b.first + g * M::TILE, memory + (2 + g) * M::SPACE);
  fetch_two<M>(s, keys, values, 0, memory, 0);
  all_fetched();
  own_rows<M, G>(memory + 2 * M::SPACE, q);
  __syncthreads();
  stream<M::TILE>(
      s, [&](int from, int half) { fetch_two<M>(s, keys, values, from, memory, half); },
      [&](int from, int now) {
        if (!idle) step<M, G>(s, from, scale, q, memory + 2 * now * M::SPACE, softmax, o);
      });
  if (idle) return;
#pragma unroll
  for (int g = 0; g < G; g++)
    finish<M>(s, b, b.first + (threadIdx.x / 32 * G + g) * 16, softmax.c[g], softmax.sum[g], o[g], y, stats,
              memory);
}

template <class mma, int G>
static tr_status run(tr_ctx *ctx, const attention_shape &s, const attention_half *qkv,
                     const tr_nn_attention_args *a) {
  static uint64_t asked;
  TR_TRY((tr_attention_allow(ctx, attention_forward<mma, G>, s.size, mma::bytes, &asked)));
  return tr_cuda_launch(ctx, "attention", a->y->shape[0], a->y->shape[1], attention_forward<mma, G>,
                        tr_attention_grid(s, s.samples, G * mma::TILE), TR_ATTENTION_THREADS, mma::bytes, s,
                        qkv, (float)(TR_LOG2_E / sqrt((double)s.size)), a->y->data,
                        a->stats ? (float *)a->stats->data : (float *)NULL);
}

template <class mma>
static tr_status run_either(tr_ctx *ctx, const attention_shape &s, const attention_half *qkv,
                            const tr_nn_attention_args *a) {
  if constexpr (has_two_groups<mma>())
    if (takes_two_groups(ctx, s, s.samples)) return run<mma, 2>(ctx, s, qkv, a);
  return run<mma, 1>(ctx, s, qkv, a);
}

tr_status tr_cuda_attention_mma(tr_ctx *ctx, const attention_shape &s, const tr_nn_attention_args *a) {
  const attention_half *qkv = (const attention_half *)a->qkv->data;
  if (!s.half) {
    void *room;
    TR_TRY(tr_cuda_scratch(ctx, (size_t)a->qkv->count * sizeof *qkv, &room));
    TR_TRY(tr_attention_round(ctx, a->qkv, (attention_half *)room));
    qkv = (const attention_half *)room;
  }
  return tr_attention_with_mma(s.size, [&](auto mma) { return run_either<decltype(mma)>(ctx, s, qkv, a); });
}
