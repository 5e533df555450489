#include "core/random.h"

#include <math.h>

void tr_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  if (!counter || !key || !out) return;
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

static void block(const tr_random_address *a, uint64_t sample, uint32_t index, uint32_t out[4]) {
  uint32_t counter[4] = {index, a->step, (uint32_t)sample,
                         (uint32_t)((sample >> 32) & 0xFFFFu) << 16 | (a->purpose & 0xFFFFu)};
  uint32_t key[2] = {(uint32_t)a->seed, (uint32_t)(a->seed >> 32)};
  tr_philox4x32(counter, key, out);
}

/* 53 bits from two words, as a multiple of 2^-53 in [0, 1). */
static double unit(uint32_t high, uint32_t low) {
  return (double)((uint64_t)high << 21 | low >> 11) * 0x1p-53;
}

void tr_random_normal_pair(const tr_random_address *address, uint64_t sample, uint32_t pair, double out[2]) {
  if (!address || !out) return;
  uint32_t w[4];
  block(address, sample, pair, w);
  double radius = sqrt(-2 * log(unit(w[0], w[1]) + 0x1p-53)); /* the argument is in (0, 1] */
  double angle = 6.283185307179586477 * unit(w[2], w[3]);
  out[0] = radius * cos(angle);
  out[1] = radius * sin(angle);
}

double tr_random_uniform(const tr_random_address *address, uint64_t sample, uint32_t element) {
  if (!address) return NAN;
  uint32_t w[4];
  block(address, sample, element, w);
  return unit(w[0], w[1]);
}

void tr_random_signs(const tr_random_address *address, uint64_t sample, int64_t n, double *out) {
  if (!address || !out) return;
  uint32_t w[4];
  for (int64_t i = 0; i < n; i++) {
    if (i % 128 == 0) block(address, sample, (uint32_t)(i / 128), w);
    out[i] = w[i / 32 % 4] >> (i % 32) & 1 ? 1 : -1;
  }
}
