/* Tensors on their way into a file. */
#include "nets/checkpoint/write/tensor_private.h"

#include <stdlib.h>
#include <string.h>

#define PIECE ((int64_t)1 << 18) /* elements on the host at a time */

bool tr_saved_has_content(const tr_saved_tensor *t) {
  return t->array || t->tensor;
}

const char *tr_saved_name(const tr_saved_tensor *t) {
  return t->name ? t->name : "a moment";
}

tr_dtype tr_saved_dtype(const tr_saved_tensor *t) {
  return t->array ? t->array->dtype : t->tensor->dtype;
}

int tr_saved_shape(const tr_saved_tensor *t, int64_t shape[TR_MAX_DIMS]) {
  const int ndim = t->array ? t->array->ndim : t->tensor->ndim;
  memcpy(shape, t->array ? t->array->shape : t->tensor->shape, (size_t)ndim * sizeof *shape);
  return ndim;
}

uint64_t tr_saved_bytes(const tr_saved_tensor *t) {
  return (uint64_t)(t->array ? t->array->count : t->tensor->count) * tr_dtype_size(tr_saved_dtype(t));
}

static tr_status stream_array(const tr_array *a, void *piece, tr_saved_put put, void *user) {
  for (int64_t from = 0; from < a->count; from += PIECE) {
    const int64_t n = a->count - from < PIECE ? a->count - from : PIECE;
    tr_array part = tr_view(a, from, 1, &n);
    TR_TRY(tr_array_download(&part, piece));
    TR_TRY(put(user, piece, (size_t)n * tr_dtype_size(a->dtype)));
  }
  return TR_OK;
}

/* The element after the one at `index`, row-major; the offset follows. */
static int64_t advance(const tr_tensor *t, int64_t index[TR_MAX_DIMS], int64_t offset) {
  for (int i = t->ndim - 1; i >= 0; i--) {
    offset += t->stride[i];
    if (++index[i] < t->shape[i]) return offset;
    offset -= t->shape[i] * t->stride[i];
    index[i] = 0;
  }
  return offset;
}

static tr_status stream_tensor(const tr_tensor *t, char *piece, tr_saved_put put, void *user) {
  const size_t size = tr_dtype_size(t->dtype);
  int64_t index[TR_MAX_DIMS] = {0}, offset = 0;
  for (int64_t from = 0; from < t->count; from += PIECE) {
    const int64_t n = t->count - from < PIECE ? t->count - from : PIECE;
    for (int64_t i = 0; i < n; i++, offset = advance(t, index, offset))
      memcpy(piece + (size_t)i * size, (const char *)t->data + (size_t)offset * size, size);
    TR_TRY(put(user, piece, (size_t)n * size));
  }
  return TR_OK;
}

tr_status tr_saved_stream(tr_ctx *ctx, const tr_saved_tensor *t, tr_saved_put put, void *user) {
  char *piece = malloc((size_t)PIECE * sizeof(double));
  if (!piece) return TR_FAIL(ctx, TR_E_MEM, "out of memory to write tensors");
  tr_status status =
      t->array ? stream_array(t->array, piece, put, user) : stream_tensor(t->tensor, piece, put, user);
  free(piece);
  return status;
}
