/* Deflation, the step of hutch++ between its products: row by row, the rows among the threads. */
#include <math.h>
#include <string.h>

#include "core/cpu/cpu.h"

/* Row i of a deflation: n elements a vector, and so many from a vector to the next. */
typedef struct {
  const tr_deflate_args *args;
  int64_t rows, n, i;
} deflation;

static void *vector(const deflation *d, const tr_array *stack, int64_t k) {
  return (char *)stack->data + (k * d->rows + d->i) * d->n * (int64_t)tr_dtype_size(stack->dtype);
}

static double dot(const deflation *d, const void *x, const void *y) {
  return tr_chunk_reduce(d->args->given->dtype, TR_SUM_XY, x, y, 0, d->n);
}

/* z = a x + b y */
static void combine(const deflation *d, double a, const void *x, double b, const void *y, void *z) {
  tr_chunk_lincomb(d->args->given->dtype, 2, (const double[]){a, b}, (const void *const[]){x, y}, z, 0, d->n);
}

static void divide(const deflation *d, double by, void *v) {
  float *f = v;
  double *g = v;
  if (d->args->given->dtype == TR_F32)
    for (int64_t e = 0; e < d->n; e++) f[e] = (float)((double)f[e] / by);
  else
    for (int64_t e = 0; e < d->n; e++) g[e] /= by;
}

/* v -= Q Q' v, twice, Q the first k vectors. */
static void project(const deflation *d, int64_t k, void *v) {
  for (int pass = 0; pass < 2; pass++)
    for (int64_t j = 0; j < k; j++) {
      const void *q = vector(d, d->args->deflated, j);
      combine(d, 1, v, -dot(d, q, v), q, v);
    }
}

static double shift(const deflation *d) {
  double sum = 0;
  for (int64_t k = 0; k < d->args->basis; k++)
    sum += dot(d, vector(d, d->args->given, k), vector(d, d->args->images, k));
  return sum / ((double)d->args->basis * (double)d->n);
}

/* Vector k of the basis, and whether it is one. */
static bool add_to_basis(const deflation *d, int64_t k, double c) {
  const void *image = vector(d, d->args->images, k);
  void *q = vector(d, d->args->deflated, k);
  combine(d, 1, image, -c, vector(d, d->args->given, k), q);
  project(d, k, q);
  double length = sqrt(dot(d, q, q));
  bool counts = length > TR_DEFLATE_DEPENDENT * sqrt(dot(d, image, image));
  if (counts)
    divide(d, length, q);
  else
    memset(q, 0, (size_t)d->n * tr_dtype_size(d->args->given->dtype));
  return counts;
}

static void deflate_row(const deflation *d) {
  const int64_t basis = d->args->basis;
  const double c = shift(d);
  int64_t rank = 0;
  for (int64_t k = 0; k < basis; k++) rank += add_to_basis(d, k, c);
  for (int64_t k = basis; k < 2 * basis; k++) {
    const void *g = vector(d, d->args->given, k);
    void *u = vector(d, d->args->deflated, k);
    memcpy(u, g, (size_t)d->n * tr_dtype_size(d->args->given->dtype));
    project(d, basis, u);
  }
  tr_cpu_store(d->args->numbers, d->i, c);
  tr_cpu_store(d->args->numbers, d->rows + d->i, (double)(d->n - rank));
}

tr_status tr_cpu_deflate(tr_ctx *ctx, const tr_deflate_args *args) {
  const int64_t rows = args->numbers->count / 2, n = args->given->count / (2 * args->basis * rows);
  const int64_t passes = 8 * args->basis * args->basis;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, passes *n * args->rows))               \
    schedule(static)
  for (int64_t i = args->first; i < args->first + args->rows; i++)
    deflate_row(&(deflation){.args = args, .rows = rows, .n = n, .i = i});
  return TR_OK;
}
