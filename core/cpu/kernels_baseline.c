/* Kernels for any x86-64 (and any other processor). */
#define LEVEL        baseline
#define VECTOR_BYTES 16
#include "core/cpu/kernels_level.inc"

extern const tr_cpu_kernels tr_kernels_f32_avx2, tr_kernels_f64_avx2, tr_kernels_f32_avx512,
    tr_kernels_f64_avx512;

extern const tr_cpu_halves tr_kernels_bf16_avx2, tr_kernels_bf16_avx512;

const tr_cpu_halves *tr_cpu_halves_for(tr_cpu_level level) {
  static const tr_cpu_halves *const table[] = {
    &tr_kernels_bf16_baseline,
#if defined(__x86_64__)
    &tr_kernels_bf16_avx2,
    &tr_kernels_bf16_avx512,
#endif
  };
  return table[level];
}

const tr_cpu_kernels *tr_cpu_kernels_for(tr_cpu_level level, tr_dtype dtype) {
  static const tr_cpu_kernels *const table[][2] = {
    {&tr_kernels_f32_baseline, &tr_kernels_f64_baseline},
#if defined(__x86_64__)
    {&tr_kernels_f32_avx2, &tr_kernels_f64_avx2},
    {&tr_kernels_f32_avx512, &tr_kernels_f64_avx512},
#endif
  };
  return table[level][dtype == TR_F64];
}
