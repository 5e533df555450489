/* Errors of the runtime, which may come later than what caused them. Some leave the device of no use to this
 * process: the first of these is what everything says from then on. */
#include <stdio.h>

#include "cuda/cuda_private.h"

void tr_cuda_note(tr_ctx *ctx, const char *op, int64_t rows, int64_t cols) {
  tr_cuda_state *s = tr_cuda_state_of(ctx);
  s->last = op, s->last_rows = rows, s->last_cols = cols;
}

/* Whether the runtime goes on failing by itself. */
static bool is_lost(const tr_cuda_state *s) {
  (void)cudaGetLastError(); /* forgets an error of one call only */
  if (cudaPeekAtLastError() != cudaSuccess) return true;
  if (s->recording) return false; /* a stream under capture may not be asked */
  const cudaError_t error = cudaStreamQuery(s->stream);
  return error != cudaSuccess && error != cudaErrorNotReady;
}

/* ", after attention (256, 1152)": the operation launched last, if there was one. */
static void say_last(const tr_cuda_state *s, char *text, size_t size) {
  text[0] = 0;
  if (!s->last) return;
  snprintf(text, size, s->last_rows || s->last_cols ? ", %s %s (%lld, %lld)" : ", %s %s",
           s->sync ? "in" : "after", s->last, (long long)s->last_rows, (long long)s->last_cols);
}

tr_status tr_cuda_check(tr_ctx *ctx, cudaError_t error, const char *what) {
  const tr_cuda_state *known = tr_cuda_state_of(ctx);
  if (error == cudaSuccess && !known->lost[0]) return TR_OK;
  if (known->lost[0]) return TR_FAIL(ctx, TR_E_DEVICE, "%s", known->lost);
  tr_cuda_state *s = tr_cuda(ctx);
  if (!is_lost(s))
    return TR_FAIL(ctx, error == cudaErrorMemoryAllocation ? TR_E_MEM : TR_E_DEVICE, "%s failed: %s", what,
                   cudaGetErrorString(error));
  char last[160];
  say_last(s, last, sizeof last);
  snprintf(s->lost, sizeof s->lost, "the device failed: %s%s%s", cudaGetErrorString(error), last,
           s->sync || !s->last ? "" : " at the latest: TRANSIT_CUDA_SYNC=1 tells in which operation");
  return TR_FAIL(ctx, TR_E_DEVICE, "%s", s->lost);
}

tr_status tr_cuda_launched(tr_ctx *ctx, cudaError_t error) {
  const tr_cuda_state *s = tr_cuda_state_of(ctx);
  if (error == cudaSuccess && s->sync) error = cudaStreamSynchronize(s->stream);
  return tr_cuda_check(ctx, error, s->last);
}
