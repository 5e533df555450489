/* What all metrics work on: numbers of samples, one sample a row, in host memory. Sums are taken in double,
 * in an order that the rows alone decide. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_ROWS_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_ROWS_H

#include "core/context.h"
#include "core/dtype.h"

typedef struct {
  const char *name; /* what messages call them: "pool of FILE" */
  int64_t n, d;
  tr_dtype dtype;   /* f32 or f64 */
  const void *data; /* (n, d), borrowed */
} metric_rows;

/* Rows first .. first + n - 1 as a set of their own, and as doubles. */
metric_rows metric_rows_part(const metric_rows *rows, int64_t first, int64_t n);
void metric_rows_get(const metric_rows *rows, int64_t first, int64_t n, double *out);

/* The first row that holds NaN or infinity; n where there is none. */
int64_t metric_rows_first_bad(const metric_rows *rows);
/* TR_E_ARG for fewer rows than `least`, or rows of no numbers; TR_E_NONFINITE naming the first row that holds
 * NaN or infinity. */
tr_status metric_rows_check(tr_ctx *ctx, const metric_rows *rows, int64_t least);
/* Both as above, and TR_E_SHAPE where their rows are of different lengths. */
tr_status metric_rows_check_pair(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, int64_t least);

/* A number with its 95 % interval. */
typedef struct {
  double value, low, high;
} metric_value;

#endif
