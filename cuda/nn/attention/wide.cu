/* The softmax between the two products of attention with wide heads. */
#include "cuda/nn/attention/tile.h"
#include "cuda/nn/attention/wide.h"
#include "cuda/nn/quads.cuh"

#define THREADS 256

/* The largest of the block's, the same in all; part: 32 numbers of shared memory. */
template <class N> static __device__ __forceinline__ N block_largest(N v, N *part) {
  const int lane = threadIdx.x % 32;
  for (int d = 16; d; d /= 2) {
    const N other = __shfl_xor_sync(~0u, v, d);
    v = other > v ? other : v;
  }
  if (lane == 0) part[threadIdx.x / 32] = v;
  __syncthreads();
  v = part[lane % (THREADS / 32)];
  for (int d = THREADS / 64; d; d /= 2) {
    const N other = __shfl_xor_sync(~0u, v, d);
    v = other > v ? other : v;
  }
  return v;
}

/* A block has a row. */
template <class N, class T>
static __global__ __launch_bounds__(THREADS) void terms_of_scores(const N *scores, T *terms, int64_t tokens,
                                                                  int64_t ld, N scale, N *inverse, N *stats) {
  __shared__ N part[2][32];
  const int64_t row = blockIdx.x;
  N c = -INFINITY, sum = 0;
  scores += row * ld, terms += row * ld;
  for (int64_t k = threadIdx.x; k < tokens; k += THREADS) {
    const N s = scores[k] * scale;
    c = s > c ? s : c;
  }
  c = block_largest(c, part[0]);
  for (int64_t k = threadIdx.x; k < tokens; k += THREADS) {
    const N term = tr_exp2(scores[k] * scale - c);
    sum += term;
    tr_store(terms + k, term);
  }
  sum = tr_block_sum(sum, part[1]);
  if (threadIdx.x > 0) return;
  inverse[row] = 1 / sum;
  if (stats) stats[row] = (c + log2(sum)) * N(TR_LN_2);
}

template <class N, class T>
static tr_status run_terms(tr_ctx *ctx, const tr_cuda_terms_args *a, void *terms) {
  return tr_cuda_launch(ctx, "attention", a->rows, a->tokens, terms_of_scores<N, T>,
                        tr_cuda_blocks(a->rows, 1), THREADS, 0, (const N *)a->scores, (T *)terms, a->tokens,
                        a->ld, (N)(a->scale * TR_LOG2_E), (N *)a->inverse, (N *)a->stats);
}

tr_status tr_cuda_terms(tr_ctx *ctx, const tr_cuda_terms_args *a) {
  if (a->type == TR_F64) return run_terms<double, double>(ctx, a, a->scores);
  return a->halves ? run_terms<float, __nv_bfloat16>(ctx, a, a->halves)
                   : run_terms<float, float>(ctx, a, a->scores);
}

template <class N> struct divide_work {
  tr_matrix<N> product, y;
  const N *inverse;
  int64_t first;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N v[4];
    product.load(row, c, v);
    for (int i = 0; i < 4; i++) v[i] *= inverse[row];
    y.store(first + row, c, v);
  }
};

template <class N> static tr_status run_divide(tr_ctx *ctx, const tr_cuda_divide_args *a) {
  tr_array product = *a->y;
  product.dtype = a->type, product.shape[0] = a->rows, product.shape[1] = a->stride;
  product.data = (void *)a->product;
  return tr_launch_quads(ctx, "attention", a->rows, a->cols,
                         divide_work<N>{tr_matrix_of<N>(&product, 0, a->cols),
                                        tr_matrix_of<N>(a->y, a->offset, a->cols), (const N *)a->inverse,
                                        a->first});
}

tr_status tr_cuda_divide(tr_ctx *ctx, const tr_cuda_divide_args *a) {
  return a->type == TR_F64 ? run_divide<double>(ctx, a) : run_divide<float>(ctx, a);
}
