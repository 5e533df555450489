/* Statistics and the Frechet distance: Gaussians with a closed form, goldens, degenerate sets, bad input. */
/* TR_TEST_DEVICE */
#include "experiments/evaluate/metrics/frechet.h"
#include "tests/experiments/evaluate/rows.h"

static metric_gaussian gaussian(tr_ctx *ctx, const metric_rows *rows) {
  metric_gaussian g;
  CHECK_OK(ctx, metric_gaussian_of(ctx, rows, &g));
  return g;
}

static double distance(tr_ctx *ctx, const metric_rows *a, const metric_rows *b) {
  metric_gaussian of_a = gaussian(ctx, a), of_b = gaussian(ctx, b);
  double out = NAN;
  CHECK_OK(ctx, metric_frechet(ctx, &of_a, &of_b, &out));
  metric_gaussian_free(&of_a), metric_gaussian_free(&of_b);
  return out;
}

/* Four points at +-1 and +-2 on the axes: mean 0, covariance diag(2/3, 8/3). */
static void moments_by_hand(tr_ctx *ctx) {
  const double x[] = {1, 0, -1, 0, 0, 2, 0, -2};
  const metric_rows rows = rows_of(4, 2, x);
  metric_gaussian g = gaussian(ctx, &rows);
  CHECK(g.n == 4 && g.d == 2 && g.mean[0] == 0 && g.mean[1] == 0 && !g.centred);
  CHECK_NEAR(g.cov[0], 2.0 / 3, 1e-15);
  CHECK_NEAR(g.cov[3], 8.0 / 3, 1e-15);
  CHECK(g.cov[1] == 0 && g.cov[2] == 0);
  metric_gaussian_free(&g);
}

/* In any pieces, on any threads, and from f32: the same bits. Far from 0: no cancellation. */
static void streaming(tr_ctx *ctx) {
  enum { N = 600, D = 300 }; /* more than a block of rows, and than a panel of columns */
  static double x[N * D];
  static float narrow[N * D];
  draw_rows(1, N, D, x);
  for (int i = 0; i < N * D; i++) x[i] = narrow[i] = (float)(1000 + x[i]);
  const metric_rows rows = rows_of(N, D, x);
  tr_ctx_set_threads(ctx, 1);
  metric_gaussian whole = gaussian(ctx, &rows), pieces;
  metric_moments *m;
  tr_ctx_set_threads(ctx, 2);
  CHECK_OK(ctx, metric_moments_create(ctx, "pieces", D, &m));
  for (int64_t at = 0, n = 1; at < N; at += n, n = n * 3 % 101 + 1 < N - at ? n * 3 % 101 + 1 : N - at)
    CHECK_OK(ctx, metric_moments_add(m, TR_F32, n, narrow + at * D));
  CHECK_OK(ctx, metric_moments_finish(&m, &pieces));
  CHECK(!m && pieces.n == N);
  CHECK(memcmp(whole.mean, pieces.mean, sizeof(double) * D) == 0);
  CHECK(memcmp(whole.cov, pieces.cov, sizeof(double) * D * D) == 0);
  double worst = 0;
  for (int a = 0; a < D; a++)
    for (int b = 0; b < D; b++) {
      long double sum = 0;
      for (int i = 0; i < N; i++)
        sum += ((long double)x[i * D + a] - whole.mean[a]) * ((long double)x[i * D + b] - whole.mean[b]);
      worst = fmax(worst, fabs((double)(sum / (N - 1)) - whole.cov[a * D + b]));
    }
  CHECK_NEAR(worst, 0, 1e-13);
  metric_gaussian_free(&whole), metric_gaussian_free(&pieces);
}

/* Diagonal covariances: |dm|^2 + sum (s1 - s2)^2; turned by a rotation it is the same. */
static void closed_form(tr_ctx *ctx) {
  const double c = cos(0.7), s = sin(0.7), m1[] = {0, 0}, m2[] = {3, -4};
  for (int turned = 0; turned < 2; turned++) {
    const double u = turned ? c : 1, v = turned ? s : 0;
    const double S1[] = {4 * u * u + v * v, 3 * u * v, 3 * u * v, 4 * v * v + u * u};
    const double S2[] = {9 * u * u + 16 * v * v, -7 * u * v, -7 * u * v, 9 * v * v + 16 * u * u};
    metric_gaussian a, b;
    double out;
    CHECK_OK(ctx, metric_gaussian_given(ctx, "a", 0, 2, m1, S1, &a));
    CHECK_OK(ctx, metric_gaussian_given(ctx, "b", 0, 2, m2, S2, &b));
    CHECK_OK(ctx, metric_frechet(ctx, &a, &b, &out));
    CHECK_NEAR(out, 25 + 1 + 9, 1e-13);
    metric_gaussian_free(&a), metric_gaussian_free(&b);
  }
}

static void goldens(tr_ctx *ctx) {
  tr_npz *npz = golden_open(ctx, "metrics/metrics");
  double *memory[8], out;
  const metric_rows ref = golden_rows(ctx, npz, "ref", &memory[0]),
                    gen = golden_rows(ctx, npz, "gen", &memory[1]);
  const metric_rows ref_s = golden_rows(ctx, npz, "ref_spatial", &memory[2]),
                    gen_s = golden_rows(ctx, npz, "gen_spatial", &memory[3]);
  const double fid = golden_scalar(ctx, npz, "fid"), sfid = golden_scalar(ctx, npz, "sfid");
  CHECK_NEAR(distance(ctx, &gen, &ref) / fid, 1, 1e-12);
  CHECK_NEAR(distance(ctx, &gen_s, &ref_s) / sfid, 1, 1e-12);
  printf("fid off by %.1e, sfid by %.1e\n", distance(ctx, &gen, &ref) / fid - 1,
         distance(ctx, &gen_s, &ref_s) / sfid - 1);
  /* stored statistics */
  const metric_rows mu = golden_rows(ctx, npz, "mu_ref", &memory[4]),
                    sigma = golden_rows(ctx, npz, "sigma_ref", &memory[5]);
  metric_gaussian stored, own = gaussian(ctx, &ref), of_gen = gaussian(ctx, &gen);
  CHECK_OK(ctx, metric_gaussian_given(ctx, "stored", 0, 24, mu.data, sigma.data, &stored));
  CHECK_NEAR(check_relative(own.mean, mu.data, 24), 0, 1e-14);
  CHECK_NEAR(check_relative(own.cov, sigma.data, 24 * 24), 0, 1e-14);
  CHECK_OK(ctx, metric_frechet(ctx, &of_gen, &stored, &out));
  CHECK_NEAR(out / fid, 1, 1e-12);
  /* the first n, and the limit */
  const metric_rows at = golden_rows(ctx, npz, "fid_at", &memory[6]),
                    at_n = golden_rows(ctx, npz, "fid_at_n", &memory[7]);
  int64_t n[16];
  double found[16], limit;
  for (int i = 0; i < at.n; i++) n[i] = (int64_t)memory[7][i];
  CHECK(at_n.n == at.n);
  CHECK_OK(ctx, metric_frechet_at(ctx, &gen, &own, (int)at.n, n, found));
  CHECK_NEAR(check_relative(found, at.data, at.n), 0, 1e-12);
  CHECK_OK(ctx, metric_frechet_limit(ctx, (int)at.n, n, found, &limit));
  CHECK_NEAR(limit, golden_scalar(ctx, npz, "fid_inf"), 1e-11);
  metric_gaussian_free(&stored), metric_gaussian_free(&own), metric_gaussian_free(&of_gen);
  for (int i = 0; i < 8; i++) free(memory[i]);
  tr_npz_close(&npz);
}

/* Sets that lack rank, to 1e-10 of the larger trace. */
static void degenerate(tr_ctx *ctx) {
  static const char *const cases[] = {
      "few",       "both_few",  "two_each", "constant_column",  "constant_in_one", "twin_columns",
      "identical", "reordered", "doubled",  "all_equal_points", "wide_scales"};
  tr_npz *npz = golden_open(ctx, "metrics/degenerate");
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    char entry[3][64];
    double *memory[2], out = NAN, trace[2] = {0};
    snprintf(entry[0], 64, "%s_ref", cases[c]), snprintf(entry[1], 64, "%s_gen", cases[c]);
    snprintf(entry[2], 64, "%s_fid", cases[c]);
    const metric_rows ref = golden_rows(ctx, npz, entry[0], &memory[0]),
                      gen = golden_rows(ctx, npz, entry[1], &memory[1]);
    metric_gaussian a = gaussian(ctx, &gen), b = gaussian(ctx, &ref);
    for (int i = 0; i < 24; i++) trace[0] += a.cov[25 * i], trace[1] += b.cov[25 * i];
    CHECK_OK(ctx, metric_frechet(ctx, &a, &b, &out));
    const double want = golden_scalar(ctx, npz, entry[2]), most = fmax(trace[0], trace[1]);
    CHECK_NEAR((out - want) / most, 0, 1e-10);
    printf("%s: off by %.1e of the larger trace\n", cases[c], (out - want) / most);
    metric_value value;
    CHECK_OK(ctx, metric_frechet_interval(ctx, &a, &gen, &b, &ref, 1, &value));
    CHECK_NEAR((value.value - out) / most, 0, 1e-13);
    CHECK(value.low <= value.value && value.value <= value.high && isfinite(value.high));
    metric_gaussian_free(&a), metric_gaussian_free(&b);
    free(memory[0]), free(memory[1]);
  }
  tr_npz_close(&npz);
}

static void bad_input(tr_ctx *ctx) {
  double x[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2}, out;
  const metric_rows one = rows_of(1, 3, x), rows = rows_of(4, 3, x), other = rows_of(6, 2, x);
  metric_gaussian g, h;
  CHECK_ERROR(ctx, metric_gaussian_of(ctx, &one, &g), TR_E_ARG,
              "rows: 1 sample, a covariance needs at least two");
  g = gaussian(ctx, &rows), h = gaussian(ctx, &other);
  CHECK_ERROR(ctx, metric_frechet(ctx, &g, &h, &out), TR_E_SHAPE, "3 and 2 features");
  metric_gaussian_free(&g), metric_gaussian_free(&h);
  x[7] = NAN;
  CHECK_ERROR(ctx, metric_gaussian_of(ctx, &rows, &g), TR_E_NONFINITE, "row 2 (counted from 0)");
  x[7] = INFINITY;
  CHECK_ERROR(ctx, metric_rows_check(ctx, &rows, 1), TR_E_NONFINITE, "row 2");
  float narrow[] = {1, 2, -INFINITY, 4};
  const metric_rows floats = {"floats", 2, 2, TR_F32, narrow};
  CHECK_ERROR(ctx, metric_gaussian_of(ctx, &floats, &g), TR_E_NONFINITE, "row 1");
  CHECK_ERROR(ctx, metric_rows_check(ctx, &(metric_rows){"none", 3, 0, TR_F32, narrow}, 1), TR_E_ARG,
              "no numbers");
  CHECK_ERROR(ctx, metric_rows_check(ctx, &one, 2), TR_E_ARG, "1 sample, at least 2");
  const double mean[] = {0, 0}, lopsided[] = {1, 0.5, 0.2, 1}, negative[] = {1, 0, 0, -1},
               nan[] = {1, NAN, NAN, 1};
  CHECK_ERROR(ctx, metric_gaussian_given(ctx, "f", 0, 2, mean, lopsided, &g), TR_E_ARG, "not symmetric");
  CHECK_ERROR(ctx, metric_gaussian_given(ctx, "f", 0, 2, mean, negative, &g), TR_E_ARG, "variance 1 is -1");
  CHECK_ERROR(ctx, metric_gaussian_given(ctx, "f", 0, 2, mean, nan, &g), TR_E_NONFINITE, "f: a covariance");
  const double indefinite[] = {1, 5, 5, 1}, huge[] = {1e200, 0};
  CHECK_OK(ctx, metric_gaussian_given(ctx, "f", 0, 2, mean, indefinite, &g));
  CHECK_ERROR(ctx, metric_frechet(ctx, &g, &g, &out), TR_E_ARG, "2 features with an eigenvalue of -4");
  metric_gaussian_free(&g);
  const double unit[] = {1, 0, 0, 1}, nearly[] = {1, 1 + 1e-5, 1 + 1e-5, 1}; /* as f32 rounds */
  CHECK_OK(ctx, metric_gaussian_given(ctx, "f", 0, 2, mean, nearly, &g));
  CHECK_OK(ctx, metric_gaussian_given(ctx, "f", 0, 2, huge, unit, &h));
  CHECK_OK(ctx, metric_frechet(ctx, &g, &g, &out));
  CHECK_ERROR(ctx, metric_frechet(ctx, &g, &h, &out), TR_E_NONFINITE, "overflows");
  metric_gaussian_free(&g), metric_gaussian_free(&h);
  const int64_t same[] = {5, 5};
  CHECK_ERROR(ctx, metric_frechet_limit(ctx, 2, same, x, &out), TR_E_ARG, "two different");
  CHECK_ERROR(ctx, metric_frechet_at(ctx, &other, &g, 1, (const int64_t[]){7}, &out), TR_E_ARG, "first 7");
}

/* Asked for before any other, since a library that was opened stays. */
static void no_lapack(tr_ctx *ctx) {
  const double mean[] = {0}, cov[] = {1};
  metric_gaussian g;
  double out;
  CHECK_OK(ctx, metric_gaussian_given(ctx, "g", 0, 1, mean, cov, &g));
  setenv("TRANSIT_LAPACK", "/nowhere/liblapack.so", 1);
  CHECK_ERROR(ctx, metric_frechet(ctx, &g, &g, &out), TR_E_UNSUPPORTED,
              "needs LAPACK: /nowhere/liblapack.so");
  setenv("TRANSIT_LAPACK", "libm.so.6", 1);
  CHECK_ERROR(ctx, metric_frechet(ctx, &g, &g, &out), TR_E_UNSUPPORTED, "has no dsyevd");
  unsetenv("TRANSIT_LAPACK");
  CHECK_OK(ctx, metric_frechet(ctx, &g, &g, &out));
  CHECK_NEAR(out, 0, 1e-15);
  metric_gaussian_free(&g);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  no_lapack(ctx);
  moments_by_hand(ctx);
  streaming(ctx);
  closed_form(ctx);
  goldens(ctx);
  degenerate(ctx);
  bad_input(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
