/* Errors of the runtime, which may come later than what caused them. */
#include <stdio.h>

#include "cuda/cuda_private.h"

tr_status tr_cuda_check(tr_ctx *ctx, cudaError_t error, const char *what) {
  if (error == cudaSuccess) return TR_OK;
  const tr_cuda_state *s = tr_cuda(ctx);
  (void)cudaGetLastError(); /* it is told here */
  return TR_FAIL(ctx, error == cudaErrorMemoryAllocation ? TR_E_MEM : TR_E_DEVICE, "%s failed: %s%s%s", what,
                 cudaGetErrorString(error), s->last[0] ? ", after " : "", s->last);
}

void tr_cuda_note(tr_ctx *ctx, const char *op, int64_t rows, int64_t cols) {
  tr_cuda_state *s = tr_cuda(ctx);
  snprintf(s->last, sizeof s->last, "%s (%lld, %lld)", op, (long long)rows, (long long)cols);
}

tr_status tr_cuda_launched(tr_ctx *ctx, cudaError_t error) {
  tr_cuda_state *s = tr_cuda(ctx);
  if (error == cudaSuccess && s->sync) error = cudaStreamSynchronize(s->stream);
  return tr_cuda_check(ctx, error, s->last);
}
