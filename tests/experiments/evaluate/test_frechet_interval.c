/* The interval of the Frechet distance: it holds the expectation at the same numbers of samples, and it has
 * the spread of a bootstrap that computes the distance anew. */
#include "experiments/evaluate/metrics/frechet.h"
#include "tests/experiments/evaluate/rows.h"

enum { D = 6, N = 200, M = 250 };

/* Rows of a Gaussian with deviations that differ, moved and mixed. */
static void draw_side(int number, int64_t n, double spread, double shift, double *out) {
  draw_rows(number, n, D, out);
  for (int64_t i = 0; i < n; i++)
    for (int k = D - 1; k >= 0; k--)
      out[i * D + k] =
          shift / (k + 1) + spread * (out[i * D + k] * (1 + 0.3 * k) + (k ? 0.5 * out[i * D + k - 1] : 0));
}

static metric_value interval_of(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, uint64_t seed) {
  metric_gaussian of_a, of_b;
  metric_value out = {NAN, NAN, NAN};
  CHECK_OK(ctx, metric_gaussian_of(ctx, a, &of_a));
  CHECK_OK(ctx, metric_gaussian_of(ctx, b, &of_b));
  CHECK_OK(ctx, metric_frechet_interval(ctx, &of_a, a, &of_b, b, seed, &out));
  metric_gaussian_free(&of_a), metric_gaussian_free(&of_b);
  return out;
}

/* Over many pairs of sets: the mean of the values is their expectation, and 95 % of the intervals hold it. */
static void coverage(tr_ctx *ctx, const char *what, double spread, double shift) {
  enum { TRIALS = 300 };
  static double a[N * D], b[M * D];
  metric_value found[TRIALS];
  for (int t = 0; t < TRIALS; t++) {
    draw_side(2 * t, N, 1, 0, a), draw_side(2 * t + 1, M, spread, shift, b);
    const metric_rows rows_a = rows_of(N, D, a), rows_b = rows_of(M, D, b);
    found[t] = interval_of(ctx, &rows_a, &rows_b, (uint64_t)t);
  }
  check_coverage(what, TRIALS, found, 0.15);
}

/* Against resampled sets whose distance is computed anew. Their mean is further off by the bias, which is why
 * they are no interval themselves; their spread is that of ours. */
static void recomputed(tr_ctx *ctx) {
  enum { REPLICATES = 400 };
  static double a[N * D], b[M * D], again_a[N * D], again_b[M * D];
  draw_side(9001, N, 1, 0, a), draw_side(9002, M, 1.2, 0.7, b);
  const metric_rows rows_a = rows_of(N, D, a), rows_b = rows_of(M, D, b), drawn_a = rows_of(N, D, again_a),
                    drawn_b = rows_of(M, D, again_b);
  const metric_value ours = interval_of(ctx, &rows_a, &rows_b, 3);
  double value[REPLICATES], mean = 0, square = 0;
  for (int r = 0; r < REPLICATES; r++) {
    const tr_random_address address = {.seed = 77, .purpose = TR_RANDOM_TEST, .step = (uint32_t)r};
    for (int i = 0; i < N; i++)
      memcpy(again_a + i * D, a + (int)(tr_random_uniform(&address, 0, (uint32_t)i) * N) * D, D * sizeof *a);
    for (int i = 0; i < M; i++)
      memcpy(again_b + i * D, b + (int)(tr_random_uniform(&address, 1, (uint32_t)i) * M) * D, D * sizeof *b);
    metric_gaussian of_a, of_b;
    CHECK_OK(ctx, metric_gaussian_of(ctx, &drawn_a, &of_a));
    CHECK_OK(ctx, metric_gaussian_of(ctx, &drawn_b, &of_b));
    CHECK_OK(ctx, metric_frechet(ctx, &of_a, &of_b, &value[r]));
    metric_gaussian_free(&of_a), metric_gaussian_free(&of_b);
    mean += value[r] / REPLICATES;
  }
  for (int r = 0; r < REPLICATES; r++) square += pow(value[r] - mean, 2) / (REPLICATES - 1);
  printf("recomputed: %.4f, mean of the replicates %.4f, deviation %.4f; ours %.4f\n", ours.value, mean,
         sqrt(square), (ours.high - ours.low) / (2 * 1.96));
  CHECK_NEAR((ours.high - ours.low) / (2 * 1.96) / sqrt(square), 1, 0.15);
  CHECK(mean > ours.value); /* the bias of a second resampling */
  CHECK_NEAR((ours.low + ours.high) / 2, ours.value, 0.1 * (ours.high - ours.low)); /* ours has none */
}

/* Eigenvectors and centred rows, and the same rows twice: n <= d by one side's samples gives the effects of
 * the other way to compute them. */
static void few_samples(tr_ctx *ctx) {
  enum { FEW = 5, WIDE = 8 };
  double a[FEW * WIDE], b[40 * WIDE];
  draw_rows(1, FEW, WIDE, a), draw_rows(2, 40, WIDE, b);
  const metric_rows rows_a = rows_of(FEW, WIDE, a), rows_b = rows_of(40, WIDE, b);
  metric_gaussian of_a, of_b;
  metric_value by_rows, by_covariance;
  CHECK_OK(ctx, metric_gaussian_of(ctx, &rows_a, &of_a));
  CHECK_OK(ctx, metric_gaussian_of(ctx, &rows_b, &of_b));
  CHECK(of_a.centred && !of_b.centred);
  CHECK_OK(ctx, metric_frechet_interval(ctx, &of_a, &rows_a, &of_b, &rows_b, 1, &by_rows));
  free(of_a.centred), of_a.centred = NULL;
  CHECK_OK(ctx, metric_frechet_interval(ctx, &of_a, &rows_a, &of_b, &rows_b, 1, &by_covariance));
  CHECK_NEAR(by_rows.value, by_covariance.value, 1e-12);
  CHECK_NEAR(by_rows.low, by_covariance.low, 1e-9);
  CHECK_NEAR(by_rows.high, by_covariance.high, 1e-9);
  CHECK(by_rows.high - by_rows.low > 0.1);
  /* a side whose statistics are given does not vary; without rows there is no interval */
  metric_value half, none;
  CHECK_OK(ctx, metric_frechet_interval(ctx, &of_a, NULL, &of_b, &rows_b, 1, &half));
  CHECK(half.high - half.low < by_rows.high - by_rows.low && half.high > half.low);
  CHECK_OK(ctx, metric_frechet_interval(ctx, &of_a, NULL, &of_b, NULL, 1, &none));
  CHECK(isnan(none.low) && isnan(none.high) && none.value == by_covariance.value);
  metric_gaussian_free(&of_a), metric_gaussian_free(&of_b);
}

/* Fewer samples than features on one side. */
static void coverage_of_few(tr_ctx *ctx) {
  enum { TRIALS = 200, FEW = 15, MANY = 120, WIDE = 20 };
  static double a[FEW * WIDE], b[MANY * WIDE];
  metric_value found[TRIALS];
  for (int t = 0; t < TRIALS; t++) {
    draw_rows(2 * t, FEW, WIDE, a), draw_rows(2 * t + 1, MANY, WIDE, b);
    for (int i = 0; i < MANY * WIDE; i++) b[i] = b[i] * (1 + i % WIDE / 20.0) + (i % WIDE == 0);
    const metric_rows rows_a = rows_of(FEW, WIDE, a), rows_b = rows_of(MANY, WIDE, b);
    found[t] = interval_of(ctx, &rows_a, &rows_b, (uint64_t)t);
  }
  check_coverage("15 samples of 20 features", TRIALS, found, 0.15);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  tr_ctx_set_threads(ctx, 1);
  coverage(ctx, "spread and mean differ", 1.3, 0.7);
  coverage(ctx, "means differ", 1, 1);
  coverage_of_few(ctx);
  recomputed(ctx);
  few_samples(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
