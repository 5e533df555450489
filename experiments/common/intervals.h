/* What a few independent values say about their mean, and what squared errors say about a bias: 95 %
 * intervals that are honest for as few as two values. Host memory, double. */
#ifndef TR_EXPERIMENTS_COMMON_INTERVALS_H
#define TR_EXPERIMENTS_COMMON_INTERVALS_H

#include <stdint.h>

/* The q with P(|T| <= q) = p, 0 < p < 1, for Student's t with df >= 1 degrees of freedom. */
double stat_student(int df, double p);
/* Of p = 0.95; NaN for df < 1. */
double stat_student95(int df);

typedef struct {
  int n;
  double mean, low, high; /* 95 % confidence; n == 1: low and high are NaN */
} stat_interval;
/* The mean of n >= 1 independent values, taken as normal. */
stat_interval stat_mean(const double *values, int n);

/* The squared bias behind n >= 1 independent squared errors: error2[i] >= 0 has the expectation bias^2 +
 * noise2, and noise2[i] estimates this noise. `mean` is that of error2 - noise2, which noise may bring below
 * 0; low >= 0, and high > 0, so that 0 to high holds some bias whatever the values are.
 * Sums of squares are skew, and an interval that takes them as normal misses on one side: their cube roots
 * are nearly normal (Wilson and Hilferty), so the expectation behind such cube roots is what is bounded. The
 * upper end is that of the values that a bias >= 0 leaves. */
stat_interval stat_bias2(const double *error2, const double *noise2, int n);

typedef struct {
  double mean, se;  /* NaN: mean of none, error of one */
  double low, high; /* 95 %, by Student's quantile; NaN where se is */
} stat_average;
/* Mean and standard error, s / sqrt(m), over the m finite ones of n values. */
stat_average stat_average_of(int64_t n, const double *values);
/* To standard output, "mean +- error (95 %: low to high)" by a format for one number; the average of one has
 * no error. */
void stat_print(const char *format, stat_average average);

#endif
