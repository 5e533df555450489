/* What the kernels of attention have in common. Each block has one tile of queries, or of keys, of one head
 * of one sample, and goes through all tokens of the sample in their order: no sum is cut anywhere, so bits
 * depend on nothing but the sample.
 *
 * Scores are in units of log 2: terms of a softmax are 2^(s - c). c is the first tile's largest score, and
 * rises in whole steps from there on. So what is there already is multiplied by a power of two, exactly, and
 * a term rounded to bf16 is the one that the last c would have given: c is one for the row (core/nn/nn.h). */
#ifndef TR_CUDA_NN_ATTENTION_PRIVATE_H
#define TR_CUDA_NN_ATTENTION_PRIVATE_H

#include "cuda/launch.h"

#define TR_ATTENTION_THREADS 128
#define TR_ATTENTION_WIDEST  128 /* columns of a head that tiles hold; the forward goes on in wide.h */
#define TR_LOG2_E            1.4426950408889634
#define TR_LN_2              0.6931471805599453

/* Sizes of a launch. `half`: arrays are of bf16; `round`: so are the operands of products, the arrays being
 * f32 or bf16. */
struct attention_shape {
  int tokens, heads, size; /* size: columns of a head */
  int64_t samples;
  bool half, round;
};

static inline attention_shape tr_attention_shape_of(const tr_array *qkv, int64_t samples, int heads,
                                                    tr_nn_products products) {
  const bool half = qkv->dtype == TR_BF16;
  return {(int)(qkv->shape[0] / samples), heads, (int)(qkv->shape[1] / 3 / heads), samples, half,
          half || products == TR_NN_BF16};
}

/* Which rows of which head a block has. */
struct attention_block {
  int first, head;
  int64_t sample; /* of R N where there are R gradients */
};
static __device__ __forceinline__ attention_block tr_attention_block(const attention_shape &s, int rows) {
  const unsigned tiles = (unsigned)(s.tokens + rows - 1) / rows, of_heads = blockIdx.x / tiles;
  return {(int)(blockIdx.x % tiles) * rows, (int)(of_heads % s.heads), of_heads / s.heads};
}
/* Blocks of a launch over `samples`. */
static inline dim3 tr_attention_grid(const attention_shape &s, int64_t samples, int rows) {
  return dim3(tr_cuda_blocks(tr_cuda_blocks(s.tokens, rows) * (int64_t)s.heads * samples, 1));
}

/* Rows of one head: `at` and `stride` in elements of the array. */
struct attention_rows {
  const void *data;
  int64_t at;
  int stride;
};
/* Of q, k, v, in this order the parts of qkv, or of tangents. */
static __device__ __forceinline__ attention_rows part_of(const attention_shape &s, const void *qkv, int part,
                                                         int64_t sample, int head) {
  const int hidden = s.heads * s.size;
  return {qkv, (sample * s.tokens * 3 + part) * hidden + head * s.size, 3 * hidden};
}
/* Of what attention gives, or of its gradient. */
static __device__ __forceinline__ attention_rows result_of(const attention_shape &s, const void *y,
                                                           int64_t sample, int head) {
  const int hidden = s.heads * s.size;
  return {y, sample * s.tokens * hidden + head * s.size, hidden};
}

/* Where the statistics of a head's queries begin, of (samples, heads, tokens). */
static __device__ __forceinline__ int64_t first_stat(const attention_shape &s, int64_t sample, int head) {
  return (sample * s.heads + head) * s.tokens;
}

/* Raises c to a largest score `top` of further terms, where that is more than `slack` above it. Gives what
 * those so far are to be multiplied with: 1 where there are none. */
template <class T> static __device__ __forceinline__ T tr_attention_raise(T &c, T top, T slack = 0) {
  if (!(top > c + slack)) return 1;
  if (c == -INFINITY) return c = top, 1;
  const T step = ceil(top - c);
  c += step;
  return ldexp(T(1), -(int)(step < 4000 ? step : T(4000)));
}

/* Lets a kernel have more shared memory than a block has unasked. `asked`: a bit for each device, of this
 * kernel. */
template <class... P>
static tr_status tr_attention_allow(tr_ctx *ctx, void (*kernel)(P...), int size, size_t bytes,
                                    uint64_t *asked) {
  const tr_cuda_state *state = tr_cuda(ctx);
  const uint64_t bit = state->device < 64 ? (uint64_t)1 << state->device : 0;
  if (bytes <= 48 * 1024 || (__atomic_load_n(asked, __ATOMIC_RELAXED) & bit)) return TR_OK;
  if (bytes > state->shared_most)
    return TR_FAIL(ctx, TR_E_UNSUPPORTED,
                   "attention with heads of %d needs %zu bytes of shared memory: this device has %zu", size,
                   bytes, state->shared_most);
  TR_TRY(tr_cuda_check(
      ctx,
      cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes),
      "asking for shared memory for attention"));
  __atomic_fetch_or(asked, bit, __ATOMIC_RELAXED);
  return TR_OK;
}

/* Heads that are too wide for a backward, and for forward mode. */
static inline tr_status tr_attention_check(tr_ctx *ctx, const attention_shape &s) {
  if (s.size <= TR_ATTENTION_WIDEST) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_UNSUPPORTED,
      "the gradient and the tangent of attention with heads of %d columns: this device has them for "
      "at most %d",
      s.size, TR_ATTENTION_WIDEST);
}

#endif
