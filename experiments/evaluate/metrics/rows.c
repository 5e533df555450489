#include "experiments/evaluate/metrics/rows.h"

#include <float.h>
#include <math.h>

static const char *row_at(const metric_rows *rows, int64_t i) {
  return (const char *)rows->data + (size_t)(i * rows->d) * tr_dtype_size(rows->dtype);
}

metric_rows metric_rows_part(const metric_rows *rows, int64_t first, int64_t n) {
  return (metric_rows){rows->name, n, rows->d, rows->dtype, row_at(rows, first)};
}

void metric_rows_get(const metric_rows *rows, int64_t first, int64_t n, double *out) {
  tr_dtype_to_f64(rows->dtype, n * rows->d, row_at(rows, first), out);
}

/* Without a branch an element, for 10^8 of them. */
static bool finite_f32(int64_t n, const float *x) {
  int bad = 0;
  for (int64_t i = 0; i < n; i++) bad |= !(fabsf(x[i]) <= FLT_MAX);
  return !bad;
}

static bool finite_f64(int64_t n, const double *x) {
  int bad = 0;
  for (int64_t i = 0; i < n; i++) bad |= !(fabs(x[i]) <= DBL_MAX);
  return !bad;
}

int64_t metric_rows_first_bad(const metric_rows *rows) {
  for (int64_t i = 0; i < rows->n; i++) {
    const void *row = row_at(rows, i);
    if (rows->dtype == TR_F32 ? !finite_f32(rows->d, row) : !finite_f64(rows->d, row)) return i;
  }
  return rows->n;
}

tr_status metric_rows_check(tr_ctx *ctx, const metric_rows *rows, int64_t least) {
  if (rows->d < 1)
    return TR_FAIL(ctx, TR_E_ARG, "%s: rows of no numbers, at least one is needed", rows->name);
  if (rows->n < least)
    return TR_FAIL(ctx, TR_E_ARG, "%s: %lld sample%s, at least %lld are needed", rows->name,
                   (long long)rows->n, rows->n == 1 ? "" : "s", (long long)least);
  if (rows->dtype != TR_F32 && rows->dtype != TR_F64)
    return TR_FAIL(ctx, TR_E_ARG, "%s: rows of %s, should be f32 or f64", rows->name,
                   tr_dtype_name(rows->dtype));
  const int64_t bad = metric_rows_first_bad(rows);
  if (bad == rows->n) return TR_OK;
  return TR_FAIL(ctx, TR_E_NONFINITE, "%s: row %lld (counted from 0) holds NaN or infinity", rows->name,
                 (long long)bad);
}

tr_status metric_rows_check_pair(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, int64_t least) {
  TR_TRY(metric_rows_check(ctx, a, least));
  TR_TRY(metric_rows_check(ctx, b, least));
  if (a->d == b->d) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "%s has %lld numbers a row and %s %lld: they must be the same features",
                 a->name, (long long)a->d, b->name, (long long)b->d);
}
