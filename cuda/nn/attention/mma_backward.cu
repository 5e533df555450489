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
    const float p = there ? half_exp2(x[i / 4][i % 4] * log_scale - logs[h]) : 0;
    dx[i / 4][i % 4] = p * (dx[i / 4][i % 4] - means[h]) * scale;
  }
}

/* SUMS: the pass that makes logs and means; else that which makes dq of them. */
template <class M, bool SUMS>
static __global__ __launch_bounds__(TR_ATTENTION_THREADS,
                                    M::CAP <= 80   ? (SUMS ? 4 : 3)
                                    : M::CAP <= 96 ? 3
                                                   : 2) void attention_of_queries(mma_gradients g) {
  TR_DYNAMIC_SHARED(attention_half, memory); /* k and v, two tiles each */
  const attention_shape &s = g.s;
  const attention_block b = tr_attention_block(s, M::TILE);
  const int64_t sample = b.sample % s.samples;
  const half_rows k = halves(part_of(s, g.qkv, 1, sample, b.head)),
                  v = halves(part_of(s, g.qkv, 2, sample, b.head));
  const int64_t log = first_stat(s, sample, b.head), mean = first_stat(s, b.sample, b.head);
  const int row = b.first + threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
  const bool idle = is_idle<1>(s, b.first);
  unsigned q[1][M::PARTS][4], dy[1][M::PARTS][4];
  float dq[1][M::BLOCKS][4] = {}, keep[2], logs[2] = {0, 0}, means[2] = {0, 0};
  mma_sums sums = no_sums();
  if (!SUMS)
#pragma unroll
    for (int h = 0; h < 2; h++)
      if (row + 8 * h < s.tokens) logs[h] = g.logs[log + row + 8 * h], means[h] = g.means[mean + row + 8 * h];
  fetch_two<M>(s, halves(part_of(s, g.qkv, 0, sample, b.head)), halves(result_of(s, g.dy, b.sample, b.head)),
               b.first, memory, 1);
  fetch_two<M>(s, k, v, 0, memory, 0);
  all_fetched();
  own_rows<M, 1>(memory + 2 * M::SPACE, q), own_rows<M, 1>(memory + 3 * M::SPACE, dy);
  __syncthreads();
  stream<M::TILE>(
      s, [&](int from, int half) { fetch_two<M>(s, k, v, from, memory, half); },
      [&](int from, int now) {
        const attention_half *keys = memory + 2 * now * M::SPACE, *values = keys + M::SPACE;
        const int left = idle ? 0 : s.tokens - from;
#pragma unroll 1
        for (int j = 0; j < M::TILE && j < left; j += 16) {
          float x[1][2][4] = {}, dx[1][2][4] = {};
          add_products<M, 1>(q, keys + j * M::LD, x);
          add_products<M, 1>(dy, values + j * M::LD, dx);
          if (SUMS) {
            add_terms(left - j, g.scale * (float)TR_LOG2_E, 0, x[0], dx[0], sums, keep);
          } else {
            unsigned ds[1][4];
            gradient_of_scores(left - j, g.scale, logs, means, x[0], dx[0]);
            as_operand(dx[0], ds[0]);
            add_mixed<M, 1>(ds, keys + j * M::LD, dq);
          }
        }
      });
  if (idle) return;
  if (SUMS) {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      const float sum = quad_sum(sums.sum[h]), wide = quad_sum(sums.wide[h]);
      if (threadIdx.x % 4 || row + 8 * h >= s.tokens) continue;
      if (b.sample < s.samples) g.logs[log + row + 8 * h] = sums.c[h] + log2f(sum);
      g.means[mean + row + 8 * h] = wide / sum;
    }
  } else {
    const float one[2] = {1, 1};
    put_rows<M>(s, part_of(s, g.dqkv, 0, b.sample, b.head), b.first + threadIdx.x / 32 * 16, dq[0], one,
                memory);
  }
}

template <class mma>
static tr_status run_queries(tr_ctx *ctx, const mma_gradients &g, const tr_array *dy, bool sums) {
  static uint64_t asked[2];
  if (sums) TR_TRY(run_mma<mma>(ctx, g, dy, attention_of_queries<mma, true>, 0, &asked[0]));
  return run_mma<mma>(ctx, g, dy, attention_of_queries<mma, false>, 0, &asked[1]);
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
