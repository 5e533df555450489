/* The pass of the backward of attention on tensor cores that has tiles of keys: dk and dv. */
#include "cuda/nn/attention/mma_backward.h"

/* P^T in the place of scores and dS^T in that of dP^T, of 16 queries with these logs and means. Of a query
 * that there is not P is not 0, but what it is multiplied with. */
static __device__ __forceinline__ void softmax_of_queries(float scale, const float *logs, const float *means,
                                                          float (&x)[2][4], float (&dx)[2][4]) {
  const int pair = threadIdx.x % 4 * 2;
  const float log_scale = scale * (float)TR_LOG2_E;
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const int query = i / 4 * 8 + pair + i % 2;
    const float p = half_exp2(x[i / 4][i % 4] * log_scale - logs[query]);
    x[i / 4][i % 4] = p, dx[i / 4][i % 4] = p * (dx[i / 4][i % 4] - means[query]) * scale;
  }
}

/* Sends for the logs and means of a tile of queries, zeros where there are none: 64 of each. */
static __device__ __forceinline__ void fetch_stats(const attention_shape &s, const float *logs,
                                                   const float *means, int from, float *to) {
  const int query = from + threadIdx.x % 64;
  tr_copy_async_or_zero<4>(to + threadIdx.x, (threadIdx.x < 64 ? logs : means) + query, query < s.tokens);
}

/* Whether own v stays in shared memory, registers being too few for it. */
template <class M> static constexpr __host__ __device__ bool keeps_v() {
  return M::CAP > 96;
}

template <class M>
static __global__ __launch_bounds__(TR_ATTENTION_THREADS,
                                    M::CAP <= 80 ? 3 : 2) void attention_of_keys(mma_gradients g) {
  TR_DYNAMIC_SHARED(attention_half, memory); /* q and dy, two tiles each, own v; logs and means, twice */
  attention_half *own_v = memory + (keeps_v<M>() ? 4 : 3) * M::SPACE;
  float *stats = (float *)(memory + (keeps_v<M>() ? 5 : 4) * M::SPACE);
  const attention_shape &s = g.s;
  const attention_block b = tr_attention_block(s, M::TILE);
  const int64_t sample = b.sample % s.samples;
  const half_rows q = halves(part_of(s, g.qkv, 0, sample, b.head)),
                  dy = halves(result_of(s, g.dy, b.sample, b.head));
  const float *logs = g.logs + first_stat(s, sample, b.head),
              *means = g.means + first_stat(s, b.sample, b.head), one[2] = {1, 1};
  const bool idle = is_idle<1>(s, b.first);
  unsigned k[1][M::PARTS][4], v[1][M::PARTS][4];
  float dk[1][M::BLOCKS][4] = {}, dv[1][M::BLOCKS][4] = {};
  fetch<M>(s, halves(part_of(s, g.qkv, 1, sample, b.head)), b.first, memory + 2 * M::SPACE);
  fetch<M>(s, halves(part_of(s, g.qkv, 2, sample, b.head)), b.first, own_v);
  fetch_two<M>(s, q, dy, 0, memory, 0);
  fetch_stats(s, logs, means, 0, stats);
  all_fetched();
  own_rows<M, 1>(memory + 2 * M::SPACE, k), own_rows<M, 1>(own_v, v);
  __syncthreads();
  stream<M::TILE>(
      s,
      [&](int from, int half) {
        fetch_two<M>(s, q, dy, from, memory, half);
        fetch_stats(s, logs, means, from, stats + half * 128);
      },
      [&](int from, int now) {
        const attention_half *queries = memory + 2 * now * M::SPACE, *gradients = queries + M::SPACE;
        const int left = idle ? 0 : s.tokens - from;
#pragma unroll 1
        for (int j = 0; j < M::TILE && j < left; j += 16) {
          float x[1][2][4] = {}, dx[1][2][4] = {};
          unsigned p[1][4];
          add_products<M, 1>(k, queries + j * M::LD, x);
          if (keeps_v<M>()) own_rows<M, 1>(own_v, v);
          add_products<M, 1>(v, gradients + j * M::LD, dx);
          softmax_of_queries(g.scale, stats + now * 128 + j, stats + now * 128 + 64 + j, x[0], dx[0]);
          as_operand(x[0], p[0]);
          add_mixed<M, 1>(p, gradients + j * M::LD, dv);
          as_operand(dx[0], p[0]);
          add_mixed<M, 1>(p, queries + j * M::LD, dk);
        }
      });
  if (idle) return;
  put_rows<M>(s, part_of(s, g.dqkv, 1, b.sample, b.head), b.first + threadIdx.x / 32 * 16, dk[0], one,
              memory);
  put_rows<M>(s, part_of(s, g.dqkv, 2, b.sample, b.head), b.first + threadIdx.x / 32 * 16, dv[0], one,
              memory);
}

template <class mma> static tr_status run(tr_ctx *ctx, const mma_gradients &g, const tr_array *dy) {
  static uint64_t asked;
  return run_mma<mma>(ctx, g, dy, attention_of_keys<mma>, mma::TILE,
                      256 * sizeof(float) + (keeps_v<mma>() ? mma::bytes / 4 : 0), &asked);
}

tr_status tr_cuda_attention_mma_keys(tr_ctx *ctx, const mma_gradients &g, const tr_array *dy) {
  return tr_attention_with_mma(g.s.size, [&](auto mma) { return run<decltype(mma)>(ctx, g, dy); });
}
