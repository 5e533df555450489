#include "core/params.h"

#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "core/vec/vec.h"

#define ALIGNMENT 64 /* bytes */

typedef struct {
  tr_param_entry entry; /* with a name of its own */
  int64_t offset, count;
} placed;

struct tr_params {
  int n;
  placed *items;
  int64_t trained; /* elements of the front, with its gaps */
  tr_array *values;
};

/* ---- the layout ---- */

static tr_status check_shape(tr_ctx *ctx, const tr_param_entry *entry, int64_t *count) {
  if (entry->ndim < 1 || entry->ndim > TR_MAX_DIMS)
    return TR_FAIL(ctx, TR_E_SHAPE, "parameter '%s' of %d dimensions: use 1 to %d", entry->name, entry->ndim,
                   TR_MAX_DIMS);
  *count = 1;
  for (int i = 0; i < entry->ndim; i++) {
    if (entry->shape[i] < 1)
      return TR_FAIL(ctx, TR_E_SHAPE, "parameter '%s': extent %lld of dimension %d must be at least 1",
                     entry->name, (long long)entry->shape[i], i);
    if (__builtin_mul_overflow(*count, entry->shape[i], count) || *count > INT64_MAX / 16)
      return TR_FAIL(ctx, TR_E_SHAPE, "parameter '%s' is too large for 64-bit sizes", entry->name);
  }
  return TR_OK;
}

static tr_status take_entry(tr_ctx *ctx, tr_params *params, int i, const tr_param_entry *entry) {
  placed *item = &params->items[i];
  if (!entry->name || !*entry->name) return TR_FAIL(ctx, TR_E_ARG, "parameter %d has no name", i);
  for (int k = 0; k < i; k++)
    if (strcmp(params->items[k].entry.name, entry->name) == 0)
      return TR_FAIL(ctx, TR_E_ARG, "two parameters, %d and %d, have the name '%s'", k, i, entry->name);
  TR_TRY(check_shape(ctx, entry, &item->count));
  item->entry = *entry;
  item->entry.name = strdup(entry->name);
  return item->entry.name ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for the name '%s'", entry->name);
}

/* Places all of a kind from *end on. */
static tr_status place(tr_ctx *ctx, tr_params *params, tr_dtype dtype, bool frozen, int64_t *end) {
  const int64_t step = ALIGNMENT / (int64_t)tr_dtype_size(dtype);
  for (int i = 0; i < params->n; i++) {
    placed *item = &params->items[i];
    if (item->entry.frozen != frozen) continue;
    item->offset = *end;
    if (__builtin_add_overflow(*end, (item->count + step - 1) / step * step, end))
      return TR_FAIL(ctx, TR_E_SHAPE, "%d parameters are together too large for 64-bit sizes", params->n);
  }
  return TR_OK;
}

static tr_status lay_out(tr_ctx *ctx, tr_params *params, tr_dtype dtype, const tr_param_entry *entries) {
  int64_t end = 0;
  for (int i = 0; i < params->n; i++) TR_TRY(take_entry(ctx, params, i, &entries[i]));
  TR_TRY(place(ctx, params, dtype, false, &end));
  params->trained = end;
  TR_TRY(place(ctx, params, dtype, true, &end));
  TR_TRY(tr_array_create(ctx, dtype, 1, &end, &params->values));
  return tr_fill(0, params->values);
}

tr_status tr_params_create(tr_ctx *ctx, tr_dtype dtype, int n, const tr_param_entry *entries,
                           tr_params **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, entries, out);
  if (n < 1) return TR_FAIL(ctx, TR_E_ARG, "%d parameters: there must be at least one", n);
  if (dtype != TR_F32 && dtype != TR_F64)
    return TR_FAIL(ctx, TR_E_ARG, "parameters in %s: use f32 or f64", tr_dtype_name(dtype));
  tr_params *params = calloc(1, sizeof *params);
  placed *items = calloc((size_t)n, sizeof *items);
  if (!params || !items) {
    free(params), free(items);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d parameters", n);
  }
  *params = (tr_params){.n = n, .items = items};
  tr_status status = lay_out(ctx, params, dtype, entries);
  if (status != TR_OK)
    tr_params_destroy(&params);
  else
    *out = params;
  return status;
}

void tr_params_destroy(tr_params **params) {
  if (!params || !*params) return;
  tr_array_destroy(&(*params)->values);
  for (int i = 0; i < (*params)->n; i++) free((char *)(*params)->items[i].entry.name);
  free((*params)->items);
  free(*params);
  *params = NULL;
}

/* ---- what is there ---- */

int tr_params_n(const tr_params *params) {
  if (!params) return 0;
  return params->n;
}

const tr_param_entry *tr_params_entry(const tr_params *params, int i) {
  if (!params) return NULL;
  return i >= 0 && i < params->n ? &params->items[i].entry : NULL;
}

int tr_params_find(const tr_params *params, const char *name) {
  if (!params || !name) return -1;
  for (int i = 0; i < params->n; i++)
    if (strcmp(params->items[i].entry.name, name) == 0) return i;
  return -1;
}

int64_t tr_params_count(const tr_params *params, bool trained_only) {
  if (!params) return 0;
  int64_t count = 0;
  for (int i = 0; i < params->n; i++)
    if (!trained_only || !params->items[i].entry.frozen) count += params->items[i].count;
  return count;
}

tr_array *tr_params_values(const tr_params *params) {
  if (!params) return NULL;
  return params->values;
}

tr_status tr_params_like(const tr_params *params, tr_array **out) {
  if (out) *out = NULL;
  TR_REQUIRE(params ? TR_CTX_OF(params->values) : NULL, params, out);
  TR_TRY(tr_array_like(params->values, out));
  tr_status status = tr_fill(0, *out);
  if (status != TR_OK) tr_array_destroy(out);
  return status;
}

/* ---- views ---- */

tr_array tr_params_at(const tr_params *params, const tr_array *array, int i) {
  if (!params || !array) return (tr_array){0};
  if (i < 0 || i >= params->n) {
    TR_FAIL(params->values->ctx, TR_E_ARG, "parameter %d: there are 0 to %d", i, params->n - 1);
    return (tr_array){0};
  }
  if (tr_params_check(params, array, "an array of parameters") != TR_OK) return (tr_array){0};
  const placed *item = &params->items[i];
  return tr_view(array, item->offset, item->entry.ndim, item->entry.shape);
}

tr_array tr_params_value(const tr_params *params, int i) {
  if (!params) return (tr_array){0};
  return tr_params_at(params, params->values, i);
}

tr_array tr_params_trained(const tr_params *params, const tr_array *array) {
  if (!params || !array) return (tr_array){0};
  if (tr_params_check(params, array, "an array of parameters") != TR_OK) return (tr_array){0};
  return tr_view(array, 0, 1, &params->trained);
}

tr_status tr_params_check(const tr_params *params, const tr_array *array, const char *what) {
  TR_REQUIRE(TR_CTX_OF(array), params, array, what);
  const tr_array *values = params->values;
  if (array->ctx == values->ctx && array->dtype == values->dtype && tr_array_same_shape(array, values))
    return TR_OK;
  char a[80], b[80];
  return TR_FAIL(values->ctx, TR_E_SHAPE, "%s is %s: the layout of the parameters is %s", what,
                 tr_array_describe(array, a, sizeof a), tr_array_describe(values, b, sizeof b));
}
