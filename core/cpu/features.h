/* What the processor can do, and which level of kernels is used on it. One portable build holds the kernels
 * of every level; the choice is made once, from CPUID alone (never by timing), so results on one machine
 * never vary. The environment variable TRANSIT_CPU = baseline | avx2 | avx512 lowers the level (for tests
 * and comparisons). */
#ifndef TR_CORE_CPU_FEATURES_H
#define TR_CORE_CPU_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

typedef enum {
  TR_CPU_BASELINE, /* x86-64: SSE2 */
  TR_CPU_AVX2,     /* x86-64-v3: AVX2, FMA */
  TR_CPU_AVX512    /* x86-64-v4: AVX-512 F, BW, CD, DQ, VL */
} tr_cpu_level;

const char *tr_cpu_level_name(tr_cpu_level level); /* "baseline", "avx2", "avx512" */

/* The highest level that the processor and the operating system support. */
tr_cpu_level tr_cpu_level_supported(void);

/* The level in use: the supported one, or TRANSIT_CPU. A value that is unknown or above what the processor
 * supports is TR_E_ARG; err may be NULL. */
tr_status tr_cpu_level_selected(tr_cpu_level *level, tr_error *err);

/* Whether products of words of bf16 (core/cpu/kernels.h) have an instruction of their own at this level:
 * VDPBF16PS, with avx512. Else, and with the environment variable TRANSIT_BF16 = converted (for tests and
 * comparisons), both halves are widened to f32 in registers. */
bool tr_cpu_has_bf16(tr_cpu_level level);

/* The features that matter to the kernels, separated by blanks: "avx2 fma avx512f ...". Returns text. */
const char *tr_cpu_features(char *text, size_t size);

#endif
