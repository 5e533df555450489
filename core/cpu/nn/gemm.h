/* Small matrix products, the one interface through which the network operations multiply. A kernel is made
 * for fixed sizes and computes, with everything column-major,
 *     C (m, n) = A (m, k) B (k, n)   or   C += A B.
 * Read row-major that is Y (n rows, m) = X (n rows, k) W with W (k, m): A is the weight, B the activations.
 *
 * Operands in bf16 are words of two neighbours in the direction of the sum (core/cpu/kernels.h): k, lda and
 * ldb count words, C is f32.
 *
 * Engines: `libxsmm` (code generated at run time for the sizes and the processor) and `portable` (C, compiled
 * for every level), used where code cannot be generated (no AVX, or executable memory is forbidden).
 * Every element of C is one chain of k multiply-adds in rising order of k: it depends neither on m and n nor
 * on the place in the matrix, so a row of activations gives the same bits in whatever company. The engine is
 * chosen by CPUID, never by timing. For bf16 there is a kernel of our own with VDPBF16PS, and one for every
 * level that widens the halves (core/cpu/features.h). The environment variable TRANSIT_GEMM = libxsmm |
 * portable forces one. */
#ifndef TR_CORE_CPU_NN_GEMM_H
#define TR_CORE_CPU_NN_GEMM_H

#include <stdbool.h>

#include "core/array.h"
#include "core/cpu/features.h"

typedef enum { TR_GEMM_LIBXSMM, TR_GEMM_PORTABLE } tr_gemm_engine;

/* With the version that it was built with, on which the last bits of products may depend. */
const char *tr_gemm_engine_name(tr_gemm_engine engine);

/* The engine for kernels of this level; TR_E_ARG when TRANSIT_GEMM is unknown or cannot run here. */
tr_status tr_gemm_engine_selected(tr_cpu_level level, tr_gemm_engine *engine, tr_error *err);

typedef struct {
  tr_dtype dtype; /* TR_F32 or TR_F64; TR_BF16: of A and B, in words */
  int m, n, k;
  int lda, ldb, ldc; /* distance of columns in elements */
  bool accumulate;   /* C += A B */
  bool b_by_rows;    /* B is row-major: ldb is the distance of rows */
} tr_gemm_shape;

typedef struct {
  tr_gemm_shape shape;
  void (*generated)(const void *a, const void *b, void *c); /* NULL: portable */
  void (*portable)(const tr_gemm_shape *shape, const void *a, const void *b, void *c);
} tr_gemm_kernel;

/* Makes (or finds) the kernel; thread-safe. A shape that the engine refuses is TR_E_UNSUPPORTED. */
tr_status tr_gemm_prepare(tr_ctx *ctx, tr_gemm_engine engine, tr_cpu_level level, tr_gemm_shape shape,
                          tr_gemm_kernel *out);

static inline void tr_gemm_run(const tr_gemm_kernel *kernel, const void *a, const void *b, void *c) {
  if (kernel->generated)
    kernel->generated(a, b, c);
  else
    kernel->portable(&kernel->shape, a, b, c);
}

/* A product whose sum over k is made in chunks, so that what it reads at a time stays in a cache. Where it is
 * cut must depend on k alone: then no bit depends on m, n or what is multiplied beside it. */
typedef struct {
  int64_t chunk, chunks;      /* terms of all but the last; how many */
  tr_gemm_kernel parts[2][2]; /* [last chunk][adding to what is there], those that are used */
} tr_gemm_sum;

/* Terms of a chunk where k is cut as evenly as multiples of 8 allow, in chunks of about `bytes` in B. */
int64_t tr_gemm_even_chunk(const tr_gemm_shape *shape, int64_t bytes);

/* shape: of the whole; accumulate: it will be asked to add to what is there, too. chunk: 1 to k. */
tr_status tr_gemm_sum_prepare(tr_ctx *ctx, const tr_gemm_shape *shape, int64_t chunk, tr_gemm_sum *out);

/* The product of chunk i, whose terms begin with i chunk. */
static inline const tr_gemm_kernel *tr_gemm_sum_part(const tr_gemm_sum *sum, int64_t i, bool adding) {
  return &sum->parts[i == sum->chunks - 1][adding || i > 0];
}

/* All chunks, one after the other. */
void tr_gemm_sum_run(const tr_gemm_sum *sum, bool adding, const void *a, const void *b, void *c);

#endif
