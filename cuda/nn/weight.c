/* Weights: one matrix on the device, read as W^T and as W by products (cuda/library), in the type in which it
 * is multiplied: an evaluation converts nothing. Set anew, which training does each step, its values are
 * copied in one launch, and rounded where it is multiplied in bf16. */
#include <stdlib.h>

#include "core/context_private.h"
#include "cuda/nn/pictures/conv2d.h"

static tr_dtype type_of(const tr_nn_weight_spec *spec) {
  return tr_cuda_operand_type(tr_cuda_arithmetic_of(spec->compute, spec->products));
}

static size_t bytes_of(const tr_nn_weight_spec *spec) {
  return (size_t)(spec->out * tr_cuda_conv_columns(spec)) * tr_dtype_size(type_of(spec));
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

static tr_status convert(tr_ctx *ctx, const tr_nn_weight_spec *spec, tr_dtype from_type, const void *from,
                         tr_dtype to_type, void *to) {
  return tr_cuda_cast(ctx, &(tr_cuda_cast_args){.from_type = from_type,
                                                .to_type = to_type,
                                                .from = from,
                                                .to = to,
                                                .rows = spec->out,
                                                .all = spec->out,
                                                .cols = spec->in});
}

/* The values of a convolution in its own order; storage is the type in which they are multiplied. */
static tr_status set_taps(tr_ctx *ctx, const tr_cuda_weight *w, const tr_array *values) {
  const tr_dtype type = type_of(w->spec);
  void *rounded = values->data;
  if (values->dtype != type) {
    TR_TRY(tr_cuda_scratch(ctx, (size_t)values->count * tr_dtype_size(type), &rounded));
    TR_TRY(convert(ctx, w->spec, values->dtype, values->data, type, rounded));
  }
  return tr_cuda_taps(ctx, w->spec, rounded, w->values);
}

/* Rounded to the storage type once, also where it is multiplied in a wider one. */
tr_status tr_cuda_weight_set(tr_ctx *ctx, void *own, const tr_array *values) {
  const tr_cuda_weight *w = own;
  const tr_dtype kept = w->spec->storage, type = type_of(w->spec);
  const void *from = values->data;
  tr_dtype from_type = values->dtype;
  if (w->spec->taps) return set_taps(ctx, w, values);
  if (kept != type && kept != from_type) {
    void *rounded;
    TR_TRY(tr_cuda_scratch(ctx, (size_t)values->count * tr_dtype_size(kept), &rounded));
    TR_TRY(convert(ctx, w->spec, from_type, from, kept, rounded));
    from = rounded, from_type = kept;
  }
  return convert(ctx, w->spec, from_type, from, type, w->values);
}

void tr_cuda_weight_destroy(tr_ctx *ctx, void *own) {
  tr_cuda_weight *w = own;
  tr_cuda_mem.release(ctx, w->values);
  tr_ctx_count_memory(ctx, -(int64_t)bytes_of(w->spec));
  free(w);
}

tr_cuda_arithmetic tr_cuda_arithmetic_of(tr_dtype type, tr_nn_products products) {
  if (type == TR_F64) return TR_CUDA_F64;
  return products == TR_NN_BF16 ? TR_CUDA_BF16 : products == TR_NN_TF32 ? TR_CUDA_TF32 : TR_CUDA_F32;
}
