/* References that are saved: which of more than 10,000 pictures are kept, and statistics of all of them. */
#include <unistd.h>

#include "experiments/evaluate/set.h"
#include "experiments/output/npz_put.h"
#include "tests/experiments/evaluate/rows.h"
#include "tests/support/scratch.h"

enum { MOST = 10000, LARGEST = 40000, D = 2 };

/* n pictures of one pixel, whose levels are the picture's number. */
static void write_pictures(tr_ctx *ctx, const char *path, int64_t n) {
  uint8_t *levels = malloc((size_t)(3 * n));
  for (int64_t i = 0; i < 3 * n; i++) levels[i] = (uint8_t)(i / 3 >> 8 * (i % 3));
  tr_npz_out *npz;
  CHECK_OK(ctx, tr_npz_create(ctx, path, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "arr_0", TR_U8, 4, (int64_t[]){n, 1, 1, 3}, levels));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  free(levels);
}

/* Picture i has the features i and -2 i. */
static void fill_features(tr_ctx *ctx, int64_t n, feature_set *out) {
  CHECK_OK(ctx,
           feature_set_allocate(ctx, "x", n, TR_F64, (int64_t[FEATURES_ARRAYS]){[FEATURES_POOL] = D}, out));
  for (int64_t i = 0; i < n; i++) {
    double *row = feature_set_at(out, FEATURES_POOL, i);
    row[0] = (double)i, row[1] = -2 * (double)i;
  }
}

static void check_numbers(tr_ctx *ctx, tr_npz *npz, const char *name, int64_t count, const double *want) {
  tr_npy npy;
  double got[D * D] = {0};
  CHECK_OK(ctx, tr_npz_get(npz, name, &npy));
  CHECK(npy.count == count);
  if (npy.count == count) tr_npy_get_f64(&npy, got);
  for (int64_t i = 0; i < count; i++) CHECK_NEAR(got[i], want[i], 1e-12 * fabs(want[i]));
  tr_npy_close(&npy);
}

/* The first one, and then one after every n / m, rounded to either side: all of them up to 10,000. */
static void check_spread(tr_ctx *ctx, tr_npz *npz, int64_t n) {
  const int64_t m = n < MOST ? n : MOST;
  tr_npy npy;
  CHECK_OK(ctx, tr_npz_get(npz, "arr_0", &npy));
  CHECK(npy.dtype == TR_U8 && npy.ndim == 4 && npy.shape[0] == m && npy.count == 3 * m);
  int64_t wrong = 0, before = -n / m;
  for (int64_t k = 0; k < m && npy.count == 3 * m; k++) {
    const uint8_t *levels = (const uint8_t *)npy.data + 3 * k;
    const int64_t at = levels[0] | levels[1] << 8 | levels[2] << 16, step = at - before;
    wrong += (k == 0 && at != 0) || step < n / m || step > (n + m - 1) / m;
    before = at;
  }
  CHECK(wrong == 0);
  CHECK(n - before >= n / m && n - before <= (n + m - 1) / m); /* behind the last, as between two */
  tr_npy_close(&npy);
}

static void saved(tr_ctx *ctx, int64_t n) {
  static uint8_t levels[3 * LARGEST];
  evaluate_set set;
  tr_npz *npz;
  write_pictures(ctx, scratch("pictures.npz"), n);
  program p = {.ctx = ctx};
  CHECK_OK(ctx, evaluate_set_open(&p, "--samples", scratch("pictures.npz"), false, &set));
  CHECK_OK(ctx, picture_source_read(set.pictures, n, levels)); /* as whoever takes features has done */
  fill_features(ctx, n, &set.features);
  CHECK_OK(ctx, evaluate_set_save(ctx, scratch("saved.npz"), &set));
  CHECK_OK(ctx, tr_npz_open(ctx, scratch("saved.npz"), &npz));
  check_spread(ctx, npz, n);
  const double mean = (double)(n - 1) / 2, variance = (double)n * (double)(n + 1) / 12, all = (double)n;
  check_numbers(ctx, npz, "mu", D, (double[]){mean, -2 * mean});
  check_numbers(ctx, npz, "sigma", D * D, (double[]){variance, -2 * variance, -2 * variance, 4 * variance});
  check_numbers(ctx, npz, "n", 1, &all);
  tr_npz_close(&npz);
  evaluate_set_close(&set);
  unlink(scratch("pictures.npz")), unlink(scratch("saved.npz"));
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  const int64_t sizes[] = {3, MOST - 1, MOST, MOST + 1, 12345, 2 * MOST - 1, 2 * MOST, LARGEST};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) saved(ctx, sizes[i]);
  tr_ctx_close(&ctx);
  return check_report();
}
