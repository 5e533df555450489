/* The backward of attention in f64. */
#include "cuda/nn/attention/backward.h"

tr_status tr_cuda_attention_backward_f64(tr_ctx *ctx, const attention_shape &s,
                                         const tr_nn_attention_backward_args *a) {
  return run_backward<double, 1, 1>(ctx, s, a);
}
