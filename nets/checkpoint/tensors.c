#include "nets/checkpoint/tensors.h"

#include <math.h>
#include <string.h>

size_t tr_tensor_type_size(tr_tensor_type type) {
  static const size_t size[] = {4, 8, 2, 2, 8, 4, 1, 1};
  return size[type];
}

const char *tr_tensor_type_name(tr_tensor_type type) {
  static const char *const name[] = {"f32", "f64", "f16", "bf16", "i64", "i32", "u8", "bool"};
  return name[type];
}

tr_tensor tr_tensor_of_f64(const char *name, int ndim, const int64_t *shape, const double *data) {
  tr_tensor tensor = {.name = name, .type = TR_T_F64, .ndim = ndim, .count = 1, .data = data};
  for (int i = ndim - 1; i >= 0; i--) {
    tensor.shape[i] = shape[i];
    tensor.stride[i] = tensor.count;
    tensor.count *= shape[i];
  }
  return tensor;
}

const tr_tensor *tr_tensors_find(const tr_tensors *tensors, const char *name) {
  for (int i = 0; i < tensors->n; i++)
    if (strcmp(tensors->items[i].name, name) == 0) return &tensors->items[i];
  return NULL;
}

/* IEEE half precision, exactly: 5 bits of exponent biased by 15, 10 of fraction. */
static double half_value(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                     : exponent == 0 ? ldexp(fraction, -24)
                                     : ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

static float bfloat_value(uint16_t bits) {
  uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

/* Copies through memcpy, because tensors in a file need not be aligned. */
static double element(tr_tensor_type type, const char *at) {
  float f;
  double d;
  uint16_t h;
  switch (type) {
  case TR_T_F32:
    memcpy(&f, at, sizeof f);
    return (double)f;
  case TR_T_F64:
    memcpy(&d, at, sizeof d);
    return d;
  case TR_T_F16:
    memcpy(&h, at, sizeof h);
    return half_value(h);
  case TR_T_BF16:
    memcpy(&h, at, sizeof h);
    return (double)bfloat_value(h);
  default:
    return NAN; /* not a floating type: refused before */
  }
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

static double element_at(const tr_tensor *tensor, bool straight, int64_t index) {
  int64_t offset = straight ? index : stored_offset(tensor, index);
  return element(tensor->type,
                 (const char *)tensor->data + offset * (int64_t)tr_tensor_type_size(tensor->type));
}

static tr_status check_floating(tr_ctx *ctx, const tr_tensor *tensor) {
  if (tensor->type <= TR_T_BF16) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "tensor '%s' holds %s where f32, f64, f16 or bf16 was expected",
                 tensor->name, tr_tensor_type_name(tensor->type));
}

static tr_status not_finite(tr_ctx *ctx, const tr_tensor *tensor, int64_t index, double value) {
  return TR_FAIL(ctx, TR_E_NONFINITE, "tensor '%s' holds %g at element %lld: the checkpoint is damaged",
                 tensor->name, value, (long long)index);
}

tr_status tr_tensor_to_f32(tr_ctx *ctx, const tr_tensor *tensor, float *out) {
  TR_TRY(check_floating(ctx, tensor));
  bool straight = contiguous(tensor);
  if (straight && tensor->type == TR_T_F32) {
    if (tensor->count) memcpy(out, tensor->data, (size_t)tensor->count * sizeof *out);
  } else {
    for (int64_t i = 0; i < tensor->count; i++) out[i] = (float)element_at(tensor, straight, i);
  }
  for (int64_t i = 0; i < tensor->count; i++)
    if (!isfinite(out[i])) return not_finite(ctx, tensor, i, (double)out[i]);
  return TR_OK;
}

tr_status tr_tensor_to_f64(tr_ctx *ctx, const tr_tensor *tensor, double *out) {
  TR_TRY(check_floating(ctx, tensor));
  bool straight = contiguous(tensor);
  for (int64_t i = 0; i < tensor->count; i++) {
    out[i] = element_at(tensor, straight, i);
    if (!isfinite(out[i])) return not_finite(ctx, tensor, i, out[i]);
  }
  return TR_OK;
}
