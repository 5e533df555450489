#include "core/cpu/nn/gemm.h"

#include <libxsmm.h>
#include <libxsmm_version.h>
#include <stdlib.h>
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"
#include "core/error/error_private.h"
#include "core/text.h"

static const char *const engine_names[] = {"libxsmm " LIBXSMM_CONFIG_VERSION, "portable"};

const char *tr_gemm_engine_name(tr_gemm_engine engine) {
  return engine_names[engine];
}

static int generator_target(tr_cpu_level level) {
  return level == TR_CPU_AVX512 ? LIBXSMM_X86_AVX512_CORE : LIBXSMM_X86_AVX2;
}

/* The generated code takes three pointers; only the element type differs. */
typedef void (*generated_fn)(const void *a, const void *b, void *c);

static generated_fn generate(tr_cpu_level level, const tr_gemm_shape *s) {
  libxsmm_blasint lda = s->lda, ldb = s->ldb, ldc = s->ldc;
  int flags = s->b_by_rows ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE,
      prefetch = LIBXSMM_GEMM_PREFETCH_NONE;
  union {
    libxsmm_smmfunction f32;
    libxsmm_dmmfunction f64;
    generated_fn any;
  } code = {NULL};
  if (libxsmm_get_target_archid() != generator_target(level))
    libxsmm_set_target_archid(generator_target(level));
  if (s->dtype == TR_F32) {
    const float alpha = 1, beta = s->accumulate ? 1 : 0;
    code.f32 = libxsmm_smmdispatch(s->m, s->n, s->k, &lda, &ldb, &ldc, &alpha, &beta, &flags, &prefetch);
  } else {
    const double alpha = 1, beta = s->accumulate ? 1 : 0;
    code.f64 = libxsmm_dmmdispatch(s->m, s->n, s->k, &lda, &ldb, &ldc, &alpha, &beta, &flags, &prefetch);
  }
  return code.any;
}

/* Code can be generated from AVX2 on, where memory may be made executable: tried on a small shape. */
static bool generator_works(tr_cpu_level level) {
  const tr_gemm_shape probe = {.dtype = TR_F32, .m = 16, .n = 4, .k = 8, .lda = 16, .ldb = 8, .ldc = 16};
  return level != TR_CPU_BASELINE && generate(level, &probe) != NULL;
}

static tr_status bad_engine(tr_error *err, const char *asked, tr_cpu_level level) {
  return TR_FAIL_IN(
      err, TR_E_ARG,
      "TRANSIT_GEMM is '%s': use portable, or libxsmm where its generated code can run (avx2 or avx512 "
      "kernels and executable memory; this is %s)",
      TR_SHOW(asked, 40), tr_cpu_level_name(level));
}

tr_status tr_gemm_engine_selected(tr_cpu_level level, tr_gemm_engine *engine, tr_error *err) {
  const char *asked = getenv("TRANSIT_GEMM");
  bool works = generator_works(level);
  *engine = works ? TR_GEMM_LIBXSMM : TR_GEMM_PORTABLE;
  if (!asked || !*asked) return TR_OK;
  if (strcmp(asked, "portable") == 0)
    *engine = TR_GEMM_PORTABLE;
  else if (strcmp(asked, "libxsmm") != 0 || !works)
    return bad_engine(err, asked, level);
  return TR_OK;
}

#if defined(__x86_64__)
#define native_bf16 tr_cpu_gemm_avx512bf16
#else
#define native_bf16 NULL /* never asked for */
#endif

tr_status tr_gemm_prepare(tr_ctx *ctx, tr_gemm_engine engine, tr_cpu_level level, tr_gemm_shape shape,
                          tr_gemm_kernel *out) {
  *out = (tr_gemm_kernel){.shape = shape};
  if (shape.dtype == TR_BF16) {
    out->portable = ((const tr_cpu_state *)tr_ctx_backend_state(ctx))->bf16 ? native_bf16
                                                                            : tr_cpu_halves_for(level)->gemm;
    return TR_OK;
  }
  if (engine == TR_GEMM_PORTABLE) {
    out->portable = tr_cpu_kernels_for(level, shape.dtype)->gemm;
    return TR_OK;
  }
  out->generated = generate(level, &shape);
  if (out->generated) return TR_OK;
  return TR_FAIL(ctx, TR_E_UNSUPPORTED,
                 "libxsmm made no kernel for a product %d x %d x %d of %s: set TRANSIT_GEMM=portable",
                 shape.m, shape.n, shape.k, tr_dtype_name(shape.dtype));
}

/* ---- sums in chunks ---- */

/* Bytes of a term in A or B; of bf16 a word. */
static int64_t term_bytes(const tr_gemm_shape *shape) {
  return shape->dtype == TR_BF16 ? (int64_t)sizeof(uint32_t) : (int64_t)tr_dtype_size(shape->dtype);
}

int64_t tr_gemm_even_chunk(const tr_gemm_shape *shape, int64_t bytes) {
  const int64_t k = shape->k, even = tr_cpu_ceil_div(k, tr_cpu_ceil_div(k * term_bytes(shape), bytes));
  return tr_cpu_smaller(tr_cpu_ceil_div(even, 8) * 8, k);
}

tr_status tr_gemm_sum_prepare(tr_ctx *ctx, const tr_gemm_shape *shape, int64_t chunk, tr_gemm_sum *out) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const int64_t k = shape->k, n = tr_cpu_ceil_div(k, chunk);
  const bool adds = shape->accumulate;
  const bool used[2][2] = {{n > 1, n > 2 || (n > 1 && adds)}, {n == 1, n > 1 || adds}};
  *out = (tr_gemm_sum){.chunk = chunk, .chunks = n};
  for (int last = 0; last < 2; last++)
    for (int adding = 0; adding < 2; adding++) {
      tr_gemm_shape part = *shape;
      part.k = (int)(last ? k - (n - 1) * chunk : chunk);
      part.accumulate = adding;
      if (used[last][adding])
        TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, part, &out->parts[last][adding]));
    }
  return TR_OK;
}

void tr_gemm_sum_run(const tr_gemm_sum *sum, bool adding, const void *a, const void *b, void *c) {
  for (int64_t i = 0; i < sum->chunks; i++) {
    const tr_gemm_kernel *part = tr_gemm_sum_part(sum, i, adding);
    const int64_t step = i * sum->chunk * term_bytes(&part->shape);
    tr_gemm_run(part, (const char *)a + step * part->shape.lda, (const char *)b + step, c);
  }
}
