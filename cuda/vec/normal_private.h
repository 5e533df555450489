/* Normals addressed by core/random.h, for .cu files: Philox by cuRAND's device header, then Box-Muller in
 * double. Logarithm, sine and cosine are our own, because those of the toolkit are good to two units in the
 * last place only. Made of operations that IEEE rounds, they have the same bits wherever they run, so the
 * emulator shows how far normals are from the processor's: at most two units in the last place. For that each
 * is made as a sum of two numbers, which tells where another libm may have rounded to the other side. */
#ifndef TR_CUDA_VEC_NORMAL_PRIVATE_H
#define TR_CUDA_VEC_NORMAL_PRIVATE_H

#include "cuda/launch.h"

#include <curand_philox4x32_x.h>

/* high + low, low at most half a unit of high's last place. */
struct tr_twofold {
  double high, low;
};

/* a + b and what it rounds away, |a| >= |b| or a = 0. */
static __device__ __forceinline__ tr_twofold tr_sum(double a, double b) {
  const double sum = a + b;
  return {sum, (a - sum) + b};
}

/* a b and what it rounds away. */
static __device__ __forceinline__ tr_twofold tr_product(double a, double b) {
  const double product = a * b;
  return {product, fma(a, b, -product)};
}

static __device__ __forceinline__ tr_twofold tr_product(tr_twofold a, tr_twofold b) {
  const tr_twofold c = tr_product(a.high, b.high);
  return {c.high, c.low + fma(a.high, b.low, a.low * b.high)};
}

/* leading + x rest, the latter less than the former. */
static __device__ __forceinline__ tr_twofold tr_series(tr_twofold leading, double x, double rest) {
  const double sum = fma(x, rest, leading.high);
  return {sum, fma(x, rest, leading.high - sum) + leading.low};
}

/* ln x, 2^-53 <= x <= 1, normal: k ln 2 + 2 s + s^3 (2/3 + 2/5 s^2 + ...), s = f / (2 + f). */
static __device__ __forceinline__ tr_twofold tr_log(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits += (uint64_t)(0x3ff00000 - 0x3fe6a09e) << 32; /* x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2) */
  const int k = (int)(bits >> 52) - 0x3ff;
  bits = (bits & 0xfffffffffffffull) + ((uint64_t)0x3fe6a09e << 32);
  memcpy(&x, &bits, sizeof x);
  const double f = x - 1, inverse = 1 / (2 + f), half = f * inverse;
  const tr_twofold t = tr_sum(2, f), s = {half, (fma(-half, t.high, f) - half * t.low) * inverse};
  const tr_twofold square = tr_product(s, s), z = tr_sum(square.high, square.low);
  double r = 2. / 23;
  r = fma(z.high, r, 2. / 21), r = fma(z.high, r, 2. / 19), r = fma(z.high, r, 2. / 17);
  r = fma(z.high, r, 2. / 15), r = fma(z.high, r, 2. / 13), r = fma(z.high, r, 2. / 11);
  r = fma(z.high, r, 2. / 9), r = fma(z.high, r, 2. / 7), r = fma(z.high, r, 2. / 5);
  const tr_twofold tail = tr_product(tr_product(s, z), tr_series({2. / 3, 3.700743415417188e-17}, z.high, r));
  const tr_twofold first =
      tr_sum(k * 6.93147180369123816490e-01, 2 * s.high); /* k ln 2: exact, and the rest */
  const tr_twofold sum = tr_sum(first.high, tail.high);
  return tr_sum(sum.high,
                sum.low + (first.low + (tail.low + fma((double)k, 1.9082149292705877e-10, 2 * s.low))));
}

/* Sine and cosine of x, |x| <= pi / 4, z its square: x + x^3 (-1/6 + ...), 1 - z / 2 + z^2 (1/24 - ...). */
static __device__ __forceinline__ tr_twofold tr_sin_near(double x, tr_twofold z) {
  double r = 1. / 355687428096000;
  r = fma(z.high, r, -1. / 1307674368000), r = fma(z.high, r, 1. / 6227020800);
  r = fma(z.high, r, -1. / 39916800), r = fma(z.high, r, 1. / 362880), r = fma(z.high, r, -1. / 5040);
  r = fma(z.high, r, 1. / 120);
  const tr_twofold cube = tr_product({x, 0}, z);
  const tr_twofold tail = tr_product(cube, tr_series({-1. / 6, -9.25185853854297e-18}, z.high, r));
  const tr_twofold sum = tr_sum(x, tail.high);
  return {sum.high, sum.low + tail.low};
}

static __device__ __forceinline__ tr_twofold tr_cos_near(tr_twofold z) {
  double r = -1. / 6402373705728000;
  r = fma(z.high, r, 1. / 20922789888000), r = fma(z.high, r, -1. / 87178291200);
  r = fma(z.high, r, 1. / 479001600), r = fma(z.high, r, -1. / 3628800), r = fma(z.high, r, 1. / 40320);
  r = fma(z.high, r, -1. / 720);
  const tr_twofold tail =
      tr_product(tr_product(z, z), tr_series({1. / 24, 2.3129646346357427e-18}, z.high, r));
  const tr_twofold first = tr_sum(1, -0.5 * z.high), sum = tr_sum(first.high, tail.high);
  return {sum.high, sum.low + (first.low + fma(-0.5, z.low, tail.low))};
}

/* Of an angle in [0, 2 pi]. */
static __device__ __forceinline__ void tr_sin_cos(double angle, tr_twofold *sine, tr_twofold *cosine) {
  const int n = (int)(angle * 6.36619772367581382433e-01 + 0.5);
  const double first = fma((double)-n, 1.57079632679489655800, angle); /* exact */
  const tr_twofold second = tr_product((double)n, 6.123233995736766e-17), x = tr_sum(first, -second.high);
  const double y = x.low - fma((double)n, -1.4973849048591698e-33, second.low); /* the angle is x.high + y */
  const tr_twofold z = tr_product(x.high, x.high), s = tr_sin_near(x.high, z), c = tr_cos_near(z);
  const tr_twofold near_sine = tr_sum(s.high, fma(y, c.high, s.low));
  const tr_twofold near_cosine = tr_sum(c.high, fma(-y, s.high, c.low));
  *sine = n % 2 ? near_cosine : near_sine;
  *cosine = n % 2 ? near_sine : near_cosine;
  if (n & 2) *sine = {-sine->high, -sine->low};
  if ((n + 1) & 2) *cosine = {-cosine->high, -cosine->low};
}

static __device__ __forceinline__ double tr_unit(unsigned high, unsigned low) {
  return (double)((uint64_t)high << 21 | low >> 11) * 0x1p-53;
}

/* radius * factor. A libm whose logarithm is within 0.52 units in the last place and whose sine and cosine
 * are within 0.55, as the C library says of its own, has our ln and our factor, or, where the exact number is
 * all but in the middle between two, the other one. One of them being the other moves the product by less
 * than two units; both, in the same direction, by less than three. Where that may be, the factor is the other
 * one here, so that whatever a libm has is one step away: normals are within two units of those of all. */
static __device__ __forceinline__ double tr_between(double radius, tr_twofold ln, tr_twofold factor) {
  const double other_ln = fma(ln.low, 0.5 / (0.5 - 0.0225), ln.high);
  const double other = fma(factor.low, 0.5 / (0.5 - 0.0575), factor.high);
  const double together = (fabs(other_ln) - fabs(ln.high)) * (fabs(other) - fabs(factor.high));
  return radius * (together > 0 ? other : factor.high);
}

/* The normals of Box and Muller, of two uniform numbers, 0 < u <= 1 and 0 <= v < 1. */
static __device__ __forceinline__ void tr_box_muller(double u, double v, double out[2]) {
  const tr_twofold ln = tr_log(u);
  const double radius = sqrt(-2 * ln.high);
  tr_twofold sine, cosine;
  tr_sin_cos(6.283185307179586477 * v, &sine, &cosine);
  out[0] = tr_between(radius, ln, cosine);
  out[1] = tr_between(radius, ln, sine);
}

/* As tr_random_normal_pair. */
static __device__ __forceinline__ void tr_normal_pair(uint64_t seed, uint32_t purpose, uint32_t step,
                                                      uint64_t sample, uint32_t pair, double out[2]) {
  const uint4 counter = {pair, step, (unsigned)sample,
                         (unsigned)(sample >> 32 & 0xffff) << 16 | (purpose & 0xffff)};
  const uint2 key = {(unsigned)seed, (unsigned)(seed >> 32)};
  const uint4 w = curand_Philox4x32_10(counter, key);
  tr_box_muller(tr_unit(w.x, w.y) + 0x1p-53, tr_unit(w.z, w.w), out);
}

#endif
