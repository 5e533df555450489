/* The backward of attention in f64. */
#include "cuda/nn/attention/backward.h"

tr_status tr_cuda_attention_backward_f64(tr_ctx *ctx, const tr_nn_attention_backward_args *a) {
  attention_gradients<double> g;
  TR_TRY(gradients_of(ctx, a, &g));
  if (g.s.tokens <= 16 && g.s.size <= 32) return run_passes<double, 32, 1>(ctx, g, a);
  return g.s.size <= 64 ? run_passes<double, 64, 1>(ctx, g, a) : run_passes<double, 128, 1>(ctx, g, a);
}
