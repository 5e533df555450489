#include "core/array.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/context_private.h"

size_t tr_dtype_size(tr_dtype dtype) {
  static const size_t size[] = {4, 8, 2, 4};
  return size[dtype];
}

const char *tr_dtype_name(tr_dtype dtype) {
  static const char *const name[] = {"f32", "f64", "bf16", "i32"};
  return name[dtype];
}

static tr_status check_shape(tr_ctx *ctx, int ndim, const int64_t *shape, int64_t *count) {
  if (ndim < 1 || ndim > TR_MAX_DIMS)
    return TR_FAIL(ctx, TR_E_SHAPE, "an array of %d dimensions: use 1 to %d", ndim, TR_MAX_DIMS);
  *count = 1;
  for (int i = 0; i < ndim; i++) {
    if (shape[i] < 0)
      return TR_FAIL(ctx, TR_E_SHAPE, "extent %lld of dimension %d is negative", (long long)shape[i], i);
    if (__builtin_mul_overflow(*count, shape[i], count) || *count > INT64_MAX / 8)
      return TR_FAIL(ctx, TR_E_SHAPE, "an array this large overflows 64-bit sizes (dimension %d is %lld)", i,
                     (long long)shape[i]);
  }
  return TR_OK;
}

static tr_status new_header(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, tr_array **out) {
  int64_t count = 0;
  *out = NULL;
  TR_TRY(check_shape(ctx, ndim, shape, &count));
  tr_array *a = calloc(1, sizeof *a);
  if (!a) return TR_FAIL(ctx, TR_E_MEM, "out of memory for an array header");
  a->ctx = ctx, a->dtype = dtype, a->ndim = ndim, a->count = count;
  memcpy(a->shape, shape, (size_t)ndim * sizeof *shape);
  *out = a;
  return TR_OK;
}

static size_t bytes_of(const tr_array *a) {
  return (size_t)a->count * tr_dtype_size(a->dtype);
}

tr_status tr_array_create(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, tr_array **out) {
  TR_TRY(new_header(ctx, dtype, ndim, shape, out));
  tr_array *a = *out;
  size_t bytes = bytes_of(a);
  tr_status status = tr_ctx_backend(ctx)->mem->alloc(ctx, bytes ? bytes : 1, &a->data);
  if (status != TR_OK) {
    free(a);
    *out = NULL;
    return status;
  }
  a->owned = true;
  tr_ctx_count(ctx, TR_COUNT_ALLOCATION, 0);
  tr_ctx_count_memory(ctx, (int64_t)bytes);
  return TR_OK;
}

tr_status tr_array_like(const tr_array *model, tr_array **out) {
  return tr_array_create(model->ctx, model->dtype, model->ndim, model->shape, out);
}

tr_status tr_array_like_stacked(const tr_array *model, int64_t n, tr_array **out) {
  int64_t shape[TR_MAX_DIMS];
  memcpy(shape, model->shape, sizeof shape);
  shape[0] *= n;
  return tr_array_create(model->ctx, model->dtype, model->ndim, shape, out);
}

tr_status tr_array_view(const tr_array *parent, int64_t offset, int ndim, const int64_t *shape,
                        tr_array **out) {
  TR_TRY(new_header(parent->ctx, parent->dtype, ndim, shape, out));
  tr_array *a = *out;
  if (offset < 0 || offset > parent->count || a->count > parent->count - offset) {
    int64_t count = a->count;
    tr_array_destroy(out);
    return TR_FAIL(parent->ctx, TR_E_SHAPE, "a view of %lld elements at %lld does not fit into %lld",
                   (long long)count, (long long)offset, (long long)parent->count);
  }
  a->data = (char *)parent->data + (size_t)offset * tr_dtype_size(parent->dtype);
  return TR_OK;
}

tr_status tr_array_rows(const tr_array *parent, int64_t first, int64_t n, tr_array **out) {
  int64_t shape[TR_MAX_DIMS], rows = parent->shape[0], row = rows ? parent->count / rows : 0;
  *out = NULL;
  if (first < 0 || n < 0 || first > rows || n > rows - first)
    return TR_FAIL(parent->ctx, TR_E_SHAPE, "%lld rows from row %lld do not fit into %lld", (long long)n,
                   (long long)first, (long long)rows);
  memcpy(shape, parent->shape, sizeof shape);
  shape[0] = n;
  return tr_array_view(parent, first * row, parent->ndim, shape, out);
}

void tr_array_destroy(tr_array **a) {
  if (!*a) return;
  if ((*a)->owned) {
    tr_ctx_backend((*a)->ctx)->mem->release((*a)->ctx, (*a)->data);
    tr_ctx_count_memory((*a)->ctx, -(int64_t)bytes_of(*a));
  }
  free(*a);
  *a = NULL;
}

bool tr_array_same_shape(const tr_array *a, const tr_array *b) {
  return a->ndim == b->ndim && memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0;
}

const char *tr_array_describe(const tr_array *a, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "%s (", tr_dtype_name(a->dtype));
  for (int i = 0; i < a->ndim && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, i ? ", %lld" : "%lld", (long long)a->shape[i]);
  if (used < size) snprintf(text + used, size - used, ")");
  return text;
}

tr_status tr_array_upload(tr_array *a, const void *host) {
  tr_ctx_count(a->ctx, TR_COUNT_UPLOAD, bytes_of(a));
  return tr_ctx_backend(a->ctx)->mem->upload(a->ctx, a->data, host, bytes_of(a));
}

tr_status tr_array_download(const tr_array *a, void *host) {
  tr_ctx_count(a->ctx, TR_COUNT_DOWNLOAD, bytes_of(a));
  return tr_ctx_backend(a->ctx)->mem->download(a->ctx, host, a->data, bytes_of(a));
}

tr_status tr_array_copy(const tr_array *from, tr_array *to) {
  if (from->ctx != to->ctx || from->dtype != to->dtype || from->count != to->count) {
    char a[80], b[80];
    return TR_FAIL(to->ctx, TR_E_SHAPE, "cannot copy %s to %s: contexts, types and counts must agree",
                   tr_array_describe(from, a, sizeof a), tr_array_describe(to, b, sizeof b));
  }
  tr_ctx_count(to->ctx, TR_COUNT_OPERATION, 0);
  return tr_ctx_backend(to->ctx)->mem->copy(to->ctx, to->data, from->data,
                                            (size_t)to->count * tr_dtype_size(to->dtype));
}

/* Rounded once: where f32 falls on a tie of bf16, the double tells on which side of it the value is. */
static uint16_t bf16_from_double(double value) {
  float f = (float)value;
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  if (isnan(f)) return (uint16_t)(bits >> 16 | 0x40u);
  if ((bits & 0xFFFFu) == 0x8000u && fabs(value) != fabs((double)f))
    bits += fabs(value) > fabs((double)f) ? 1u : -1u;
  return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

static double bf16_to_double(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static tr_status from_double(tr_ctx *ctx, tr_dtype dtype, int64_t n, const double *in, void *out) {
  for (int64_t i = 0; i < n; i++) {
    switch (dtype) {
    case TR_F32:
      ((float *)out)[i] = (float)in[i];
      break;
    case TR_F64:
      ((double *)out)[i] = in[i];
      break;
    case TR_BF16:
      ((uint16_t *)out)[i] = bf16_from_double(in[i]);
      break;
    case TR_I32:
      if (!(in[i] >= INT32_MIN && in[i] <= INT32_MAX) || in[i] != rint(in[i]))
        return TR_FAIL(ctx, TR_E_ARG, "%g at element %lld is no 32-bit integer", in[i], (long long)i);
      ((int32_t *)out)[i] = (int32_t)in[i];
      break;
    }
  }
  return TR_OK;
}

static void to_double(tr_dtype dtype, int64_t n, const void *in, double *out) {
  for (int64_t i = 0; i < n; i++) {
    switch (dtype) {
    case TR_F32:
      out[i] = ((const float *)in)[i];
      break;
    case TR_F64:
      out[i] = ((const double *)in)[i];
      break;
    case TR_BF16:
      out[i] = bf16_to_double(((const uint16_t *)in)[i]);
      break;
    case TR_I32:
      out[i] = ((const int32_t *)in)[i];
      break;
    }
  }
}

static tr_status host_buffer(const tr_array *a, void **out) {
  size_t bytes = bytes_of(a);
  *out = malloc(bytes ? bytes : 1);
  return *out ? TR_OK : TR_FAIL(a->ctx, TR_E_MEM, "out of memory for a host copy of %zu bytes", bytes);
}

tr_status tr_array_set_f64(tr_array *a, const double *host) {
  if (a->dtype == TR_F64) return tr_array_upload(a, host);
  void *buffer;
  TR_TRY(host_buffer(a, &buffer));
  tr_status status = from_double(a->ctx, a->dtype, a->count, host, buffer);
  if (status == TR_OK) status = tr_array_upload(a, buffer);
  free(buffer);
  return status;
}

tr_status tr_array_get_f64(const tr_array *a, double *host) {
  if (a->dtype == TR_F64) return tr_array_download(a, host);
  void *buffer;
  TR_TRY(host_buffer(a, &buffer));
  tr_status status = tr_array_download(a, buffer);
  if (status == TR_OK) to_double(a->dtype, a->count, buffer, host);
  free(buffer);
  return status;
}
