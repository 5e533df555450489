/* What the vector operations do to one chunk. Arithmetic in double, one rounding on store. Results are the
 * same for any cut into chunks, but for those of reductions. */
#include <math.h>
#include <string.h>

#include "core/cpu/cpu.h"

#define BLOCK 512 /* sums in double that stay in the nearest cache */

/* Up to three terms need no sums in memory. An element is read before it is written, so z may be a term. */
#define DEFINE_LINCOMB(T)                                                                                    \
  static void lincomb_##T(int k, const double *a, const void *const *x, T *z, int64_t from, int64_t n) {     \
    double sum[BLOCK];                                                                                       \
    const T *term[3];                                                                                        \
    for (int j = 0; j < 3; j++) term[j] = (const T *)x[j < k ? j : 0] + from;                                \
    const T *x0 = term[0], *x1 = term[1], *x2 = term[2];                                                     \
    double a0 = a[0], a1 = k > 1 ? a[1] : 0, a2 = k > 2 ? a[2] : 0;                                          \
    z += from;                                                                                               \
    switch (k) {                                                                                             \
    case 1:                                                                                                  \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) z[i] = (T)(a0 * (double)x0[i]);                    \
      return;                                                                                                \
    case 2:                                                                                                  \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) z[i] =                                             \
          (T)(a0 * (double)x0[i] + a1 * (double)x1[i]);                                                      \
      return;                                                                                                \
    case 3:                                                                                                  \
      _Pragma("omp simd") for (int64_t i = 0; i < n; i++) z[i] =                                             \
          (T)(a0 * (double)x0[i] + a1 * (double)x1[i] + a2 * (double)x2[i]);                                 \
      return;                                                                                                \
    default:                                                                                                 \
      for (int64_t i = 0; i < n; i++) sum[i] = a0 * (double)x0[i] + a1 * (double)x1[i] + a2 * (double)x2[i]; \
    }                                                                                                        \
    for (int j = 3; j < k; j++) {                                                                            \
      const T *more = (const T *)x[j] + from;                                                                \
      double c = a[j];                                                                                       \
      for (int64_t i = 0; i < n; i++) sum[i] += c * (double)more[i];                                         \
    }                                                                                                        \
    for (int64_t i = 0; i < n; i++) z[i] = (T)sum[i];                                                        \
  }
DEFINE_LINCOMB(float)
DEFINE_LINCOMB(double)

void tr_chunk_lincomb(tr_dtype dtype, int k, const double *a, const void *const *x, void *z, int64_t from,
                      int64_t to) {
  for (; from < to; from += BLOCK) {
    int64_t n = to - from < BLOCK ? to - from : BLOCK;
    if (dtype == TR_F32)
      lincomb_float(k, a, x, z, from, n);
    else
      lincomb_double(k, a, x, z, from, n);
  }
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

void tr_chunk_map(tr_dtype dtype, tr_map_op op, double c, const void *x, const void *y, void *z, int64_t from,
                  int64_t to) {
  if (dtype == TR_F32)
    map_float(op, c, x, y, z, from, to);
  else
    map_double(op, c, x, y, z, from, to);
}

/* The roundings of the maps one by one: a solver's steps depend on them. */
#define DEFINE_WEIGHTS(T)                                                                                    \
  static void weights_##T(double rtol, double atol, const T *y, T *w, int64_t from, int64_t to) {            \
    for (int64_t i = from; i < to; i++) {                                                                    \
      T share = (T)(rtol * fabs((double)y[i])), sum = (T)((double)share + atol);                             \
      w[i] = (T)(1 / (double)sum);                                                                           \
    }                                                                                                        \
  }
DEFINE_WEIGHTS(float)
DEFINE_WEIGHTS(double)

void tr_chunk_weights(tr_dtype dtype, double rtol, double atol, const void *y, void *w, int64_t from,
                      int64_t to) {
  if (dtype == TR_F32)
    weights_float(rtol, atol, y, w, from, to);
  else
    weights_double(rtol, atol, y, w, from, to);
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

double tr_chunk_reduce(tr_dtype dtype, tr_reduce_op op, const void *x, const void *y, int64_t from,
                       int64_t to) {
  return dtype == TR_F32 ? reduce_float(op, x, y, from, to) : reduce_double(op, x, y, from, to);
}

/* The exponents of infinities and NaN are all ones; integers, so that whole vectors are looked at. */
#define DEFINE_FINITE(T, U, EXPONENT)                                                                        \
  static bool finite_##T(const T *x, int64_t from, int64_t to) {                                             \
    U found = 0;                                                                                             \
    for (int64_t i = from; i < to; i++) {                                                                    \
      U bits;                                                                                                \
      memcpy(&bits, &x[i], sizeof bits);                                                                     \
      found |= (U)((bits & (EXPONENT)) == (EXPONENT));                                                       \
    }                                                                                                        \
    return !found;                                                                                           \
  }
DEFINE_FINITE(float, uint32_t, 0x7F800000u)
DEFINE_FINITE(double, uint64_t, 0x7FF0000000000000u)

bool tr_chunk_finite(tr_dtype dtype, const void *x, int64_t from, int64_t to) {
  return dtype == TR_F32 ? finite_float(x, from, to) : finite_double(x, from, to);
}
