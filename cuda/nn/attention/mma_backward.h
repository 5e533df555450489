/* The backward of attention on tensor cores: the passes of backward.h. */
#ifndef TR_CUDA_NN_ATTENTION_MMA_BACKWARD_H
#define TR_CUDA_NN_ATTENTION_MMA_BACKWARD_H

#include "cuda/nn/attention/backward.h"
#include "cuda/nn/attention/mma.h"

/* qkv and dy are of bf16 here; s.half is of dqkv. */
typedef attention_gradients<float> mma_gradients;

/* The pass over queries or over keys with `kernel`, made for heads of M::CAP, of which a block has `rows`. */
template <class M>
static tr_status run_mma(tr_ctx *ctx, const mma_gradients &g, const tr_array *dy,
                         void (*kernel)(mma_gradients), int rows, size_t more, uint64_t *asked) {
  const size_t shared = M::bytes + more;
  TR_TRY(tr_attention_allow(ctx, kernel, g.s.size, shared, asked));
  return tr_cuda_launch(ctx, "the backward of attention", dy->shape[0], dy->shape[1], kernel,
                        tr_attention_grid(g.s, dy->shape[0] / g.s.tokens, rows), TR_ATTENTION_THREADS, shared,
                        g);
}

/* The pass over tiles of keys, in a file of its own. */
tr_status tr_cuda_attention_mma_keys(tr_ctx *ctx, const mma_gradients &g, const tr_array *dy);

#endif
