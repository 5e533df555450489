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

/* Piece by piece, so that the host waits for none of them. */
static tr_status send(const tr_mirror *m, tr_dtype dtype, const char *values, int64_t n) {
  const int64_t size = (int64_t)tr_dtype_size(dtype), most = TR_SMALL_BYTES / size;
  for (int64_t first = 0; first < n; first += most) {
    tr_array piece = tr_rows(m->device, first, n - first < most ? n - first : most);
    TR_TRY(tr_array_set_small(&piece, values + first * size));
  }
  return TR_OK;
}

static tr_status set(tr_ctx *ctx, tr_mirror *m, tr_dtype dtype, const void *values, int64_t n) {
  size_t bytes = (size_t)n * tr_dtype_size(dtype);
  if (n > 0 && (n > m->sent || memcmp(m->host, values, bytes) != 0)) {
    m->sent = 0; /* should the device fail, what it holds is not known */
    TR_TRY(make_room(ctx, m, dtype, n));
    TR_TRY(send(m, dtype, values, n));
    memcpy(m->host, values, bytes);
    m->sent = n;
  }
  m->n = n;
  return TR_OK;
}

static tr_status set_labels(tr_ctx *ctx, tr_conditions *c, const tr_cond *labels) {
  return labels && labels->labels ? set(ctx, &c->labels, TR_I32, labels->labels, labels->n) : TR_OK;
}

tr_status tr_conditions_set(tr_ctx *ctx, tr_conditions *c, tr_times times, const tr_cond *labels) {
  TR_REQUIRE(ctx, c);
  if (times.n > 0) TR_REQUIRE(ctx, times.t);
  TR_TRY(set(ctx, &c->times, TR_F64, times.t, times.n));
  return set_labels(ctx, c, labels);
}

tr_status tr_conditions_reserve(tr_ctx *ctx, tr_conditions *c, int64_t rows, const tr_cond *labels) {
  TR_REQUIRE(ctx, c);
  if (rows < 0)
    return TR_FAIL(ctx, TR_E_ARG, "memory for the times of %lld rows: use 0 or more", (long long)rows);
  TR_TRY(make_room(ctx, &c->times, TR_F64, rows));
  if (labels && labels->labels) TR_TRY(make_room(ctx, &c->labels, TR_I32, rows));
  return set_labels(ctx, c, labels);
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
