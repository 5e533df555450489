/* Matrices of f32 as words of bf16 (core/cpu/kernels.h): what products take their operands from. `stride` is
 * the distance of rows of x, in elements; words lie side by side. */
#ifndef TR_CORE_CPU_NN_WORDS_H
#define TR_CORE_CPU_NN_WORDS_H

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

/* For sums over columns: words (rows, tr_cpu_words(cols)). */
static inline void tr_words_along(const tr_cpu_halves *halves, int64_t rows, int64_t cols, const void *x,
                                  int64_t stride, uint32_t *words) {
  for (int64_t r = 0; r < rows; r++)
    halves->pair_row(cols, (const float *)x + r * stride, words + r * tr_cpu_words(cols));
}

/* For sums over rows: words (tr_cpu_words(rows), cols). */
static inline void tr_words_across(const tr_cpu_halves *halves, int64_t rows, int64_t cols, const void *x,
                                   int64_t stride, uint32_t *words) {
  for (int64_t r = 0; r < rows; r += 2) {
    const float *row = (const float *)x + r * stride;
    halves->pair_rows(cols, row, r + 1 < rows ? row + stride : NULL, words + r / 2 * cols);
  }
}

#endif
