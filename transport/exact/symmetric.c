#include "transport/exact/symmetric_private.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define SWEEPS_MAX 60

static tr_status check(tr_ctx *ctx, int64_t n, const double *A) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) {
      double below = A[i * n + j], above = A[j * n + i];
      double size = sqrt(fabs(A[i * n + i])) * sqrt(fabs(A[j * n + j]));
      if (!isfinite(below) || !isfinite(above))
        return TR_FAIL(ctx, TR_E_ARG, "entry (%lld, %lld) of a symmetric matrix is %g", (long long)i,
                       (long long)j, isfinite(below) ? above : below);
      if (fabs(below - above) > TR_SYMMETRIC_TOLERANCE * fmax(size, fmax(fabs(below), fabs(above))))
        return TR_FAIL(ctx, TR_E_ARG,
                       "entry (%lld, %lld) of a symmetric matrix is %.10g, and (%lld, %lld) is %.10g: they "
                       "must agree",
                       (long long)i, (long long)j, below, (long long)j, (long long)i, above);
    }
  return TR_OK;
}

/* Columns p and q of a matrix of n rows with this stride between entries of a column. */
static void rotate(double *p, double *q, int64_t n, int64_t stride, double cosine, double sine) {
  for (int64_t i = 0; i < n; i++) {
    double a = p[i * stride], b = q[i * stride];
    p[i * stride] = cosine * a - sine * b;
    q[i * stride] = sine * a + cosine * b;
  }
}

/* Makes entry (p, q) of S zero; whether there was anything to do. */
static bool annihilate(double *S, double *axes, int64_t n, int64_t p, int64_t q, double floor) {
  double off = S[p * n + q], a = S[p * n + p], b = S[q * n + q];
  if (fabs(off) <= fmax(floor, DBL_EPSILON / 8 * sqrt(fabs(a)) * sqrt(fabs(b)))) return false;
  double theta = (b - a) / (2 * off), tangent = (theta < 0 ? -1 : 1) / (fabs(theta) + hypot(1, theta));
  double cosine = 1 / hypot(1, tangent), sine = tangent * cosine;
  rotate(S + p, S + q, n, n, cosine, sine);
  rotate(S + p * n, S + q * n, n, 1, cosine, sine);
  rotate(axes + p * n, axes + q * n, n, 1, cosine, sine);
  S[p * n + p] = a - tangent * off;
  S[q * n + q] = b + tangent * off;
  S[p * n + q] = S[q * n + p] = 0;
  return true;
}

static void diagonalise(double *S, double *axes, int64_t n) {
  double largest = 0;
  for (int64_t i = 0; i < n * n; i++) largest = fmax(largest, fabs(S[i]));
  bool turned = true;
  for (int sweep = 0; turned && sweep < SWEEPS_MAX; sweep++) {
    turned = false;
    for (int64_t p = 0; p < n; p++)
      for (int64_t q = p + 1; q < n; q++)
        turned = annihilate(S, axes, n, p, q, DBL_EPSILON * DBL_EPSILON * largest) || turned;
  }
}

tr_status tr_symmetric_eigen(tr_ctx *ctx, int64_t n, const double *A, double *values, double *axes) {
  TR_TRY(check(ctx, n, A));
  double *S = malloc((size_t)(n * n) * sizeof *S);
  if (!S) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a matrix of %lld rows", (long long)n);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      S[i * n + j] = A[i * n + j] / 2 + A[j * n + i] / 2;
      axes[i * n + j] = i == j;
    }
  diagonalise(S, axes, n);
  for (int64_t i = 0; i < n; i++) values[i] = S[i * n + i];
  free(S);
  return TR_OK;
}
