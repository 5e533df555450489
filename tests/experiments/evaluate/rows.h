/* Rows for the tests of metrics: of the goldens, and drawn ones. */
#ifndef TR_TESTS_EXPERIMENTS_EVALUATE_ROWS_H
#define TR_TESTS_EXPERIMENTS_EVALUATE_ROWS_H

#include <stdlib.h>

#include "core/random.h"
#include "experiments/evaluate/metrics/rows.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"

/* Of tests/data/goldens/metrics, memory of their own in *owner. */
static inline metric_rows golden_rows(tr_ctx *ctx, tr_npz *npz, const char *entry, double **owner) {
  tr_array *array = golden_array(npz, entry, TR_F64);
  *owner = malloc((size_t)array->count * sizeof **owner);
  CHECK_OK(ctx, tr_array_get_f64(array, *owner));
  const metric_rows rows = {entry, array->shape[0], array->ndim > 1 ? array->shape[1] : 1, TR_F64, *owner};
  tr_array_destroy(&array);
  return rows;
}

/* Standard normals (n, d), the same for the same number. */
static inline void draw_rows(int number, int64_t n, int64_t d, double *out) {
  const tr_random_address address = {.seed = (uint64_t)number, .purpose = TR_RANDOM_TEST};
  for (int64_t i = 0; i < n * d; i++) {
    double z[2];
    tr_random_normal_pair(&address, (uint64_t)(i >> 20), (uint32_t)(i & 0xfffff), z);
    out[i] = z[0];
  }
}

/* Intervals of so many pairs of sets drawn alike: as many of them as 95 % asks for hold the mean of the
 * values, their expectation, and they are as wide as the values spread. */
static inline void check_coverage(const char *what, int trials, const metric_value *found, double within) {
  double mean = 0, square = 0, width = 0, inside = 0;
  for (int t = 0; t < trials; t++) {
    mean += found[t].value / trials;
    width += (found[t].high - found[t].low) / (2 * 1.96) / trials;
  }
  for (int t = 0; t < trials; t++) {
    inside += (found[t].low <= mean && mean <= found[t].high) / (double)trials;
    square += pow(found[t].value - mean, 2) / (trials - 1);
  }
  printf("%s: expectation %.4f, deviation %.4f, that of the intervals %.4f, coverage %.3f\n", what, mean,
         sqrt(square), width, inside);
  CHECK(inside >= 0.95 - 3 * sqrt(0.95 * 0.05 / trials));
  CHECK(inside < 1);
  CHECK_NEAR(width / sqrt(square), 1, within);
}

static inline metric_rows rows_of(int64_t n, int64_t d, const double *data) {
  return (metric_rows){"rows", n, d, TR_F64, data};
}

#endif
