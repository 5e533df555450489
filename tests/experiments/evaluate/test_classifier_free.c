/* Sliced Wasserstein distance and nearest classes: by hand, against the distance of sets of one size, the
 * digits, intervals, bad input. */
#include "experiments/evaluate/metrics/classifier_free.h"

#include "experiments/common/statistics.h"
#include "tests/experiments/evaluate/rows.h"

static double sliced(tr_ctx *ctx, const metric_rows *a, const metric_rows *b) {
  metric_value out = {NAN, NAN, NAN};
  CHECK_OK(ctx, metric_sliced_w2(ctx, a, b, METRIC_DIRECTIONS, 1, &out));
  CHECK(out.low <= out.value && out.value <= out.high);
  return out.value;
}

/* {0, 1} to {0, 1/2, 1}: a third of the mass goes 1/2. Every pair of sizes: by quantiles on a fine grid. */
static void one_dimension(tr_ctx *ctx) {
  double x[40], y[40], want;
  const double two[] = {1, 0}, three[] = {0.5, 1, 0};
  const metric_rows a = rows_of(2, 1, two), b = rows_of(3, 1, three);
  CHECK_NEAR(sliced(ctx, &a, &b), sqrt(1 / 12.0), 1e-15);
  CHECK_NEAR(sliced(ctx, &b, &a), sqrt(1 / 12.0), 1e-15);
  CHECK(sliced(ctx, &a, &a) == 0);
  draw_rows(1, 40, 1, x), draw_rows(2, 40, 1, y);
  const metric_rows p = rows_of(40, 1, x), q = rows_of(40, 1, y);
  CHECK_OK(ctx, stat_sliced_w2(ctx, 40, 1, x, y, 1, &want));
  CHECK_NEAR(sliced(ctx, &p, &q), want, 1e-14);
  /* every point three times over, and twice: the same laws */
  double more_x[120], more_y[80];
  for (int i = 0; i < 120; i++) more_x[i] = x[i % 40];
  for (int i = 0; i < 80; i++) more_y[i] = y[i % 40];
  const metric_rows pp = rows_of(120, 1, more_x), qq = rows_of(80, 1, more_y);
  CHECK_NEAR(sliced(ctx, &pp, &qq), want, 1e-14);
}

/* A set moved by v: |u'v| along u, whose square has the mean |v|^2 / d. */
static void moved(tr_ctx *ctx) {
  enum { N = 50, D = 5 };
  double x[N * D], y[N * D];
  draw_rows(3, N, D, x);
  for (int i = 0; i < N * D; i++) y[i] = x[i] + (i % D == 2 ? 3 : 0);
  const metric_rows a = rows_of(N, D, x), b = rows_of(N, D, y);
  CHECK_NEAR(sliced(ctx, &a, &b), 3 / sqrt(D), 0.2);
  CHECK(sliced(ctx, &a, &a) == 0);
}

static void coverage(tr_ctx *ctx) {
  enum { TRIALS = 200, N = 200, M = 150, D = 3 };
  static double x[N * D], y[M * D];
  metric_value found[TRIALS];
  for (int t = 0; t < TRIALS; t++) {
    draw_rows(2 * t, N, D, x), draw_rows(2 * t + 1, M, D, y);
    for (int i = 0; i < M * D; i++) y[i] = 1.4 * y[i] + (i % D == 1 ? 1 : 0);
    const metric_rows a = rows_of(N, D, x), b = rows_of(M, D, y);
    CHECK_OK(ctx, metric_sliced_w2(ctx, &a, &b, 20, 1, &found[t]));
  }
  check_coverage("sliced W2", TRIALS, found, 0.2);
}

static void classes(tr_ctx *ctx) {
  const double x[] = {0, 10, 20, 9}, y[] = {1, 11, 19};
  const int32_t wanted[] = {0, 1, 2, 2}, known[] = {0, 1, 2};
  const metric_rows a = rows_of(4, 1, x), b = rows_of(3, 1, y);
  metric_value out;
  CHECK_OK(ctx, metric_nearest_class(ctx, &a, wanted, &b, known, 1, &out));
  CHECK(out.value == 0.75 && out.low < 0.75 && out.high >= 0.75);
}

/* Half of the digits by the other half. */
static void digits(tr_ctx *ctx) {
  tr_npz *npz;
  tr_npy images, labels;
  CHECK_OK(ctx, tr_npz_open(ctx, TR_EXPERIMENT_DATA "/digits.npz", &npz));
  CHECK_OK(ctx, tr_npz_get(npz, "images", &images));
  CHECK_OK(ctx, tr_npz_get(npz, "labels", &labels));
  float *pixels = malloc((size_t)images.count * sizeof *pixels);
  int32_t *classes = malloc((size_t)labels.count * sizeof *classes);
  tr_npy_get_f32(&images, pixels);
  CHECK_OK(ctx, tr_npy_get_i32(ctx, &labels, classes));
  const metric_rows all = {"digits", labels.count, 64, TR_F32, pixels};
  const metric_rows first = metric_rows_part(&all, 0, 900), rest = metric_rows_part(&all, 900, all.n - 900);
  metric_value right, distance;
  CHECK_OK(ctx, metric_nearest_class(ctx, &rest, classes + 900, &first, classes, 1, &right));
  CHECK_OK(ctx, metric_sliced_w2(ctx, &rest, &first, METRIC_DIRECTIONS, 1, &distance));
  printf("digits: %.4f of the nearest class (%.4f to %.4f), sliced W2 %.4f (%.4f to %.4f)\n", right.value,
         right.low, right.high, distance.value, distance.low, distance.high);
  CHECK(right.value > 0.95 && right.low > 0.93 && right.high <= 1);
  free(pixels), free(classes);
  tr_npy_close(&images), tr_npy_close(&labels);
  tr_npz_close(&npz);
}

static void bad_input(tr_ctx *ctx) {
  double x[] = {0, 1, NAN, 3};
  const metric_rows two = rows_of(2, 1, x), bad = rows_of(4, 1, x), wide = rows_of(1, 2, x);
  metric_value out;
  CHECK_ERROR(ctx, metric_sliced_w2(ctx, &two, &bad, 5, 1, &out), TR_E_NONFINITE, "row 2");
  CHECK_ERROR(ctx, metric_sliced_w2(ctx, &two, &wide, 5, 1, &out), TR_E_SHAPE, "1 numbers a row");
  CHECK_ERROR(ctx, metric_sliced_w2(ctx, &two, &two, 0, 1, &out), TR_E_ARG, "0 directions");
  const int32_t labels[] = {0, 0};
  CHECK_ERROR(
      ctx, metric_nearest_class(ctx, &two, labels, &(metric_rows){"none", 0, 1, TR_F64, x}, labels, 1, &out),
      TR_E_ARG, "none: 0 samples");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  one_dimension(ctx);
  moved(ctx);
  coverage(ctx);
  classes(ctx);
  digits(ctx);
  bad_input(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
