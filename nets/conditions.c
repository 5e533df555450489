#include "nets/conditions.h"

#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"

static void clear(tr_mirror *m) {
  tr_array_destroy(&m->device);
  free(m->host);
  *m = (tr_mirror){0};
}

static tr_status make_room(tr_ctx *ctx, tr_mirror *m, tr_dtype dtype, int64_t n) {
  if (n <= m->room) return TR_OK;
  clear(m);
  m->host = malloc((size_t)n * tr_dtype_size(dtype));
  if (!m->host) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the conditions of %lld rows", (long long)n);
  TR_TRY(tr_array_create(ctx, dtype, 1, &n, &m->device));
  m->room = n;
  return TR_OK;
}

static tr_status set(tr_ctx *ctx, tr_mirror *m, tr_dtype dtype, const void *values, int64_t n) {
  size_t bytes = (size_t)n * tr_dtype_size(dtype);
  if (n == m->n && memcmp(m->host, values, bytes) == 0) return TR_OK;
  m->n = 0; /* should the device fail, what it holds is not known */
  TR_TRY(make_room(ctx, m, dtype, n));
  tr_array front = tr_view(m->device, 0, 1, &n);
  TR_TRY(bytes <= TR_SMALL_BYTES ? tr_array_set_small(&front, values) : tr_array_upload(&front, values));
  memcpy(m->host, values, bytes);
  m->n = n;
  return TR_OK;
}

tr_status tr_conditions_set(tr_ctx *ctx, tr_conditions *c, tr_times times, const tr_cond *labels) {
  TR_REQUIRE(ctx, c);
  TR_TRY(set(ctx, &c->times, TR_F64, times.t, times.n));
  return labels && labels->labels ? set(ctx, &c->labels, TR_I32, labels->labels, labels->n) : TR_OK;
}

void tr_conditions_clear(tr_conditions *c) {
  if (!c) return;
  clear(&c->times);
  clear(&c->labels);
}

static tr_array rows_of(const tr_mirror *m, int64_t first, int64_t n) {
  return m->n == 1 ? tr_rows(m->device, 0, 1) : tr_rows(m->device, first, n);
}

tr_array tr_conditions_times(const tr_conditions *c, int64_t first, int64_t n) {
  if (!c) return (tr_array){0};
  return rows_of(&c->times, first, n);
}

tr_array tr_conditions_labels(const tr_conditions *c, int64_t first, int64_t n) {
  if (!c) return (tr_array){0};
  return rows_of(&c->labels, first, n);
}
