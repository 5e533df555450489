/* KID and MMD: by hand, goldens, against all pairs, intervals, bad input. */
/* TR_TEST_DEVICE */
#include "experiments/evaluate/metrics/kernel_distance.h"
#include "tests/experiments/evaluate/rows.h"

/* (xy + 1)^3 of {0, 1} and {2, 3}: 1 + 343 - 2 (1 + 1 + 27 + 64) / 4. */
static void by_hand(tr_ctx *ctx) {
  const double x[] = {0, 1}, y[] = {2, 3};
  const metric_rows a = rows_of(2, 1, x), b = rows_of(2, 1, y);
  metric_value out;
  CHECK_OK(ctx, metric_kid(ctx, &a, &b, NULL, 1, &out, NULL));
  CHECK_NEAR(out.value, 297.5, 1e-12);
}

static void goldens(tr_ctx *ctx) {
  tr_npz *npz = golden_open(ctx, "metrics/metrics");
  static int32_t of_gen[2000], of_ref[2000];
  double *memory[3], scores[20];
  const metric_rows ref = golden_rows(ctx, npz, "ref", &memory[0]),
                    gen = golden_rows(ctx, npz, "gen", &memory[1]),
                    want = golden_rows(ctx, npz, "kid_scores", &memory[2]);
  tr_npy index[2];
  CHECK_OK(ctx, tr_npz_get(npz, "kid_subsets_gen", &index[0]));
  CHECK_OK(ctx, tr_npz_get(npz, "kid_subsets_ref", &index[1]));
  CHECK(index[0].shape[0] == 20 && index[0].shape[1] == 100 && index[1].count == 2000 && want.n == 20);
  CHECK_OK(ctx, tr_npy_get_i32(ctx, &index[0], of_gen));
  CHECK_OK(ctx, tr_npy_get_i32(ctx, &index[1], of_ref));
  const metric_subsets subsets = {20, 100, of_gen, of_ref};
  metric_value out;
  CHECK_OK(ctx, metric_kid(ctx, &gen, &ref, &subsets, 1, &out, scores));
  CHECK_NEAR(out.value, golden_scalar(ctx, npz, "kid_mean"), 1e-10);
  CHECK_NEAR(check_relative(scores, memory[2], 20), 0, 1e-10);
  CHECK(out.low < out.value && out.value < out.high);
  CHECK_OK(ctx, metric_kid(ctx, &gen, &ref, NULL, 1, &out, NULL));
  CHECK_NEAR(out.value, golden_scalar(ctx, npz, "kid_all"), 1e-10);
  tr_npy_close(&index[0]), tr_npy_close(&index[1]);
  for (int i = 0; i < 3; i++) free(memory[i]);
  tr_npz_close(&npz);
}

/* Subsets of sets that are too large for all products to be kept have the scores of the same rows taken out.
 */
static void kept_products(tr_ctx *ctx) {
  enum { N = 3400, SIZE = 60, D = 3 };
  static double x[N * D], y[N * D];
  draw_rows(1, N, D, x), draw_rows(2, N, D, y);
  const metric_rows a = rows_of(N, D, x), b = rows_of(N, D, y), few_a = rows_of(SIZE, D, x),
                    few_b = rows_of(SIZE, D, y);
  metric_subsets s;
  metric_value large, small;
  double of_large[2], of_small[2];
  CHECK_OK(ctx, metric_subsets_draw(ctx, 1, 2, SIZE, SIZE, SIZE, &s));
  for (int i = 0; i < SIZE; i++)
    s.a[i] = SIZE - 1 - i, s.b[SIZE + i] = i / 2 * 2; /* another order; rows twice */
  CHECK_OK(ctx, metric_kid(ctx, &a, &b, &s, 1, &large, of_large));
  CHECK_OK(ctx, metric_kid(ctx, &few_a, &few_b, &s, 1, &small, of_small));
  CHECK(memcmp(of_large, of_small, sizeof of_large) == 0 && of_large[0] != of_large[1]);
  metric_subsets_free(&s);
}

/* No row twice, all in range, others in every subset, whole sets in order. */
static void drawn_subsets(tr_ctx *ctx) {
  metric_subsets s;
  CHECK_OK(ctx, metric_subsets_draw(ctx, 4, 3, 50, 50, 80, &s));
  for (int i = 0; i < 3; i++) {
    int seen[80] = {0}, sum = 0;
    for (int k = 0; k < 50; k++) {
      CHECK(s.a[i * 50 + k] == k);
      CHECK(s.b[i * 50 + k] >= 0 && s.b[i * 50 + k] < 80);
      seen[s.b[i * 50 + k]]++;
    }
    for (int k = 0; k < 80; k++) sum += seen[k] == 1;
    CHECK(sum == 50);
  }
  CHECK(memcmp(s.b, s.b + 50, 50 * sizeof *s.b) != 0);
  metric_subsets_free(&s);
}

static double mean_kernel(const metric_rows *a, const metric_rows *b, double scale) {
  double sum = 0, pairs = 0;
  for (int64_t i = 0; i < a->n; i++)
    for (int64_t j = 0; j < b->n; j++) {
      double square = 0;
      for (int64_t k = 0; k < a->d; k++)
        square += pow(((const double *)a->data)[i * a->d + k] - ((const double *)b->data)[j * b->d + k], 2);
      if (a == b && i == j) continue;
      sum += exp(-square / (2 * scale * scale)), pairs++;
    }
  return sum / pairs;
}

/* Of {0, 1, 3} in all the distances are 1, 2, 3. Then all pairs of two sets of more rows than a tile. */
static void gaussian(tr_ctx *ctx) {
  enum { N = 300, M = 1100, D = 3 };
  static double x[N * D], y[M * D];
  const double few[] = {100, 101, 100, 103};
  metric_value out;
  double scale;
  const metric_rows p = rows_of(2, 1, few), q = rows_of(2, 1, few + 2);
  CHECK_OK(ctx, metric_mmd(ctx, &p, &q, 1, &out, &scale)); /* distances 0, 1, 1, 2, 3, 3 */
  CHECK_NEAR(scale, sqrt((1 + 4) / 2.0), 1e-12);
  CHECK_NEAR(out.value, exp(-0.2) + exp(-9 / 5.0) - (1 + exp(-9 / 5.0) + exp(-0.2) + exp(-4 / 5.0)) / 2,
             1e-12);
  draw_rows(1, N, D, x), draw_rows(2, M, D, y);
  for (int i = 0; i < M * D; i++) y[i] += 0.3;
  const metric_rows a = rows_of(N, D, x), b = rows_of(M, D, y);
  CHECK_OK(ctx, metric_mmd(ctx, &a, &b, 1, &out, &scale));
  CHECK(scale > 1.5 && scale < 3);
  CHECK_NEAR(out.value,
             mean_kernel(&a, &a, scale) + mean_kernel(&b, &b, scale) - 2 * mean_kernel(&a, &b, scale), 1e-12);
  for (int i = 0; i < N * D; i++) x[i] = 5;
  CHECK_OK(ctx, metric_mmd(ctx, &a, &a, 1, &out, &scale));
  CHECK(out.value == 0 && scale == 0);
}

/* Intervals hold the mean over many pairs of sets, of subsets too, and their widths are the deviations. */
static void coverage(tr_ctx *ctx, const char *what, int kind) {
  enum { TRIALS = 200, N = 150, M = 120, D = 4 };
  static double x[N * D], y[M * D];
  metric_value found[TRIALS];
  for (int t = 0; t < TRIALS; t++) {
    draw_rows(2 * t, N, D, x), draw_rows(2 * t + 1, M, D, y);
    for (int i = 0; i < M * D; i++) y[i] = 1.2 * y[i] + 0.4;
    const metric_rows a = rows_of(N, D, x), b = rows_of(M, D, y);
    metric_subsets s = {0};
    if (kind == 1) CHECK_OK(ctx, metric_subsets_draw(ctx, (uint64_t)t, 5, 80, N, M, &s));
    if (kind == 2)
      CHECK_OK(ctx, metric_mmd(ctx, &a, &b, (uint64_t)t, &found[t], NULL));
    else
      CHECK_OK(ctx, metric_kid(ctx, &a, &b, kind ? &s : NULL, (uint64_t)t, &found[t], NULL));
    metric_subsets_free(&s);
  }
  check_coverage(what, TRIALS, found, 0.2);
}

static void bad_input(tr_ctx *ctx) {
  double x[] = {0, 1, 2, 3};
  const metric_rows one = rows_of(1, 2, x), two = rows_of(2, 2, x), line = rows_of(4, 1, x);
  int32_t index[] = {0, 2};
  const metric_subsets outside = {1, 2, index, index}, single = {1, 1, index, index};
  metric_subsets s;
  metric_value out;
  CHECK_ERROR(ctx, metric_kid(ctx, &one, &two, NULL, 1, &out, NULL), TR_E_ARG, "1 sample, at least 2");
  CHECK_ERROR(ctx, metric_kid(ctx, &two, &line, NULL, 1, &out, NULL), TR_E_SHAPE, "the same features");
  CHECK_ERROR(ctx, metric_kid(ctx, &two, &two, &outside, 1, &out, NULL), TR_E_ARG, "rows 2 and 2 of 2 and 2");
  CHECK_ERROR(ctx, metric_kid(ctx, &two, &two, &single, 1, &out, NULL), TR_E_ARG, "of two");
  CHECK_ERROR(ctx, metric_subsets_draw(ctx, 1, 1, 5, 9, 4, &s), TR_E_ARG, "of 2 to 4");
  x[3] = INFINITY;
  CHECK_ERROR(ctx, metric_mmd(ctx, &line, &line, 1, &out, NULL), TR_E_NONFINITE, "row 3");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  by_hand(ctx);
  goldens(ctx);
  kept_products(ctx);
  drawn_subsets(ctx);
  gaussian(ctx);
  tr_ctx_set_threads(ctx, 1);
  coverage(ctx, "KID of the whole sets", 0);
  coverage(ctx, "KID of subsets", 1);
  coverage(ctx, "MMD", 2);
  bad_input(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
