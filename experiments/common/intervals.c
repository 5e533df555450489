#include "experiments/common/intervals.h"

#include <math.h>
#include <stdio.h>

#include "transport/path/interpolant.h"

/* ---- Student's t ---- */

/* P(|T| <= t) by the finite sums for whole degrees of freedom (Abramowitz and Stegun 26.7.3, 26.7.4). */
static double student_within(double t, int df) {
  double theta = atan(t / sqrt(df)), cos2 = cos(theta) * cos(theta);
  double term = df % 2 ? cos(theta) : 1, sum = 0;
  for (int k = df % 2 ? 3 : 2; k <= df; k += 2) {
    sum += term;
    term *= cos2 * (k - 1) / k;
  }
  return df % 2 ? 2 / TR_PI * (theta + sin(theta) * sum) : sin(theta) * sum;
}

double stat_student(int df, double p) {
  double low = 0, high = 1;
  while (student_within(high, df) < p) high *= 2;
  while (high - low > 1e-13 * high) {
    double middle = (low + high) / 2;
    if (student_within(middle, df) < p)
      low = middle;
    else
      high = middle;
  }
  return low;
}

double stat_student95(int df) {
  return df < 1 ? NAN : stat_student(df, 0.95);
}

/* ---- means ---- */

stat_average stat_average_of(int64_t n, const double *values) {
  double sum = 0, squares = 0, m = 0;
  for (int64_t i = 0; i < n; i++)
    if (isfinite(values[i])) sum += values[i], m++;
  double mean = sum / m;
  for (int64_t i = 0; i < n; i++)
    if (isfinite(values[i])) squares += (values[i] - mean) * (values[i] - mean);
  double se = m > 1 ? sqrt(squares / (m - 1) / m) : NAN, half = stat_student95((int)m - 1) * se;
  return (stat_average){mean, se, mean - half, mean + half};
}

void stat_print(const char *format, stat_average average) {
  printf(format, average.mean);
  if (!isfinite(average.se)) return;
  printf(" +- ");
  printf(format, average.se);
  printf(" (95 %%: ");
  printf(format, average.low);
  printf(" to ");
  printf(format, average.high);
  printf(")");
}

stat_interval stat_mean(const double *values, int n) {
  stat_interval out = {.n = n, .low = NAN, .high = NAN};
  for (int i = 0; i < n; i++) out.mean += values[i] / n;
  if (n < 2) return out;
  double half = stat_student95(n - 1) * stat_average_of(n, values).se;
  out.low = out.mean - half;
  out.high = out.mean + half;
  return out;
}

/* ---- the bias behind squared errors ---- */

/* Cube roots of n values. With mean m and deviation s, normal ones say of the true mean and deviation
 * m - sigma z / sqrt(n) and sigma = s sqrt((n - 1) / chi2), z normal and chi2 of n - 1 degrees of freedom;
 * the expectation of the cube is then mu^3 + 3 mu sigma^2. */
typedef struct {
  int n;
  double m, s;
} cube_roots;

#define CHI2_NODES 64

/* The probability that this expectation is above x: the mean over chi2, by the trapezoidal rule in its
 * logarithm, of the probability over z, which falls with the mu that solves mu^3 + 3 mu sigma^2 = x. */
static double above(const cube_roots *c, double x) {
  double df = c->n - 1, width = 8 * sqrt(2 / df), low = -width - 26 / df, sum = 0, weights = 0;
  for (int i = 0; i <= CHI2_NODES; i++) {
    double at = low + i * (width - low) / CHI2_NODES; /* ln(chi2 / df) */
    double weight = exp(df / 2 * (at - expm1(at)));
    double sigma = c->s * exp(-at / 2), mu = 2 * sigma * sinh(asinh(x / 2 / (sigma * sigma * sigma)) / 3);
    sum += weight * erfc((mu - c->m) * sqrt(c->n / 2.0) / sigma) / 2;
    weights += weight;
  }
  return sum / weights;
}

/* The x from `from` on that is exceeded with probability p; `from` is exceeded more often. */
static double exceeded(const cube_roots *c, double p, double from) {
  double low = from, width = 0.01;
  while (above(c, low + width) > p) {
    low += width;
    width *= 2;
  }
  for (int i = 0; i < 24; i++) {
    width /= 2;
    if (above(c, low + width) > p) low += width;
  }
  return low + width;
}

static cube_roots roots_of(const double *values, double scale, int n) {
  cube_roots c = {.n = n};
  double square = 0;
  for (int i = 0; i < n; i++) c.m += cbrt(values[i] / scale) / n;
  for (int i = 0; i < n; i++) square += pow(cbrt(values[i] / scale) - c.m, 2);
  c.s = fmax(sqrt(square / (n - 1)), 1e-9 * c.m); /* equal values: a spread of rounding */
  return c;
}

stat_interval stat_bias2(const double *error2, const double *noise2, int n) {
  stat_interval out = {.n = n, .low = NAN, .high = NAN};
  double noise = 0, error = 0;
  for (int i = 0; i < n; i++) noise += noise2[i] / n, error += error2[i] / n;
  out.mean = error - noise;
  if (n < 2) return out;
  double scale = fmax(noise, error);
  cube_roots c = roots_of(error2, scale, n);
  double allowed = c.m > 0 ? above(&c, noise / scale) : 0;
  out.low = allowed > 0.975 ? scale * exceeded(&c, 0.975, noise / scale) - noise : 0;
  /* far below the noise: there is no telling what a bias would have shown */
  out.high = allowed > 1e-12 ? scale * exceeded(&c, 0.025 * allowed, noise / scale) - noise : noise;
  return out;
}
