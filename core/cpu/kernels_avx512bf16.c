/* The product of words of bf16 by VDPBF16PS; the build compiles this file with -march=x86-64-v4 -mavx512bf16.
 * The instruction multiplies and adds the upper halves, then the lower ones, each time rounding to nearest
 * even: one chain in the order of the sum, as in kernels_bf16.inc. Numbers below 2^-126 count as 0 in it. */
#include "core/cpu/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { LANE = 16, WIDE = 4, COLUMNS = 6 };

/* `wide` vectors of m, the last one with the lanes of `mask`, for n columns; wide and n are constants after
 * inlining. */
static inline __attribute__((always_inline)) void block(const tr_gemm_shape *s, int wide, int n,
                                                        __mmask16 mask, const uint32_t *a, const uint32_t *b,
                                                        float *c) {
  __m512 acc[COLUMNS][WIDE];
  for (int j = 0; j < n; j++)
    for (int v = 0; v < wide; v++)
      acc[j][v] = s->accumulate ? _mm512_maskz_loadu_ps(v == wide - 1 ? mask : 0xFFFF,
                                                        c + (int64_t)j * s->ldc + (int64_t)v * LANE)
                                : _mm512_setzero_ps();
  for (int p = 0; p < s->k; p++) {
    __m512bh left[WIDE];
    for (int v = 0; v < wide; v++)
      left[v] = (__m512bh)_mm512_maskz_loadu_epi32(v == wide - 1 ? mask : 0xFFFF,
                                                   a + (int64_t)p * s->lda + (int64_t)v * LANE);
    for (int j = 0; j < n; j++) {
      const __m512bh right = (__m512bh)_mm512_set1_epi32((int)b[(int64_t)j * s->ldb + p]);
      for (int v = 0; v < wide; v++) acc[j][v] = _mm512_dpbf16_ps(acc[j][v], left[v], right);
    }
  }
  for (int j = 0; j < n; j++)
    for (int v = 0; v < wide; v++)
      _mm512_mask_storeu_ps(c + (int64_t)j * s->ldc + (int64_t)v * LANE, v == wide - 1 ? mask : 0xFFFF,
                            acc[j][v]);
}

/* All columns of some vectors of m. */
static inline __attribute__((always_inline)) void strip(const tr_gemm_shape *s, int wide, __mmask16 mask,
                                                        const uint32_t *a, const uint32_t *b, float *c) {
  int j = 0;
  for (; j + COLUMNS <= s->n; j += COLUMNS)
    block(s, wide, COLUMNS, mask, a, b + (int64_t)j * s->ldb, c + (int64_t)j * s->ldc);
  for (; j < s->n; j++) block(s, wide, 1, mask, a, b + (int64_t)j * s->ldb, c + (int64_t)j * s->ldc);
}

void tr_cpu_gemm_avx512bf16(const tr_gemm_shape *s, const void *left, const void *right, void *result) {
  const uint32_t *a = left, *b = right;
  float *c = result;
  int i = 0;
  for (; i + WIDE * LANE <= s->m; i += WIDE * LANE) strip(s, WIDE, 0xFFFF, a + i, b, c + i);
  for (; i + LANE <= s->m; i += LANE) strip(s, 1, 0xFFFF, a + i, b, c + i);
  if (i < s->m) strip(s, 1, (__mmask16)((1U << (s->m - i)) - 1), a + i, b, c + i);
}
#endif
