#include "core/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/context_private.h"
#include "core/record/record_private.h"
#include "core/require_private.h"
#include "core/vec/vec_private.h"

/* ---- memory ---- */

/* A kept block of exactly so many bytes, or NULL. The latest first: it is the likeliest in a cache. */
static void *kept_block(tr_kept *kept, size_t bytes) {
  for (int i = kept->n - 1; i >= 0; i--) {
    if (kept->block[i].bytes != bytes) continue;
    void *memory = kept->block[i].memory;
    kept->block[i] = kept->block[--kept->n];
    return memory;
  }
  return NULL;
}

/* Device memory of so many bytes, which are counted while it is taken; contents undefined. */
static tr_status take_memory(tr_ctx *ctx, size_t bytes, void **out) {
  TR_TRY(tr_record_refuses(ctx, "an array that is made"));
  *out = kept_block(tr_ctx_kept(ctx), bytes);
  if (!*out) {
    TR_TRY(tr_ctx_backend(ctx)->mem->alloc(ctx, bytes ? bytes : 1, out));
    tr_ctx_count(ctx, TR_COUNT_ALLOCATION, 0);
  }
  tr_ctx_count_memory(ctx, (int64_t)bytes);
  return TR_OK;
}

/* Whether there is room for another one. */
static bool room_for_another(tr_kept *kept) {
  if (kept->n < kept->room) return true;
  int room = kept->room ? 2 * kept->room : 16;
  tr_block *block = realloc(kept->block, (size_t)room * sizeof *block);
  if (!block) return false;
  kept->block = block;
  kept->room = room;
  return true;
}

static void give_memory(tr_ctx *ctx, void *memory, size_t bytes) {
  tr_kept *kept = tr_ctx_kept(ctx);
  tr_record_forgets(ctx, memory, bytes);
  tr_ctx_count_memory(ctx, -(int64_t)bytes);
  if (kept->holds && room_for_another(kept))
    kept->block[kept->n++] = (tr_block){memory, bytes};
  else
    tr_ctx_backend(ctx)->mem->release(ctx, memory);
}

void tr_memory_hold(tr_ctx *ctx) {
  tr_ctx_kept(ctx)->holds++;
}

void tr_memory_let_go(tr_ctx *ctx) {
  tr_kept *kept = tr_ctx_kept(ctx);
  if (--kept->holds > 0) return;
  for (int i = 0; i < kept->n; i++) tr_ctx_backend(ctx)->mem->release(ctx, kept->block[i].memory);
  free(kept->block);
  *kept = (tr_kept){0};
}

/* ---- arrays ---- */

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

/* The types that devices calculate with; others are those of files. */
static tr_status check_dtype(tr_ctx *ctx, tr_dtype dtype) {
  if (dtype == TR_F32 || dtype == TR_F64 || dtype == TR_BF16 || dtype == TR_I32) return TR_OK;
  if (tr_dtype_size(dtype) == 0) return TR_FAIL(ctx, TR_E_ARG, "there is no element type %d", (int)dtype);
  return TR_FAIL(ctx, TR_E_SHAPE, "an array of %s: devices hold f32, f64, bf16 and i32",
                 tr_dtype_name(dtype));
}

static size_t bytes_of(const tr_array *a) {
  return (size_t)a->count * tr_dtype_size(a->dtype);
}

tr_status tr_array_create(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, tr_array **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, shape, out);
  tr_array a = {.ctx = ctx, .dtype = dtype, .ndim = ndim, .owned = true};
  TR_TRY(check_dtype(ctx, dtype));
  TR_TRY(check_shape(ctx, ndim, shape, &a.count));
  memcpy(a.shape, shape, (size_t)ndim * sizeof *shape);
  tr_array *made = malloc(sizeof *made);
  if (!made) return TR_FAIL(ctx, TR_E_MEM, "out of memory for an array header");
  tr_status status = take_memory(ctx, bytes_of(&a), &a.data);
  if (status != TR_OK) {
    free(made);
    return status;
  }
  *made = a;
  *out = made;
  return TR_OK;
}

tr_status tr_array_like(const tr_array *model, tr_array **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(model), model, out);
  TR_TRY(tr_array_check(model));
  return tr_array_create(model->ctx, model->dtype, model->ndim, model->shape, out);
}

tr_status tr_array_like_stacked(const tr_array *model, int64_t n, tr_array **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(model), model, out);
  int64_t shape[TR_MAX_DIMS];
  TR_TRY(tr_array_check(model));
  memcpy(shape, model->shape, sizeof shape);
  if (n < 0 || __builtin_mul_overflow(shape[0], n, &shape[0]))
    return TR_FAIL(model->ctx, TR_E_SHAPE, "%lld times %lld rows: use 0 or more, within 64-bit sizes",
                   (long long)n, (long long)model->shape[0]);
  return tr_array_create(model->ctx, model->dtype, model->ndim, shape, out);
}

tr_status tr_array_check(const tr_array *a) {
  TR_REQUIRE(TR_CTX_OF(a), a);
  if (a->data) return TR_OK;
  return TR_FAIL(a->ctx, TR_E_SHAPE, "an empty view, which did not fit into its array, is no operand");
}

static tr_array empty_view(tr_ctx *ctx) {
  return (tr_array){.ctx = ctx};
}

tr_array tr_view(const tr_array *parent, int64_t offset, int ndim, const int64_t *shape) {
  int64_t count;
  if (!shape) TR_FAIL(TR_CTX_OF(parent), TR_E_ARG, "tr_view: shape is NULL");
  if (tr_array_check(parent) != TR_OK || !shape || check_shape(parent->ctx, ndim, shape, &count) != TR_OK)
    return empty_view(TR_CTX_OF(parent));
  if (offset < 0 || offset > parent->count || count > parent->count - offset) {
    TR_FAIL(parent->ctx, TR_E_SHAPE, "a view of %lld elements at %lld does not fit into %lld",
            (long long)count, (long long)offset, (long long)parent->count);
    return empty_view(parent->ctx);
  }
  tr_array view = {.ctx = parent->ctx, .dtype = parent->dtype, .ndim = ndim, .count = count};
  memcpy(view.shape, shape, (size_t)ndim * sizeof *shape);
  view.data = (char *)parent->data + (size_t)offset * tr_dtype_size(parent->dtype);
  return view;
}

tr_array tr_rows(const tr_array *a, int64_t first, int64_t n) {
  if (tr_array_check(a) != TR_OK) return empty_view(TR_CTX_OF(a));
  int64_t shape[TR_MAX_DIMS], rows = a->shape[0], row = rows ? a->count / rows : 0;
  if (first < 0 || n < 0 || first > rows || n > rows - first) {
    TR_FAIL(a->ctx, TR_E_SHAPE, "%lld rows from row %lld do not fit into %lld", (long long)n,
            (long long)first, (long long)rows);
    return empty_view(a->ctx);
  }
  memcpy(shape, a->shape, sizeof shape);
  shape[0] = n;
  return tr_view(a, first * row, a->ndim, shape);
}

void tr_array_destroy(tr_array **a) {
  if (!a || !*a) return;
  if ((*a)->owned) give_memory((*a)->ctx, (*a)->data, bytes_of(*a));
  free(*a);
  *a = NULL;
}

bool tr_array_same_shape(const tr_array *a, const tr_array *b) {
  if (!a || !b) return false;
  return a->ndim == b->ndim && memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0;
}

const char *tr_array_describe(const tr_array *a, char *text, size_t size) {
  if (!text || size == 0) return "";
  if (!a) {
    snprintf(text, size, "nothing");
    return text;
  }
  size_t used = (size_t)snprintf(text, size, "%s (", tr_dtype_name(a->dtype));
  for (int i = 0; i < a->ndim && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, i ? ", %lld" : "%lld", (long long)a->shape[i]);
  if (used < size) snprintf(text + used, size - used, ")");
  return text;
}

tr_status tr_array_upload(tr_array *a, const void *host) {
  TR_REQUIRE(TR_CTX_OF(a), a);
  if (a->count) TR_REQUIRE(a->ctx, host);
  TR_TRY(tr_array_check(a));
  TR_TRY(tr_record_refuses(a->ctx, "an upload"));
  tr_ctx_count(a->ctx, TR_COUNT_UPLOAD, bytes_of(a));
  return tr_ctx_backend(a->ctx)->mem->upload(a->ctx, a->data, host, bytes_of(a));
}

tr_status tr_array_download(const tr_array *a, void *host) {
  TR_REQUIRE(TR_CTX_OF(a), a);
  if (a->count) TR_REQUIRE(a->ctx, host);
  TR_TRY(tr_array_check(a));
  TR_TRY(tr_record_refuses(a->ctx, "a download"));
  tr_ctx_count(a->ctx, TR_COUNT_DOWNLOAD, bytes_of(a));
  return tr_ctx_backend(a->ctx)->mem->download(a->ctx, host, a->data, bytes_of(a));
}

tr_status tr_array_set_small(tr_array *a, const void *host) {
  TR_REQUIRE(TR_CTX_OF(a), a, host);
  TR_TRY(tr_array_check(a));
  if (bytes_of(a) > TR_SMALL_BYTES)
    return TR_FAIL(a->ctx, TR_E_ARG, "%zu bytes are set as if they were few: at most %d, upload more",
                   bytes_of(a), TR_SMALL_BYTES);
  TR_TRY(tr_record_refuses(a->ctx, "a small upload"));
  tr_ctx_count(a->ctx, TR_COUNT_SMALL_SET, 0);
  return tr_ctx_backend(a->ctx)->mem->set_small(a->ctx, a->data, host, bytes_of(a));
}

tr_status tr_array_copy(const tr_array *from, tr_array *to) {
  TR_REQUIRE_ARRAYS(from, to);
  TR_TRY(tr_array_check(from));
  TR_TRY(tr_array_check(to));
  if (from->ctx != to->ctx || from->dtype != to->dtype || from->count != to->count) {
    char a[80], b[80];
    return TR_FAIL(to->ctx, TR_E_SHAPE, "cannot copy %s to %s: contexts, types and counts must agree",
                   tr_array_describe(from, a, sizeof a), tr_array_describe(to, b, sizeof b));
  }
  if (tr_array_lies_across(from, to))
    return TR_FAIL(to->ctx, TR_E_ARG, "a copy to memory that lies across what is copied: use memory apart");
  TR_TRY(tr_record_notes(to->ctx, "a copy", true, 2, (const tr_array *const[]){from, to}));
  tr_ctx_count(to->ctx, TR_COUNT_OPERATION, 0);
  return tr_ctx_backend(to->ctx)->mem->copy(to->ctx, to->data, from->data,
                                            (size_t)to->count * tr_dtype_size(to->dtype));
}

static tr_status host_buffer(const tr_array *a, void **out) {
  size_t bytes = bytes_of(a);
  *out = malloc(bytes ? bytes : 1);
  return *out ? TR_OK : TR_FAIL(a->ctx, TR_E_MEM, "out of memory for a host copy of %zu bytes", bytes);
}

tr_status tr_array_set_f64(tr_array *a, const double *host) {
  TR_REQUIRE(TR_CTX_OF(a), a);
  if (a->count) TR_REQUIRE(a->ctx, host);
  TR_TRY(tr_array_check(a));
  if (a->dtype == TR_F64) return tr_array_upload(a, host);
  void *buffer;
  TR_TRY(host_buffer(a, &buffer));
  int64_t done = tr_dtype_from_f64(a->dtype, a->count, host, buffer);
  tr_status status = done == a->count ? tr_array_upload(a, buffer)
                                      : TR_FAIL(a->ctx, TR_E_ARG, "%g at element %lld is no %s", host[done],
                                                (long long)done, tr_dtype_kind(a->dtype));
  free(buffer);
  return status;
}

tr_status tr_array_get_f64(const tr_array *a, double *host) {
  TR_REQUIRE(TR_CTX_OF(a), a);
  if (a->count) TR_REQUIRE(a->ctx, host);
  TR_TRY(tr_array_check(a));
  if (a->dtype == TR_F64) return tr_array_download(a, host);
  void *buffer;
  TR_TRY(host_buffer(a, &buffer));
  tr_status status = tr_array_download(a, buffer);
  if (status == TR_OK) tr_dtype_to_f64(a->dtype, a->count, buffer, host);
  free(buffer);
  return status;
}
