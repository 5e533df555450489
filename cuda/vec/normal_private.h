/* Normals addressed by core/random.h, for .cu files: Philox by cuRAND's device header, then Box-Muller in
 * double. Logarithm, sine and cosine are our own, because those of the toolkit are good to two units in the
 * last place only. Made of operations that IEEE rounds, they have the same bits wherever they run, so the
 * emulator shows how far normals are from the processor's. Polynomials: Sun's fdlibm (k_sin.c, k_cos.c,
 * e_log.c); what these round away in their leading terms is kept. */
#ifndef TR_CUDA_VEC_NORMAL_PRIVATE_H
#define TR_CUDA_VEC_NORMAL_PRIVATE_H

#include "cuda/launch.h"

#include <curand_philox4x32_x.h>

/* ln x, 2^-53 <= x <= 1, normal. */
static __device__ __forceinline__ double tr_log(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits += (uint64_t)(0x3ff00000 - 0x3fe6a09e) << 32; /* x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2) */
  const int k = (int)(bits >> 52) - 0x3ff;
  bits = (bits & 0xfffffffffffffull) + ((uint64_t)0x3fe6a09e << 32);
  memcpy(&x, &bits, sizeof x);
  const double f = x - 1, t = 2 + f, t_low = (2 - t) + f;
  const double s = f / t, s_low = (fma(-s, t, f) - s * t_low) / t, z = s * s, w = z * z;
  const double odd =
      w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const double even =
      z * (6.666666666666735130e-01 +
           w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  const double half = 0.5 * f * f, half_low = fma(0.5 * f, f, -half);
  /* ln(1 + f) = f - half + s (half + odd + even) */
  const double q = half + (odd + even), q_low = ((half - q) + (odd + even)) + half_low;
  const double sq = s * q, sq_low = fma(s, q, -sq) + (s * q_low + s_low * q);
  /* k ln 2 + f, less half, plus s q, each as a sum of two */
  const double a = k * 6.93147180369123816490e-01, first = a + f, first_low = k ? f - (first - a) : 0;
  const double second = first - half, second_low = (first - second) - half;
  const double sum = second + sq, sum_low = (second - sum) + sq;
  return sum +
         (sum_low + (second_low + (first_low + (k * 1.90821492927058770002e-10 + (sq_low - half_low)))));
}

/* Sine and cosine of x + y, |x| <= pi / 4, y what is left of the angle: Taylor's series. */
static __device__ __forceinline__ double tr_sin_near(double x, double y) {
  const double sixth = 1. / 6, sixth_low = 9.25185853854297066e-18;
  const double z = x * x, v = z * x, v_low = fma(z, x, -v) + fma(x, x, -z) * x;
  double r = -1. / 1307674368000 + z * (1. / 355687428096000);
  r = -1. / 5040 + z * (1. / 362880 + z * (-1. / 39916800 + z * (1. / 6227020800 + z * r)));
  r = 1. / 120 + z * r;
  const double third = v * sixth, third_low = fma(v, sixth, -third) + (v_low * sixth + v * sixth_low);
  const double sum = x - third, sum_low = (x - sum) - third;
  return sum + (sum_low - ((z * (0.5 * y - v * r) - y) + third_low));
}

static __device__ __forceinline__ double tr_cos_near(double x, double y) {
  const double z = x * x, low = fma(x, x, -z), half = 0.5 * z, sum = 1 - half, sum_low = (1 - sum) - half;
  double r = -1. / 87178291200 + z * (1. / 20922789888000 - z * (1. / 6402373705728000));
  r = -1. / 720 + z * (1. / 40320 + z * (-1. / 3628800 + z * (1. / 479001600 + z * r)));
  r = z * (1. / 24 + z * r);
  return sum + (sum_low + ((z * r - 0.5 * low) - x * y));
}

/* Of an angle in [0, 2 pi). */
static __device__ __forceinline__ void tr_sin_cos(double angle, double *sine, double *cosine) {
  const int n = (int)(angle * 6.36619772367581382433e-01 + 0.5);
  const double first = fma((double)-n, 1.57079632679489655800, angle); /* exact */
  const double second = n * 6.12323399573676603587e-17, x = first - second;
  const double y = ((first - x) - second) + n * 1.49738490485916983e-33;
  const double s = tr_sin_near(x, y), c = tr_cos_near(x, y);
  *sine = n % 2 ? c : s;
  *cosine = n % 2 ? s : c;
  if (n & 2) *sine = -*sine;
  if ((n + 1) & 2) *cosine = -*cosine;
}

static __device__ __forceinline__ double tr_unit(unsigned high, unsigned low) {
  return (double)((uint64_t)high << 21 | low >> 11) * 0x1p-53;
}

/* As tr_random_normal_pair. */
static __device__ __forceinline__ void tr_normal_pair(uint64_t seed, uint32_t purpose, uint32_t step,
                                                      uint64_t sample, uint32_t pair, double out[2]) {
  const uint4 counter = {pair, step, (unsigned)sample,
                         (unsigned)(sample >> 32 & 0xffff) << 16 | (purpose & 0xffff)};
  const uint2 key = {(unsigned)seed, (unsigned)(seed >> 32)};
  const uint4 w = curand_Philox4x32_10(counter, key);
  const double radius = sqrt(-2 * tr_log(tr_unit(w.x, w.y) + 0x1p-53));
  double sine, cosine;
  tr_sin_cos(6.283185307179586477 * tr_unit(w.z, w.w), &sine, &cosine);
  out[0] = radius * cosine;
  out[1] = radius * sine;
}

#endif
