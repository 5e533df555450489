/* The backward of attention in f32, and which kernels it is. */
#include "cuda/nn/attention/backward.h"
#include "cuda/nn/attention/mma.h"

tr_status tr_cuda_attention_backward(tr_ctx *ctx, const tr_nn_attention_backward_args *a) {
  if (a->dy->count == 0) return TR_OK;
  const attention_shape s = tr_attention_shape_of(a->qkv, a->samples, a->heads, a->products);
  const void *const arrays[] = {a->qkv->data, a->dy->data, a->dqkv->data};
  TR_TRY(tr_attention_check(ctx, s));
  if (a->qkv->dtype == TR_F64) return tr_cuda_attention_backward_f64(ctx, s, a);
  if (tr_attention_fits_mma(s, arrays, 3)) return tr_cuda_attention_mma_backward(ctx, s, a);
  return run_backward<float, 4, 2>(ctx, s, a);
}
