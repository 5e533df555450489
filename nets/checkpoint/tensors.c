#include "nets/checkpoint/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"

tr_tensor tr_tensor_of_f64(const char *name, int ndim, const int64_t *shape, const double *data) {
  if (ndim < 0 || ndim > TR_MAX_DIMS) return (tr_tensor){0};
  tr_tensor tensor = {.name = name, .dtype = TR_F64, .ndim = ndim, .count = 1, .data = data};
  for (int i = ndim - 1; shape && i >= 0; i--) {
    tensor.shape[i] = shape[i];
    tensor.stride[i] = tensor.count;
    tensor.count *= shape[i];
  }
  return tensor;
}

static int compare_to_name(const void *name, const void *item) {
  const tr_tensor *const *tensor = item;
  return strcmp(name, (*tensor)->name);
}

const tr_tensor *tr_tensors_find(const tr_tensors *tensors, const char *name) {
  if (!tensors || !name) return NULL;
  if (tensors->by_name) {
    const tr_tensor *const *found = bsearch(name, (const void *)tensors->by_name, (size_t)tensors->n,
                                            sizeof *tensors->by_name, compare_to_name);
    return found ? *found : NULL;
  }
  for (int i = 0; i < tensors->n; i++)
    if (strcmp(tensors->items[i].name, name) == 0) return &tensors->items[i];
  return NULL;
}

/* Stored elements from the tensor's first one to the `index`-th in row-major order. */
static int64_t stored_offset(const tr_tensor *tensor, int64_t index) {
  int64_t offset = 0;
  for (int i = tensor->ndim - 1; i >= 0; i--) {
    offset += index % tensor->shape[i] * tensor->stride[i];
    index /= tensor->shape[i];
  }
  return offset;
}

static bool contiguous(const tr_tensor *tensor) {
  int64_t expected = 1;
  for (int i = tensor->ndim - 1; i >= 0; i--) {
    if (tensor->shape[i] != 1 && tensor->stride[i] != expected) return false;
    expected *= tensor->shape[i];
  }
  return true;
}

typedef void (*convert_fn)(tr_dtype dtype, int64_t n, const void *in, void *out);

static void to_f32(tr_dtype dtype, int64_t n, const void *in, void *out) {
  tr_dtype_to_f32(dtype, n, in, out);
}

static void to_f64(tr_dtype dtype, int64_t n, const void *in, void *out) {
  tr_dtype_to_f64(dtype, n, in, out);
}

/* All elements in row-major order, at once where they are stored so. */
static tr_status convert_all(tr_ctx *ctx, const tr_tensor *tensor, convert_fn convert, size_t wide,
                             void *out) {
  const char *data = tensor->data;
  const int64_t size = (int64_t)tr_dtype_size(tensor->dtype);
  if (tensor->foreign || !tr_dtype_is_float(tensor->dtype))
    return TR_FAIL(ctx, TR_E_SHAPE, "tensor '%s' holds %s where f32, f64, f16 or bf16 was expected",
                   tensor->name, tensor->foreign ? tensor->foreign : tr_dtype_name(tensor->dtype));
  if (contiguous(tensor)) {
    convert(tensor->dtype, tensor->count, data, out);
    return TR_OK;
  }
  for (int64_t i = 0; i < tensor->count; i++)
    convert(tensor->dtype, 1, data + stored_offset(tensor, i) * size, (char *)out + (size_t)i * wide);
  return TR_OK;
}

static tr_status not_finite(tr_ctx *ctx, const tr_tensor *tensor, int64_t index, double value) {
  return TR_FAIL(ctx, TR_E_NONFINITE, "tensor '%s' holds %g at element %lld: the checkpoint is damaged",
                 tensor->name, value, (long long)index);
}

tr_status tr_tensor_to_f32(tr_ctx *ctx, const tr_tensor *tensor, float *out) {
  TR_REQUIRE(ctx, tensor, out);
  TR_TRY(convert_all(ctx, tensor, to_f32, sizeof *out, out));
  for (int64_t i = 0; i < tensor->count; i++)
    if (!isfinite(out[i])) return not_finite(ctx, tensor, i, (double)out[i]);
  return TR_OK;
}

tr_status tr_tensor_to_f64(tr_ctx *ctx, const tr_tensor *tensor, double *out) {
  TR_REQUIRE(ctx, tensor, out);
  TR_TRY(convert_all(ctx, tensor, to_f64, sizeof *out, out));
  for (int64_t i = 0; i < tensor->count; i++)
    if (!isfinite(out[i])) return not_finite(ctx, tensor, i, out[i]);
  return TR_OK;
}
