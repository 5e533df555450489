/* The backward of attention on tensor cores: which passes, and those over tiles of queries. */
#include "cuda/nn/attention/mma_backward.h"

/* dS in the place of dP, of 16 keys, of which `left` are there; of a lane's two rows. */
static __device__ __forceinline__ void gradient_of_scores(int left, float scale, const float (&logs)[2],
                                                          const float (&means)[2], const float (&x)[2][4],
                                                          float (&dx)[2][4]) {
  const int pair = threadIdx.x % 4 * 2;
  const float log_scale = scale * (float)TR_LOG2_E;
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const int h = i % 4 / 2;
    const bool there = i / 4 * 8 + pair + i % 2 < left;
    const float p = there ? half_exp2(__fmaf_rn(x[i / 4][i % 4], log_scale, -logs[h])) : 0;
    dx[i / 4][i % 4] = p * (dx[i / 4][i % 4] - means[h]) * scale;
  }
}

/* Where a block's queries are: g.logs and g.means of a lane's row h of group g are at row(g, h) behind `log`
 * and `mean`. */
template <int G> struct mma_queries {
  int64_t log, mean;
  int first;

  __device__ __forceinline__ int row(int g, int h) const {
    return first + g * 16 + threadIdx.x % 32 / 4 + h * 8;
  }
};
template <int G>
static __device__ __forceinline__ mma_queries<G> queries_of(const mma_gradients &g,
                                                            const attention_block &b) {
  return {first_stat(g.s, b.sample % g.s.samples, b.head), first_stat(g.s, b.sample, b.head),
          b.first + (int)threadIdx.x / 32 * 16 * G};
}

/* Own rows of q and dy, and the first tile of k and v. Two groups need the room of that tile themselves. */
template <class M, int G>
static __device__ __forceinline__ void
begin_queries(const attention_shape &s, const half_rows &q, const half_rows &dy, const half_rows &k,
              const half_rows &v, int first, attention_half *memory, unsigned (&own_q)[G][M::PARTS][4],
              unsigned (&own_dy)[G][M::PARTS][4]) {
  attention_half *room = memory + (G == 1 ? 2 * M::SPACE : 0);
#pragma unroll
  for (int g = 0; g < G; g++) {
    fetch<M>(s, q, first + g * M::TILE, room + g * M::SPACE);
    fetch<M>(s, dy, first + g * M::TILE, room + (G + g) * M::SPACE);
  }
  if (G == 1) fetch_two<M>(s, k, v, 0, memory, 0);
  all_fetched();
  own_rows<M, G>(room, own_q), own_rows<M, G>(room + G * M::SPACE, own_dy);
  __syncthreads();
  if (G == 1) return;
  fetch_two<M>(s, k, v, 0, memory, 0);
  all_fetched();
}

/* The logs and means that a pass of sums has made. */
template <int G>
static __device__ __forceinline__ void put_sums(const mma_gradients &g, const attention_block &b,
                                                const mma_queries<G> &queries, const mma_sums (&sums)[G]) {
#pragma unroll
  for (int i = 0; i < 2 * G; i++) {
    const int h = i % 2, row = queries.row(i / 2, h);
    const float sum = quad_sum(sums[i / 2].sum[h]), wide = quad_sum(sums[i / 2].wide[h]);
    if (threadIdx.x % 4 || row >= g.s.tokens) continue;
    if (b.sample < g.s.samples) g.logs[queries.log + row] = sums[i / 2].c[h] + log2f(sum);
    g.means[queries.mean + row] = wide / sum;
  }
}

/* SUMS: the pass that makes logs and means; else that which makes dq of them. G: groups of 16 queries of a
 * warp, as in the forward. */
template <class M, bool SUMS, int G>
static __global__ __launch_bounds__(TR_ATTENTION_THREADS,
                                    G == 2         ? 2
                                    : M::CAP <= 80 ? (SUMS ? 4 : 3)
                                    : M::CAP <= 96 ? 3
                                                   : 2) void attention_of_queries(mma_gradients g) {
  TR_DYNAMIC_SHARED(attention_half, memory); /* k and v, two tiles each */
  const attention_shape &s = g.s;
  const attention_block b = tr_attention_block(s, M::TILE * G);
  const int64_t sample = b.sample % s.samples;
  const half_rows k = halves(part_of(s, g.qkv, 1, sample, b.head)),
                  v = halves(part_of(s, g.qkv, 2, sample, b.head));
  const mma_queries<G> queries = queries_of<G>(g, b);
  const bool idle = is_idle<G>(s, b.first);
  unsigned q[G][M::PARTS][4], dy[G][M::PARTS][4];
  float dq[G][M::BLOCKS][4] = {}, keep[2], logs[G][2] = {}, means[G][2] = {};
  mma_sums sums[G];
#pragma unroll
  for (int i = 0; i < G; i++) sums[i] = no_sums();
  if (!SUMS)
#pragma unroll
    for (int i = 0; i < 2 * G; i++)
      if (queries.row(i / 2, i % 2) < s.tokens)
        logs[i / 2][i % 2] = g.logs[queries.log + queries.row(i / 2, i % 2)],
                        means[i / 2][i % 2] = g.means[queries.mean + queries.row(i / 2, i % 2)];
  begin_queries<M, G>(s, halves(part_of(s, g.qkv, 0, sample, b.head)),
                      halves(result_of(s, g.dy, b.sample, b.head)), k, v, b.first, memory, q, dy);
  stream<M::TILE>(
      s, [&](int from, int half) { fetch_two<M>(s, k, v, from, memory, half); },
      [&](int from, int now) {
        const attention_half *keys = memory + 2 * now * M::SPACE, *values = keys + M::SPACE;
        const int left = idle ? 0 : s.tokens - from;
#pragma unroll 1
        for (int j = 0; j < M::TILE && j < left; j += 16) {
          float x[G][2][4] = {}, dx[G][2][4] = {};
          unsigned ds[G][4];
          add_products<M, G>(q, keys + j * M::LD, x);
          add_products<M, G>(dy, values + j * M::LD, dx);
#pragma unroll
          for (int i = 0; i < G; i++)
            if (SUMS) {
              add_terms(left - j, g.scale * (float)TR_LOG2_E, x[i], dx[i], sums[i], keep);
            } else {
              gradient_of_scores(left - j, g.scale, logs[i], means[i], x[i], dx[i]);
              as_operand(dx[i], ds[i]);
            }
          if (!SUMS) add_mixed<M, G>(ds, keys + j * M::LD, dq);
        }
      });
  if (idle) return;
  if (SUMS) return put_sums<G>(g, b, queries, sums);
  const float one[2] = {1, 1};
#pragma unroll
  for (int i = 0; i < G; i++)
    put_rows<M>(s, part_of(s, g.dqkv, 0, b.sample, b.head), queries.first + i * 16, dq[i], one, memory);
}

template <class mma>
static tr_status run_queries(tr_ctx *ctx, const mma_gradients &g, const tr_array *dy, bool sums) {
  static uint64_t asked[3];
  if (sums) TR_TRY(run_mma<mma>(ctx, g, dy, attention_of_queries<mma, true, 1>, mma::TILE, 0, &asked[0]));
  if constexpr (has_two_groups<mma>())
    if (takes_two_groups(ctx, g.s, dy->shape[0] / g.s.tokens))
      return run_mma<mma>(ctx, g, dy, attention_of_queries<mma, false, 2>, 2 * mma::TILE, 0, &asked[1]);
  return run_mma<mma>(ctx, g, dy, attention_of_queries<mma, false, 1>, mma::TILE, 0, &asked[2]);
}

/* Working memory: logs and means, then of arrays of f32 qkv and dy in bf16. */
tr_status tr_cuda_attention_mma_backward(tr_ctx *ctx, const attention_shape &s,
                                         const tr_nn_attention_backward_args *a) {
  const int64_t stat = s.heads * (int64_t)sizeof(float), half = s.half ? 0 : (int64_t)sizeof(attention_half);
  char *logs, *means, *qkv, *dy;
  const tr_cuda_part parts[] = {{&logs, a->qkv->shape[0] * stat},
                                {&means, a->dy->shape[0] * stat},
                                {&qkv, a->qkv->count * half},
                                {&dy, a->dy->count * half}};
  TR_TRY(tr_cuda_scratch_parts(ctx, sizeof parts / sizeof *parts, parts));
  mma_gradients g = {s,
                     a->qkv->data,
                     a->dy->data,
                     a->dqkv->data,
                     (float *)logs,
                     (float *)means,
                     (float)(1 / sqrt((double)s.size))};
  if (a->stats) TR_TRY(run_known(ctx, g, a));
  if (!s.half) {
    TR_TRY(tr_attention_round(ctx, a->qkv, (attention_half *)qkv));
    TR_TRY(tr_attention_round(ctx, a->dy, (attention_half *)dy));
    g.qkv = qkv, g.dy = dy;
  }
  TR_TRY(tr_attention_with_mma(
      s.size, [&](auto mma) { return run_queries<decltype(mma)>(ctx, g, a->dy, !a->stats); }));
  return tr_cuda_attention_mma_keys(ctx, g, a->dy);
}
