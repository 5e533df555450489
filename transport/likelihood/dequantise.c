#include "transport/likelihood/dequantise.h"

#include <math.h>

#include "core/require_private.h"

static double normal_cdf(double z) {
  return 0.5 * erfc(-z / sqrt(2));
}

/* The z of the upper half with cdf(z) = p, 1/2 <= p < 1: Newton from 0, where the concave function lies below
 * its tangents, so that the steps rise to the root and never pass it. */
static double upper_quantile(double p) {
  double z = 0;
  for (int i = 0; i < 100; i++) {
    double density = exp(-0.5 * z * z) / sqrt(2 * TR_PI), step = (p - normal_cdf(z)) / density;
    z += step;
    if (!(fabs(step) > 1e-14 * (1 + z))) break;
  }
  return z;
}

/* A normal truncated to +-bound from a uniform in [0, 1). */
static double truncated_normal(double uniform, double bound) {
  double p = 0.5 + (uniform - 0.5) * (1 - erfc(bound / sqrt(2)));
  double z = p < 0.5 ? -upper_quantile(1 - p) : upper_quantile(p);
  return fmin(bound, fmax(-bound, z));
}

static void draw_uniform(const tr_random_address *address, bool middle, int64_t n, const uint8_t *levels,
                         double *x, double *log_q) {
  for (int64_t i = 0; i < n; i++) {
    double shift = middle ? 0 : tr_random_uniform(address, address->sample, (uint32_t)i) - 0.5;
    x[i] = (levels[i] + shift) / TR_BINS_PER_UNIT - 1;
  }
  *log_q = (double)n * log(TR_BINS_PER_UNIT);
}

/* e truncated to the bin: |sigma e / alpha| <= 1 / 255, with density phi(e) / Z. */
static void draw_gaussian(const tr_coeffs *at, const tr_random_address *address, int64_t n,
                          const uint8_t *levels, double *x, double *log_q) {
  double bound = 0.5 * at->alpha / (at->sigma * TR_BINS_PER_UNIT), inside = 1 - erfc(bound / sqrt(2));
  *log_q = -(double)n * (log(at->sigma * inside) + 0.5 * log(2 * TR_PI));
  for (int64_t i = 0; i < n; i++) {
    double e = truncated_normal(tr_random_uniform(address, address->sample, (uint32_t)i), bound);
    x[i] = at->alpha * (levels[i] / TR_BINS_PER_UNIT - 1) + at->sigma * e;
    *log_q -= 0.5 * e * e;
  }
}

tr_status tr_dequantise(tr_ctx *ctx, tr_dequant kind, const tr_coeffs *at, const tr_random_address *address,
                        int64_t n, const uint8_t *levels, double *x, double *log_q) {
  TR_REQUIRE(ctx, at, address, levels, x, log_q);
  if ((unsigned)kind > TR_DEQUANT_GAUSSIAN)
    return TR_FAIL(ctx, TR_E_ARG, "there is no dequantisation %d", (int)kind);
  if (n < 0) return TR_FAIL(ctx, TR_E_ARG, "%lld levels to dequantise: use 0 or more", (long long)n);
  if (kind != TR_DEQUANT_GAUSSIAN) {
    draw_uniform(address, kind == TR_DEQUANT_NONE, n, levels, x, log_q);
    return TR_OK;
  }
  if (!(at->sigma > 0 && at->alpha > 0))
    return TR_FAIL(
        ctx, TR_E_ARG,
        "gaussian dequantisation takes its width from the noise where the run begins, t = %g, where "
        "sigma = %g: begin at an eps above 0",
        at->t, at->sigma);
  draw_gaussian(at, address, n, levels, x, log_q);
  return TR_OK;
}

double tr_dequant_width(const tr_coeffs *at) {
  if (!at) return NAN;
  return TR_BINS_PER_UNIT * at->sigma / at->alpha;
}

double tr_dequant_eps(const tr_interpolant *interpolant, double bins) {
  if (!interpolant) return NAN;
  return 1 - tr_interpolant_time(interpolant, atan2(TR_BINS_PER_UNIT, bins));
}

/* The sum of exp(values[k] - shift) over all k but one. */
static double exp_sum_without(int left_out, double shift, int K, const double *values) {
  double sum = 0;
  for (int k = 0; k < K; k++)
    if (k != left_out) sum += exp(values[k] - shift);
  return sum;
}

static int index_of_largest(int left_out, int K, const double *values) {
  int largest = left_out == 0 ? 1 : 0;
  for (int k = largest + 1; k < K; k++)
    if (k != left_out && values[k] > values[largest]) largest = k;
  return largest;
}

/* ln of the mean of exp over all draws but one, less the largest value. `rest`: the sum of exp(values - most)
 * without the largest. Where the largest itself is left out the next one takes its place: nothing cancels. */
static double log_mean_without(int left_out, int largest, double rest, int K, const double *values) {
  double most = values[largest];
  if (left_out != largest) return log1p(rest - exp(values[left_out] - most)) - log(K - 1);
  double next = values[index_of_largest(largest, K, values)];
  return next - most + log(exp_sum_without(largest, next, K, values) / (K - 1));
}

double tr_log_mean_exp(int K, const double *values, double se_of_one, double *se) {
  if (!values || !se) return NAN;
  *se = se_of_one;
  if (K == 1) return values[0];
  int largest = index_of_largest(-1, K, values);
  double rest = exp_sum_without(largest, values[largest], K, values), mean = 0, squares = 0;
  for (int k = 0; k < K; k++) mean += log_mean_without(k, largest, rest, K, values) / K;
  for (int k = 0; k < K; k++) {
    double off = log_mean_without(k, largest, rest, K, values) - mean;
    squares += off * off;
  }
  *se = sqrt((K - 1.0) / K * squares);
  return values[largest] + log1p(rest) - log(K);
}
