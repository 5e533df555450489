/* Operations that are not written yet; this file goes when they all are. */
#include "cuda/cuda_private.h"

#define MISSING(op)                                                                                          \
  tr_status tr_cuda_##op(tr_ctx *ctx, const tr_nn_##op##_args *args) {                                       \
    (void)args;                                                                                              \
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "the operation " #op " is not written yet");                       \
  }
MISSING(attention_backward)
MISSING(attention_jvp)
