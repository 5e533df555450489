/* The pieces of cuda/mma.h for the emulator: the warp's fragments are gathered, multiplied in float, k in
 * order. */
#pragma once
#include <cuda_bf16.h>
namespace simt {
inline float half_of(uint64_t word, int i) {
  return __bfloat162float({(uint16_t)(word >> 16 * i)});
}
/* Values that every lane of the warp gives, in words of 64 bits. */
template <int N> SIMT_UNCHECKED void gather(uint64_t all[N][32], const uint64_t (&mine)[N], int line) {
  for (int n = 0; n < N; n++) exchange(~0u, mine[n], -1, line), memcpy(all[n], now.got, sizeof now.got);
}
SIMT_UNCHECKED inline void multiply(float c[4], const unsigned *a, const unsigned *b, int k, int line) {
  uint64_t all[3][32] = {}, mine[3] = {a[0] | (uint64_t)a[1] << 32, k > 8 ? a[2] | (uint64_t)a[3] << 32 : 0,
                                       b[0] | (uint64_t)(k > 8 ? b[1] : 0) << 32};
  gather(all, mine, line);
  int l = me->number % 32;
  for (int i = 0; i < 4; i++) {
    int row = l / 4 + i / 2 * 8, col = l % 4 * 2 + i % 2;
    float sum = c[i];
    for (int j = 0; j < k; j++)
      sum += half_of(all[j / 8][row % 8 * 4 + j % 8 / 2], row / 8 * 2 + j % 2) *
             half_of(all[2][col * 4 + j % 8 / 2], j / 8 * 2 + j % 2);
    c[i] = sum;
  }
}
} // namespace simt
inline void mma_16x8x16(float c[4], const unsigned a[4], unsigned b0, unsigned b1, SIMT_LINE) {
  unsigned b[2] = {b0, b1};
  simt::multiply(c, a, b, 16, line);
}
inline void mma_16x8x8(float c[4], const unsigned a[2], unsigned b0, SIMT_LINE) {
  simt::multiply(c, a, &b0, 8, line);
}
inline void load_b_turned(unsigned b[2], const void *row, SIMT_LINE) {
  uint64_t rows[1][32], mine[1] = {(uint64_t)(uintptr_t)row};
  simt::gather(rows, mine, line);
  int l = simt::me->number % 32;
  for (int h = 0; h < 2; h++) {
    const uint16_t *low = (const uint16_t *)rows[0][h * 8 + l % 4 * 2],
                   *high = (const uint16_t *)rows[0][h * 8 + l % 4 * 2 + 1];
    b[h] = low[l / 4] | (unsigned)high[l / 4] << 16;
  }
}
inline unsigned pack2(float low, float high) {
  return __float2bfloat16_rn(low).bits | (unsigned)__float2bfloat16_rn(high).bits << 16;
}
