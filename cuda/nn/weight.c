/* Weights: one matrix on the device, read as W^T and as W by products (cuda/library). Set anew, which
 * training does each step, its values are copied in one launch, and rounded where it is kept in bf16. */
#include <stdlib.h>

#include "core/context_private.h"
#include "cuda/nn/linear.h"

static size_t bytes_of(const tr_nn_weight_spec *spec) {
  return (size_t)(spec->out * spec->in) * tr_dtype_size(spec->storage);
}

tr_status tr_cuda_weight_create(tr_ctx *ctx, const tr_nn_weight_spec *spec, void **own) {
  tr_cuda_weight *w = malloc(sizeof *w);
  *own = NULL;
  if (!w) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a weight");
  *w = (tr_cuda_weight){.spec = spec};
  void *room; /* of products: it is there before anything is fitted in beside it */
  tr_status status = tr_cuda_scratch(ctx, 1, &room);
  if (status == TR_OK) status = tr_cuda_mem.alloc(ctx, bytes_of(spec), &w->values);
  if (status != TR_OK) {
    free(w);
    return status;
  }
  tr_ctx_count(ctx, TR_COUNT_ALLOCATION, 0);
  tr_ctx_count_memory(ctx, (int64_t)bytes_of(spec));
  *own = w;
  return TR_OK;
}

tr_status tr_cuda_weight_set(tr_ctx *ctx, void *own, const tr_array *values) {
  const tr_cuda_weight *w = own;
  return tr_cuda_cast(ctx, &(tr_cuda_cast_args){.from_type = values->dtype,
                                                .to_type = w->spec->storage,
                                                .from = values->data,
                                                .to = w->values,
                                                .rows = w->spec->out,
                                                .all = w->spec->out,
                                                .cols = w->spec->in});
}

void tr_cuda_weight_destroy(tr_ctx *ctx, void *own) {
  tr_cuda_weight *w = own;
  tr_cuda_mem.release(ctx, w->values);
  tr_ctx_count_memory(ctx, -(int64_t)bytes_of(w->spec));
  free(w);
}

tr_cuda_arithmetic tr_cuda_arithmetic_of(const tr_nn_weight_spec *spec) {
  if (spec->compute == TR_F64) return TR_CUDA_F64;
  return spec->products == TR_NN_BF16   ? TR_CUDA_BF16
         : spec->products == TR_NN_TF32 ? TR_CUDA_TF32
                                        : TR_CUDA_F32;
}
