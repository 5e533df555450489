/* The stand-in behind cuda/mma.h: fragments and what they mean are described there. */
#pragma once
#include <cuda_runtime.h>

namespace simt {
enum product { BF16_16X8X16, BF16_16X8X8 };
/* c += A B. Products are exact; sums are those of f32, k in order. */
void multiply(float c[4], const unsigned *a, const unsigned *b, product what, const char *file, int line);
/* n matrices of 8 x 8. */
void load_matrices(unsigned *r, const void *row, int n, bool turned, const char *file, int line);
} // namespace simt

inline void mma_16x8x16(float c[4], const unsigned a[4], unsigned b0, unsigned b1, SIMT_HERE) {
  const unsigned b[2] = {b0, b1};
  simt::multiply(c, a, b, simt::BF16_16X8X16, file, line);
}
inline void mma_16x8x8(float c[4], const unsigned a[2], unsigned b0, SIMT_HERE) {
  simt::multiply(c, a, &b0, simt::BF16_16X8X8, file, line);
}
inline void load_matrix_x2(unsigned *r, const void *row, SIMT_HERE) {
  simt::load_matrices(r, row, 2, false, file, line);
}
inline void load_matrix_x4(unsigned *r, const void *row, SIMT_HERE) {
  simt::load_matrices(r, row, 4, false, file, line);
}
inline void load_turned_x2(unsigned *r, const void *row, SIMT_HERE) {
  simt::load_matrices(r, row, 2, true, file, line);
}
inline void load_turned_x4(unsigned *r, const void *row, SIMT_HERE) {
  simt::load_matrices(r, row, 4, true, file, line);
}
