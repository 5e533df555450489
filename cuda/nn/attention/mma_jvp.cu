/* The tangent of attention on tensor cores, in one pass over the keys. With d for tangents, dS = dq k^T + q
 * dk^T, the terms e of the softmax, their sum l and a constant m of the row:
 *   y = (sum of e v) / l      t = e (dS - m) / sqrt(size)
 *   dy = (sum of t v + e dv) / l - shift y      shift = (the mean of dS under e - m) / sqrt(size)
 * m is that mean over the first 16 keys. What all dS of a row have in common is gone by it before t is
 * rounded. */
#include "cuda/nn/attention/mma.h"

/* Of bf16; s.half is of y and of value, which is what attention gives, or NULL. */
struct mma_tangents {
  attention_shape s;
  const attention_half *qkv, *v;
  void *y, *value;
  float scale; /* 1 / sqrt(size) */
};

/* Half tiles of keys are streamed, so that k, dk, v and dv have room for two, one behind the other. */
template <class M> static constexpr __host__ __device__ int keys_of() {
  return M::TILE / 2;
}

template <class M>
static __device__ __forceinline__ void fetch_keys(const mma_tangents &a, const attention_block &b, int from,
                                                  attention_half *memory, int half) {
  memory += 2 * half * M::SPACE;
#pragma unroll
  for (int i = 0; i < 4; i++)
    fetch<M, keys_of<M>()>(a.s, halves(part_of(a.s, i % 2 ? a.v : a.qkv, 1 + i / 2, b.sample, b.head)), from,
                           memory + i * (M::SPACE / 2));
}

/* m / sqrt(size), from the sums over the first keys. */
static __device__ __forceinline__ void centre(const mma_sums &sums, float scale, float (&m)[2]) {
#pragma unroll
  for (int h = 0; h < 2; h++) m[h] = quad_sum(sums.wide[h]) / quad_sum(sums.sum[h]) * scale;
}

/* 16 keys more, of which `left` are there: their terms are to x[0] and t to x[1]. q: q, dq. o: sums of e v,
 * and of t v + e dv. */
template <class M>
static __device__ __forceinline__ void step(int left, bool first, float scale,
                                            const unsigned (&q)[2][M::PARTS][4], const attention_half *keys,
                                            mma_sums &sums, float (&m)[2], float (&o)[2][M::BLOCKS][4]) {
  constexpr int NEXT = M::SPACE / 2;
  float x[2][2][4] = {}, keep[2];
  unsigned p[2][4];
  add_products<M, 2>(q, keys, x);
  add_products<M, 1>(q, keys + NEXT, x + 1);
  add_terms(left, scale * (float)TR_LOG2_E, x[0], x[1], sums, keep);
  if (first) centre(sums, scale, m);
  if (has_risen(keep)) multiply_rows<M>(keep, o[0]), multiply_rows<M>(keep, o[1]);
#pragma unroll
  for (int i = 0; i < 8; i++) {
    float &t = x[1][i / 4][i % 4];
    t = x[0][i / 4][i % 4] * __fmaf_rn(t, scale, -m[i % 4 / 2]);
  }
  as_operand(x[0], p[0]), as_operand(x[1], p[1]);
  add_mixed<M, 2>(p, keys + 2 * NEXT, o);
  add_mixed<M, 1>(p, keys + 3 * NEXT, o + 1);
}

template <class M>
static __global__ __launch_bounds__(TR_ATTENTION_THREADS,
                                    M::CAP <= 80 ? 3 : 2) void attention_jvp(mma_tangents a) {
  TR_DYNAMIC_SHARED(attention_half, memory);
  const attention_shape &s = a.s;
  const attention_block b = tr_attention_block(s, M::TILE);
  const bool idle = is_idle<1>(s, b.first);
  unsigned q[2][M::PARTS][4];
  float o[2][M::BLOCKS][4] = {}, m[2] = {0, 0}, inverse[2];
  mma_sums sums = no_sums();
  fetch_two<M>(s, halves(part_of(s, a.qkv, 0, b.sample, b.head)),
               halves(part_of(s, a.v, 0, b.sample, b.head)), b.first, memory, 1);
  fetch_keys<M>(a, b, 0, memory, 0);
  all_fetched();
  own_rows<M, 1>(memory + 2 * M::SPACE, q), own_rows<M, 1>(memory + 3 * M::SPACE, q + 1);
  __syncthreads();
  stream<keys_of<M>()>(
      s, [&](int from, int half) { fetch_keys<M>(a, b, from, memory, half); },
      [&](int from, int now) {
        const attention_half *keys = memory + 2 * now * M::SPACE;
        const int left = idle ? 0 : s.tokens - from;
#pragma unroll 1
        for (int j = 0; j < keys_of<M>() && j < left; j += 16)
          step<M>(left - j, from + j == 0, a.scale, q, keys + j * M::LD, sums, m, o);
      });
  if (idle) return;
#pragma unroll
  for (int h = 0; h < 2; h++) {
    inverse[h] = 1 / quad_sum(sums.sum[h]);
    m[h] = quad_sum(sums.wide[h]) * inverse[h] * a.scale - m[h];
  }
  const int row = b.first + threadIdx.x / 32 * 16;
  if (a.value) put_rows<M>(s, result_of(s, a.value, b.sample, b.head), row, o[0], inverse, memory);
#pragma unroll
  for (int n = 0; n < M::BLOCKS; n++)
#pragma unroll
    for (int i = 0; i < 4; i++) o[1][n][i] -= m[i / 2] * o[0][n][i];
  put_rows<M>(s, result_of(s, a.y, b.sample, b.head), row, o[1], inverse, memory);
}

template <class mma> static tr_status run(tr_ctx *ctx, const mma_tangents &t, const tr_array *y) {
  static uint64_t asked;
  TR_TRY((tr_attention_allow(ctx, attention_jvp<mma>, t.s.size, mma::bytes, &asked)));
  return tr_cuda_launch(ctx, "the tangent of attention", y->shape[0], y->shape[1], attention_jvp<mma>,
                        tr_attention_grid(t.s, t.s.samples, mma::TILE), TR_ATTENTION_THREADS, mma::bytes, t);
}

/* Working memory: of arrays of f32 qkv and v in bf16. */
tr_status tr_cuda_attention_mma_jvp(tr_ctx *ctx, const attention_shape &s,
                                    const tr_nn_attention_jvp_args *a) {
  mma_tangents t = {s,          (const attention_half *)a->qkv->data, (const attention_half *)a->v->data,
                    a->y->data, a->value ? a->value->data : NULL,     (float)(1 / sqrt((double)s.size))};
  if (!s.half) {
    char *qkv, *v;
    const int64_t bytes = a->qkv->count * (int64_t)sizeof(attention_half);
    const tr_cuda_part parts[] = {{&qkv, bytes}, {&v, bytes}};
    TR_TRY(tr_cuda_scratch_parts(ctx, 2, parts));
    TR_TRY(tr_attention_round(ctx, a->qkv, (attention_half *)qkv));
    TR_TRY(tr_attention_round(ctx, a->v, (attention_half *)v));
    t.qkv = (const attention_half *)qkv, t.v = (const attention_half *)v;
  }
  return tr_attention_with_mma(s.size, [&](auto mma) { return run<decltype(mma)>(ctx, t, a->y); });
}
