/* Vector operations on the CPU. Arithmetic in double, one rounding on store. Sums run over fixed chunks,
 * added in order, so a result does not depend on the number of threads. */
#include <math.h>
#include <stdlib.h>

#include "core/cpu/cpu.h"

#define CHUNK       4096
#define RANDOM_COST 32 /* a normal number costs as much as so many elements of the others */

static int threads_for(const tr_ctx *ctx, int64_t count) {
  return tr_cpu_threads_for(ctx, (double)count / TR_CPU_ELEMENT_RATE);
}

#define DEFINE_LINCOMB(T)                                                                                    \
  static void lincomb_##T(int k, const double *a, const tr_array *const *x, T *z, int64_t from,              \
                          int64_t to) {                                                                      \
    double sum[CHUNK];                                                                                       \
    int64_t n = to - from;                                                                                   \
    const T *first = (const T *)x[0]->data + from;                                                           \
    for (int64_t i = 0; i < n; i++) sum[i] = a[0] * (double)first[i];                                        \
    for (int j = 1; j < k; j++) {                                                                            \
      const T *term = (const T *)x[j]->data + from;                                                          \
      double c = a[j];                                                                                       \
      for (int64_t i = 0; i < n; i++) sum[i] += c * (double)term[i];                                         \
    }                                                                                                        \
    for (int64_t i = 0; i < n; i++) z[from + i] = (T)sum[i];                                                 \
  }
DEFINE_LINCOMB(float)
DEFINE_LINCOMB(double)

static tr_status cpu_lincomb(tr_ctx *ctx, int k, const double *a, const tr_array *const *x, tr_array *z) {
#pragma omp parallel for num_threads(threads_for(ctx, z->count)) schedule(static)
  for (int64_t from = 0; from < z->count; from += CHUNK) {
    int64_t to = from + CHUNK < z->count ? from + CHUNK : z->count;
    if (z->dtype == TR_F32)
      lincomb_float(k, a, x, z->data, from, to);
    else
      lincomb_double(k, a, x, z->data, from, to);
  }
  return TR_OK;
}

#define MAP_LOOP(expr)                                                                                       \
  for (int64_t i = from; i < to; i++) z[i] = (expr);                                                         \
  break
#define DEFINE_MAP(T)                                                                                        \
  static void map_##T(tr_map_op op, double c, const T *x, const T *y, T *z, int64_t from, int64_t to) {      \
    switch (op) {                                                                                            \
    case TR_MAP_CONST:                                                                                       \
      MAP_LOOP((T)c);                                                                                        \
    case TR_MAP_MUL:                                                                                         \
      MAP_LOOP((T)((double)x[i] * (double)y[i]));                                                            \
    case TR_MAP_DIV:                                                                                         \
      MAP_LOOP((T)((double)x[i] / (double)y[i]));                                                            \
    case TR_MAP_ABS:                                                                                         \
      MAP_LOOP((T)fabs((double)x[i]));                                                                       \
    case TR_MAP_INV:                                                                                         \
      MAP_LOOP((T)(1 / (double)x[i]));                                                                       \
    case TR_MAP_ADDC:                                                                                        \
      MAP_LOOP((T)((double)x[i] + c));                                                                       \
    }                                                                                                        \
  }
DEFINE_MAP(float)
DEFINE_MAP(double)

static tr_status cpu_map(tr_ctx *ctx, tr_map_op op, double c, const tr_array *x, const tr_array *y,
                         tr_array *z) {
  const void *px = x ? x->data : NULL, *py = y ? y->data : NULL;
#pragma omp parallel for num_threads(threads_for(ctx, z->count)) schedule(static)
  for (int64_t from = 0; from < z->count; from += CHUNK) {
    int64_t to = from + CHUNK < z->count ? from + CHUNK : z->count;
    if (z->dtype == TR_F32)
      map_float(op, c, px, py, z->data, from, to);
    else
      map_double(op, c, px, py, z->data, from, to);
  }
  return TR_OK;
}

#define REDUCE_LOOP(start, expr)                                                                             \
  do {                                                                                                       \
    double r = (start);                                                                                      \
    for (int64_t i = from; i < to; i++) expr;                                                                \
    return r;                                                                                                \
  } while (0)
#define DEFINE_REDUCE(T)                                                                                     \
  static double reduce_##T(tr_reduce_op op, const T *x, const T *y, int64_t from, int64_t to) {              \
    switch (op) {                                                                                            \
    case TR_SUM_XY:                                                                                          \
      REDUCE_LOOP(0, r += (double)x[i] * (double)y[i]);                                                      \
    case TR_SUM_XW2:                                                                                         \
      REDUCE_LOOP(0, r += ((double)x[i] * (double)y[i]) * ((double)x[i] * (double)y[i]));                    \
    case TR_MAX_ABS:                                                                                         \
      REDUCE_LOOP(0, if (fabs((double)x[i]) > r || x[i] != x[i]) r = fabs((double)x[i]));                    \
    case TR_MIN:                                                                                             \
      REDUCE_LOOP(INFINITY, if ((double)x[i] < r || x[i] != x[i]) r = (double)x[i]);                         \
    case TR_SUM:                                                                                             \
      REDUCE_LOOP(0, r += (double)x[i]);                                                                     \
    }                                                                                                        \
    return NAN;                                                                                              \
  }
DEFINE_REDUCE(float)
DEFINE_REDUCE(double)

static double combine(tr_reduce_op op, double a, double b) {
  if (op == TR_MAX_ABS) return isnan(a) || a >= b ? a : b;
  if (op == TR_MIN) return isnan(a) || a <= b ? a : b;
  return a + b;
}

/* One segment: partial results of fixed chunks, combined in order. */
static tr_status reduce_segment(tr_ctx *ctx, tr_reduce_op op, const tr_array *x, const tr_array *y,
                                int64_t start, int64_t end, double *out) {
  int64_t n = end - start, chunks = (n + CHUNK - 1) / CHUNK;
  double few[64], *part = few;
  *out = op == TR_MIN ? INFINITY : 0;
  if (chunks > 64 && !(part = malloc((size_t)chunks * sizeof *part)))
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld partial sums", (long long)chunks);
#pragma omp parallel for num_threads(threads_for(ctx, n)) schedule(static)
  for (int64_t c = 0; c < chunks; c++) {
    int64_t from = start + c * CHUNK, to = from + CHUNK < end ? from + CHUNK : end;
    const void *py = y ? y->data : NULL;
    part[c] = x->dtype == TR_F32 ? reduce_float(op, x->data, py, from, to)
                                 : reduce_double(op, x->data, py, from, to);
  }
  for (int64_t c = 0; c < chunks; c++) *out = combine(op, *out, part[c]);
  if (part != few) free(part);
  return TR_OK;
}

static tr_status cpu_reduce(tr_ctx *ctx, tr_reduce_op op, const tr_array *x, const tr_array *y,
                            const tr_segments *seg, double *out) {
  for (int k = 0; k < seg->n; k++)
    TR_TRY(reduce_segment(ctx, op, x, y, k ? seg->end[k - 1] : 0, seg->end[k], &out[k]));
  return TR_OK;
}

static void store(tr_array *z, int64_t i, double value) {
  if (z->dtype == TR_F32)
    ((float *)z->data)[i] = (float)value;
  else
    ((double *)z->data)[i] = value;
}

static tr_status cpu_randn(tr_ctx *ctx, const tr_random_address *address, tr_array *z) {
  int64_t rows = z->shape[0], row = rows ? z->count / rows : 0, pairs = (row + 1) / 2;
#pragma omp parallel for num_threads(threads_for(ctx, RANDOM_COST * z->count)) schedule(static)
  for (int64_t k = 0; k < rows * pairs; k++) {
    int64_t r = k / pairs, p = k % pairs;
    double pair[2];
    tr_random_normal_pair(address, address->sample + (uint64_t)r, (uint32_t)p, pair);
    store(z, r * row + 2 * p, pair[0]);
    if (2 * p + 1 < row) store(z, r * row + 2 * p + 1, pair[1]);
  }
  return TR_OK;
}

#define DEFINE_BLEND(T)                                                                                      \
  static void blend_##T(double a, const T *x, double b, const T *y, T *z, int64_t blended, int64_t row) {    \
    for (int64_t i = 0; i < blended; i++) z[i] = (T)(a * (double)x[i] + b * (double)y[i]);                   \
    for (int64_t i = blended; i < row; i++) z[i] = y[i];                                                     \
  }
DEFINE_BLEND(float)
DEFINE_BLEND(double)

static tr_status cpu_blend_channels(tr_ctx *ctx, int64_t channels, double a, const tr_array *x, double b,
                                    const tr_array *y, tr_array *z) {
  int64_t rows = z->shape[0], row = rows ? z->count / rows : 0;
  int64_t blended = z->shape[1] ? row / z->shape[1] * channels : 0;
#pragma omp parallel for num_threads(threads_for(ctx, z->count)) schedule(static)
  for (int64_t from = 0; from < rows * row; from += row) {
    if (z->dtype == TR_F32)
      blend_float(a, (const float *)x->data + from, b, (const float *)y->data + from, (float *)z->data + from,
                  blended, row);
    else
      blend_double(a, (const double *)x->data + from, b, (const double *)y->data + from,
                   (double *)z->data + from, blended, row);
  }
  return TR_OK;
}

static tr_status cpu_dot_rows(tr_ctx *ctx, double a, const tr_array *x, const tr_array *y, double b,
                              tr_array *z) {
  int64_t rows = z->count, row = x->count / rows;
#pragma omp parallel for num_threads(threads_for(ctx, x->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++) {
    double sum = x->dtype == TR_F32 ? reduce_float(TR_SUM_XY, x->data, y->data, r * row, (r + 1) * row)
                                    : reduce_double(TR_SUM_XY, x->data, y->data, r * row, (r + 1) * row);
    store(z, r, a * sum + b);
  }
  return TR_OK;
}

const tr_vec_ops tr_cpu_vec = {cpu_lincomb, cpu_map, cpu_reduce, cpu_randn, cpu_blend_channels, cpu_dot_rows};
