/* Dequantisation: draws stay in the bins, densities integrate to 1 over a bin (by the mean of 1 / q), moments
 * of the truncated normal, its width on every path, the bound on densities whose bins are known, addresses,
 * the mean of exponentials and its error. Prints what the width costs.
 */
#include <stdlib.h>

#include "nets/register.h"
#include "tests/support/check.h"
#include "transport/likelihood/dequantise.h"

enum { N = 4000 };
static uint8_t levels[N];
static double x[N];

static tr_coeffs linear_at(tr_ctx *ctx, double t) {
  tr_interpolant interpolant;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &interpolant));
  return tr_interpolant_at(&interpolant, t);
}

static double draw(tr_ctx *ctx, tr_dequant kind, const tr_coeffs *at, uint64_t sample, int64_t n) {
  tr_random_address address = {.seed = 1, .purpose = TR_RANDOM_DEQUANT, .sample = sample};
  double log_q;
  CHECK_OK(ctx, tr_dequantise(ctx, kind, at, &address, n, levels, x, &log_q));
  return log_q;
}

static void in_the_bins(tr_ctx *ctx, tr_dequant kind, double t) {
  tr_coeffs at = linear_at(ctx, t);
  double mean = 0, square = 0, alpha = kind == TR_DEQUANT_GAUSSIAN ? at.alpha : 1;
  draw(ctx, kind, &at, 3, N);
  for (int i = 0; i < N; i++) {
    double shift = (x[i] / alpha + 1) * 127.5 - levels[i]; /* of a bin */
    CHECK(fabs(shift) <= 0.5 + 1e-9);
    mean += shift / N;
    square += shift * shift / N;
  }
  /* variance of a normal of width s bins cut at +-b s: s^2 (1 - 2 b phi(b) / Z) */
  double s = at.sigma / at.alpha * 127.5, b = 0.5 / s, Z = erf(b / sqrt(2));
  double normal = s * s * (1 - 2 * b * exp(-0.5 * b * b) / sqrt(2 * TR_PI) / Z);
  double variance = kind == TR_DEQUANT_NONE ? 0 : kind == TR_DEQUANT_UNIFORM ? 1.0 / 12 : normal;
  CHECK_NEAR(mean, 0, 5 * sqrt(variance / N) + 1e-12);
  CHECK_NEAR(square, variance, 5 * variance * sqrt(2.0 / N) + 1e-12);
}

/* E_q [1 / q] is the volume of the bin: of one pixel, 1 / 127.5, in x_t alpha times as much. */
static void normalised(tr_ctx *ctx, double t) {
  enum { DRAWS = 4000 };
  tr_coeffs at = linear_at(ctx, t);
  double sum = 0, squares = 0, width = at.alpha / 127.5;
  for (int k = 0; k < DRAWS; k++) {
    double volume = exp(-draw(ctx, TR_DEQUANT_GAUSSIAN, &at, (uint64_t)k, 1));
    sum += volume / DRAWS;
    squares += volume * volume / DRAWS;
  }
  CHECK_NEAR(sum, width, 5 * sqrt((squares - sum * sum) / DRAWS) + 1e-3 * width);
}

/* ---- how wide the gaussian one is ---- */

static void cubic_at(const double *params, double t, tr_coeffs *out) {
  (void)params;
  *out = (tr_coeffs){NAN, t * t * t, pow(1 - t, 3), 3 * t * t, -3 * (1 - t) * (1 - t), NAN, NAN, NAN, NAN,
                     NAN, NAN,       NAN,           NAN};
}

static void noisy_at(const double *params, double t, tr_coeffs *out) {
  (void)params;
  *out = (tr_coeffs){NAN, t, 1.01 - t, 1, -1, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
}

/* A user's own, one of which has noise to its end. */
static const tr_interpolant_type cubic = {.info = {.name = "cubic", .summary = ""}, .at = cubic_at},
                                 noisy = {.info = {.name = "noisy", .summary = ""}, .at = noisy_at};

static tr_coeffs at_width(const tr_interpolant *path, double bins) {
  return tr_interpolant_at(path, 1 - tr_dequant_eps(path, bins));
}

static void widths(tr_ctx *ctx) {
  static const char *const names[] = {"Linear", "GVP", "VP"};
  static const double bins[] = {1e-3, 0.125, TR_DEQUANT_BINS, 1, 4};
  tr_interpolant own = {.type = &cubic}, end = {.type = &noisy}, path;
  for (int b = 0; b < 5; b++) {
    const double r = bins[b] / 127.5, u = cbrt(r) / (1 + cbrt(r)),
                 want[] = {r / (1 + r), atan(r) * 2 / TR_PI};
    CHECK_NEAR(tr_dequant_eps(&own, bins[b]), u, 1e-9 * u);
    for (int p = 0; p < 3; p++) {
      CHECK_OK(ctx, tr_interpolant_find(ctx, names[p], &path));
      tr_coeffs at = at_width(&path, bins[b]);
      CHECK_NEAR(tr_dequant_width(&at), bins[b], 1e-6 * bins[b]);
      if (p < 2) CHECK_NEAR(tr_dequant_eps(&path, bins[b]), want[p], 1e-9 * want[p] + 1e-15);
    }
  }
  tr_coeffs at = at_width(&end, TR_DEQUANT_BINS);
  CHECK(at.t == 1);
  CHECK_NEAR(tr_dequant_width(&at), 1.275, 1e-12);
}

/* A pixel as those of the digits: as often exactly level 0 as N(0, 0.3^2); its density at the time of `at`.
 */
#define SPREAD 0.3
static double pixel_density(const tr_coeffs *at, double y) {
  double s = hypot(at->alpha * SPREAD, at->sigma), z = (y + at->alpha) / at->sigma;
  return 0.5 * (exp(-0.5 * z * z) / at->sigma + exp(-0.5 * y * y / (s * s)) / s) / sqrt(2 * TR_PI);
}

static double pixel_probability(int level) {
  double low = (level - 0.5) / 127.5 - 1, width = SPREAD * sqrt(2);
  return 0.5 * (level == 0) + 0.25 * (erf((low + 1 / 127.5) / width) - erf(low / width));
}

typedef struct {
  double bound, blurred; /* E_q [ln p_t - ln q], and ln of p_t over the bin, which it is a bound of */
} bin_bound;

/* The rectangle rule at the middles of pieces of the bin. */
static bin_bound bound_of_level(const tr_coeffs *at, int level) {
  enum { PIECES = 400 };
  const double h = at->alpha / 127.5 / PIECES, Z = erf(0.5 / tr_dequant_width(at) / sqrt(2));
  double bound = 0, mass = 0;
  for (int i = 0; i < PIECES; i++) {
    double e = (i + 0.5 - PIECES / 2) * h / at->sigma,
           q = exp(-0.5 * e * e) / sqrt(2 * TR_PI) / at->sigma / Z;
    double p = pixel_density(at, at->alpha * (level / 127.5 - 1) + at->sigma * e);
    bound += q * h * log(p / q);
    mass += p * h;
  }
  return (bin_bound){bound, log(mass)};
}

/* What the bound of one draw lies below ln P of the true pixel: on average, where the density is flat over a
 * bin (the entropy that q lacks), and where all of it is at a level (what the truncation leaves out). */
static void cost_of_width(tr_ctx *ctx, double bins) {
  tr_interpolant linear;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  tr_coeffs at = at_width(&linear, bins);
  double b = 0.5 / bins, Z = erf(b / sqrt(2)), average = 0;
  double entropy = log(sqrt(2 * TR_PI) * bins * Z) + 0.5 - b * exp(-0.5 * b * b) / sqrt(2 * TR_PI) / Z;
  for (int u = 0; u < 256; u++) {
    bin_bound got = bound_of_level(&at, u);
    CHECK(got.bound <= got.blurred + 1e-9);
    average += pixel_probability(u) * (log(pixel_probability(u)) - got.bound);
  }
  printf("gaussian of %.3f bins: %.3f nats a pixel below ln P (flat %.3f, a level %.3f)\n", bins, average,
         -entropy, -log(Z));
  CHECK(average > 0);
  /* the draws themselves: all of it at a level is exact for each, flat is the mean of -ln q */
  double flat = 0, log_q = 0, worst = 0;
  for (int k = 0; k < N; k++) {
    log_q = draw(ctx, TR_DEQUANT_GAUSSIAN, &at, (uint64_t)k, 1);
    double e = (x[0] - at.alpha * (levels[0] / 127.5 - 1)) / at.sigma;
    worst = fmax(worst, fabs(-0.5 * e * e - log(at.sigma * sqrt(2 * TR_PI)) - log_q - log(Z)));
    flat += (-log(at.alpha / 127.5) - log_q) / N;
  }
  CHECK_NEAR(worst, 0, 1e-9);
  CHECK_NEAR(flat, entropy, 5 * 0.75 / sqrt(N)); /* -ln q varies by e^2 / 2, of a deviation of at most 0.71 */
}

/* Pixels N(0, 0.05^2) in x: the probability of a level is known, the mean over many draws finds it, and the
 * draws are on average below it. */
static void known_probability(tr_ctx *ctx, tr_dequant kind, const char *path, double bins) {
  enum { K = 3000 };
  static double value[K];
  const double width = 0.05;
  double one = 0, squares = 0;
  tr_interpolant interpolant;
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &interpolant));
  tr_coeffs at = at_width(&interpolant, bins);
  double s = kind == TR_DEQUANT_GAUSSIAN ? hypot(at.alpha * width, at.sigma) : width, se;
  double low = (levels[0] - 0.5) / 127.5 - 1, high = (levels[0] + 0.5) / 127.5 - 1;
  for (int k = 0; k < K; k++) {
    double log_q = draw(ctx, kind, &at, (uint64_t)k, 1);
    value[k] = -0.5 * x[0] * x[0] / (s * s) - log(s) - 0.5 * log(2 * TR_PI) - log_q;
  }
  double got = tr_log_mean_exp(K, value, 0, &se);
  double want = log(0.5 * (erf(high / width / sqrt(2)) - erf(low / width / sqrt(2))));
  CHECK(se > 0 && se < 0.1);
  /* of p_t over the bin of x_t, not of p over that of x: the two differ by what the noise blurs */
  if (kind == TR_DEQUANT_GAUSSIAN)
    want = log(0.5 * (erf(at.alpha * high / s / sqrt(2)) - erf(at.alpha * low / s / sqrt(2))));
  CHECK_NEAR(got, want, 4 * se + 1e-9);
  for (int k = 0; k < K; k++) one += value[k] / K;
  for (int k = 0; k < K; k++) squares += (value[k] - one) * (value[k] - one);
  CHECK(one < want + 4 * sqrt(squares / K / K));
}

/* Draws without one of them, by hand: means 5/2, 2, 3/2 of 1, 2, 3. */
static void exponentials(void) {
  double se, values[3] = {-1000, -1000 + log(2), -1000 + log(3)};
  double without[3] = {log(2.5), log(2), log(1.5)}, mean = (without[0] + without[1] + without[2]) / 3;
  double squares = 0;
  for (int k = 0; k < 3; k++) squares += (without[k] - mean) * (without[k] - mean);
  CHECK_NEAR(tr_log_mean_exp(3, values, 0, &se), -1000 + log(2), 1e-12);
  CHECK_NEAR(se, sqrt(2.0 / 3 * squares), 1e-12);
  CHECK(tr_log_mean_exp(1, values, 0.25, &se) == -1000 && se == 0.25);
  /* draws that differ by more than exp can hold: of two, half the difference; equal ones have no error */
  CHECK_NEAR(tr_log_mean_exp(2, (double[]){-2000, 500}, 0, &se), 500 - log(2), 1e-12);
  CHECK_NEAR(se, 1250, 1e-9);
  CHECK_NEAR(tr_log_mean_exp(4, (double[]){7, 7, 7, 7}, 0, &se), 7, 1e-14);
  CHECK_NEAR(se, 0, 1e-14);
}

/* The error bar against the spread of what it is the error of, over replicates of K normal draws of standard
 * deviation `sd` nats. The delta method misses by a factor 2 to 3 at 3 nats: it can never exceed 1. */
static void honest_error(int K, double sd) {
  enum { REPLICATES = 4000 };
  double mean = 0, square = 0, reported = 0, values[16], se;
  for (int r = 0; r < REPLICATES; r++) {
    tr_random_address address = {.seed = 2, .purpose = TR_RANDOM_TEST};
    for (int k = 0; k < K; k += 2) tr_random_normal_pair(&address, (uint64_t)r, (uint32_t)k / 2, values + k);
    for (int k = 0; k < K; k++) values[k] *= sd;
    double L = tr_log_mean_exp(K, values, 0, &se);
    mean += L / REPLICATES;
    square += L * L / REPLICATES;
    reported += se * se / REPLICATES;
  }
  double ratio = sqrt(reported / (square - mean * mean));
  printf("%d draws of %.1f nats: spread %.3f, error bar %.3f\n", K, sd, sqrt(square - mean * mean),
         sqrt(reported));
  CHECK(ratio > 0.85 && ratio < 1.15);
}

static void addresses(tr_ctx *ctx) {
  tr_coeffs at = linear_at(ctx, 0.999);
  static double first[N];
  draw(ctx, TR_DEQUANT_GAUSSIAN, &at, 7, N);
  memcpy(first, x, sizeof x);
  draw(ctx, TR_DEQUANT_GAUSSIAN, &at, 8, N);
  CHECK(memcmp(first, x, sizeof x) != 0);
  draw(ctx, TR_DEQUANT_GAUSSIAN, &at, 7, N / 2);
  CHECK(memcmp(first, x, sizeof x / 2) == 0);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int i = 0; i < N; i++) levels[i] = (uint8_t)(i * 37 % 256);
  in_the_bins(ctx, TR_DEQUANT_NONE, 1);
  in_the_bins(ctx, TR_DEQUANT_UNIFORM, 1);
  in_the_bins(ctx, TR_DEQUANT_GAUSSIAN, 0.999);
  in_the_bins(ctx, TR_DEQUANT_GAUSSIAN, 0.99); /* wider than the bin */
  normalised(ctx, 0.999);
  normalised(ctx, 0.99);
  levels[0] = 131;
  known_probability(ctx, TR_DEQUANT_UNIFORM, "Linear", 1);
  static const char *const paths[] = {"Linear", "GVP", "VP"};
  static const double bins[] = {0.125, 0.25, 0.375, 0.5, 0.75, 1};
  for (int p = 0; p < 3; p++) {
    known_probability(ctx, TR_DEQUANT_GAUSSIAN, paths[p], 0.25);
    known_probability(ctx, TR_DEQUANT_GAUSSIAN, paths[p], TR_DEQUANT_BINS);
    known_probability(ctx, TR_DEQUANT_GAUSSIAN, paths[p], 1.5);
  }
  widths(ctx);
  for (int b = 0; b < 6; b++) cost_of_width(ctx, bins[b]);
  exponentials();
  honest_error(2, 3);
  honest_error(4, 3);
  honest_error(16, 3);
  honest_error(16, 0.1);
  addresses(ctx);
  tr_coeffs end = linear_at(ctx, 1);
  tr_random_address address = {.seed = 1, .purpose = TR_RANDOM_DEQUANT};
  double log_q;
  CHECK_ERROR(ctx, tr_dequantise(ctx, TR_DEQUANT_GAUSSIAN, &end, &address, 1, levels, x, &log_q), TR_E_ARG,
              "sigma = 0");
  tr_ctx_close(&ctx);
  return check_report();
}
