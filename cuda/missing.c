/* Operations that are not written yet; this file goes when they all are. */
#include "cuda/cuda_private.h"

#define MISSING(op)                                                                                          \
  tr_status tr_cuda_##op(tr_ctx *ctx, const tr_nn_##op##_args *args) {                                       \
    (void)args;                                                                                              \
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "the operation " #op " is not written yet");                       \
  }
MISSING(linear)
MISSING(attention_backward)
MISSING(gradient_of_linear)
MISSING(attention_jvp)

#define NOT_YET(name, ...)                                                                                   \
  tr_status tr_cuda_##name(tr_ctx *ctx, __VA_ARGS__) {                                                       \
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "the operation " #name " is not written yet");                     \
  }
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOT_YET(weight_create, const tr_nn_weight_spec *spec, void **own)
NOT_YET(weight_set, void *own, const tr_array *values)
void tr_cuda_weight_destroy(tr_ctx *ctx, void *own) {}
int64_t tr_cuda_rows_at_once(tr_ctx *ctx, bool kept) {
  return 1 << 20;
}
