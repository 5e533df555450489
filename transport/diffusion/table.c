#include "transport/diffusion/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/columns_private.h"
#include "core/require_private.h"

struct tr_table {
  int n;
  double *x, *y, *slope; /* one block, at x */
};

/* The slope at an inner point: the weighted harmonic mean of its two secants, 0 at a turning point. */
static double inner_slope(double h0, double h1, double d0, double d1) {
  if (d0 * d1 <= 0) return 0;
  double w0 = 2 * h1 + h0, w1 = h1 + 2 * h0;
  return (w0 + w1) / (w0 / d0 + w1 / d1);
}

/* The slope at an end from its two nearest secants, limited so that the first piece stays monotone. */
static double end_slope(double h0, double h1, double d0, double d1) {
  double slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
  if (slope * d0 <= 0) return 0;
  if (d0 * d1 <= 0 && fabs(slope) > 3 * fabs(d0)) return 3 * d0;
  return slope;
}

static void fill_slopes(tr_table *table) {
  const double *x = table->x, *y = table->y;
  int n = table->n;
#define STEP(i)   (x[(i) + 1] - x[i])
#define SECANT(i) ((y[(i) + 1] - y[i]) / STEP(i))
  if (n == 2) {
    table->slope[0] = table->slope[1] = SECANT(0);
    return;
  }
  for (int i = 1; i + 1 < n; i++)
    table->slope[i] = inner_slope(STEP(i - 1), STEP(i), SECANT(i - 1), SECANT(i));
  table->slope[0] = end_slope(STEP(0), STEP(1), SECANT(0), SECANT(1));
  table->slope[n - 1] = end_slope(STEP(n - 2), STEP(n - 3), SECANT(n - 2), SECANT(n - 3));
#undef STEP
#undef SECANT
}

tr_status tr_table_create(tr_ctx *ctx, int n, const double *x, const double *y, tr_table **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, x, y, out);
  if (n < 2) return TR_FAIL(ctx, TR_E_ARG, "a table of %d points: at least 2 are needed", n);
  for (int i = 0; i < n; i++) {
    if (!isfinite(x[i]) || !isfinite(y[i]))
      return TR_FAIL(ctx, TR_E_NONFINITE, "point %d of a table is (%g, %g): both must be finite", i, x[i],
                     y[i]);
    if (i && !(x[i] > x[i - 1]))
      return TR_FAIL(ctx, TR_E_ARG, "a table's abscissae must increase: %g follows %g at point %d", x[i],
                     x[i - 1], i);
  }
  tr_table *table = calloc(1, sizeof *table);
  double *block = malloc(3 * (size_t)n * sizeof *block);
  if (!table || !block) {
    free(table);
    free(block);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for a table of %d points", n);
  }
  *table = (tr_table){n, block, block + n, block + 2 * n};
  memcpy(table->x, x, (size_t)n * sizeof *x);
  memcpy(table->y, y, (size_t)n * sizeof *y);
  fill_slopes(table);
  *out = table;
  return TR_OK;
}

void tr_table_destroy(tr_table **table) {
  if (!table || !*table) return;
  free((*table)->x);
  free(*table);
  *table = NULL;
}

tr_status tr_table_read(tr_ctx *ctx, const char *path, tr_table **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, out);
  enum { COLUMNS = 2 };
  double *values;
  int rows;
  TR_TRY(tr_read_columns(ctx, path, COLUMNS, 2, &values, &rows));
  double *x = malloc(COLUMNS * (size_t)rows * sizeof *x), *y = x + rows;
  for (int i = 0; x && i < rows; i++) x[i] = values[COLUMNS * i], y[i] = values[COLUMNS * i + 1];
  tr_status status = x ? tr_table_create(ctx, rows, x, y, out)
                       : TR_FAIL(ctx, TR_E_MEM, "out of memory for the table %s", path);
  free(x);
  free(values);
  return status;
}

/* The piece that holds x, for x inside the table. */
static int piece(const tr_table *table, double x) {
  int low = 0, high = table->n - 1;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (table->x[middle] <= x)
      low = middle;
    else
      high = middle;
  }
  return low;
}

double tr_table_at(const tr_table *table, double x) {
  if (!table) return NAN;
  if (isnan(x)) return x;
  if (x <= table->x[0]) return table->y[0];
  if (x >= table->x[table->n - 1]) return table->y[table->n - 1];
  int i = piece(table, x);
  double h = table->x[i + 1] - table->x[i], u = (x - table->x[i]) / h, w = 1 - u;
  return w * w * (1 + 2 * u) * table->y[i] + u * u * (3 - 2 * u) * table->y[i + 1] +
         h * u * w * (w * table->slope[i] - u * table->slope[i + 1]);
}

double tr_table_slope(const tr_table *table, double x) {
  if (!table) return NAN;
  if (x < table->x[0] || x > table->x[table->n - 1]) return 0;
  int i = piece(table, x);
  double h = table->x[i + 1] - table->x[i], u = (x - table->x[i]) / h, w = 1 - u;
  return 6 * u * w * (table->y[i + 1] - table->y[i]) / h + w * (w - 2 * u) * table->slope[i] +
         u * (u - 2 * w) * table->slope[i + 1];
}

int tr_table_points(const tr_table *table, const double **x, const double **y) {
  if (!table || !x || !y) return 0;
  *x = table->x;
  *y = table->y;
  return table->n;
}

double tr_table_min(const tr_table *table) {
  if (!table) return NAN;
  double least = table->y[0];
  for (int i = 1; i < table->n; i++) least = fmin(least, table->y[i]);
  return least;
}
