/* cuBLASLt: its table, the algorithm of each shape, and products. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cublasLt.h>

#include "cuda/library/library.h"
#include "cuda/library/product.h"
#include "cuda/parts_private.h"

#define X(name) __typeof__(name) *name;
typedef struct {
#include "cuda/library/cublaslt.def"
} lt_table;
#undef X

enum { BUCKETS = 64, ALGORITHMS = 32, MOST_ENTRIES = 32768 };

struct tr_cuda_product {
  tr_cuda_product *next;
  tr_cuda_shape shape;
  bool there; /* else the library has none */
  cublasLtMatmulDesc_t how;
  cublasLtMatrixLayout_t a, b, d;
  cublasLtMatmulAlgo_t algorithm;
};

struct tr_cuda_blas {
  lt_table lt;
  cublasLtHandle_t handle;
  size_t room;
  tr_cuda_product *products[BUCKETS];
};

/* ---- the library ---- */

#ifdef TR_SIMT
static tr_status open_library(lt_table *lt, tr_error *err) {
  (void)err;
#define X(name) .name = name,
  *lt = (lt_table){
#include "cuda/library/cublaslt.def"
  };
#undef X
  return TR_OK;
}
#else
static tr_status open_library(lt_table *lt, tr_error *err) {
  static const tr_cuda_library library = {"libcublasLt.so.13", "nvidia-cublas",
                                          "nvidia/cu13/lib:cu13/lib:nvidia/cublas/lib:cublas/lib"};
  const tr_cuda_symbol symbols[] = {
#define X(name) {#name, &lt->name},
#include "cuda/library/cublaslt.def"
#undef X
  };
  return tr_cuda_library_open(&library, sizeof symbols / sizeof *symbols, symbols, err);
}
#endif

static tr_status say(tr_error *err, tr_status status, const char *text, const char *why) {
  if (!err) return status;
  *err = (tr_error){.status = status, .file = __FILE__, .line = __LINE__};
  snprintf(err->message, sizeof err->message, "%s%s", text, why);
  return status;
}

tr_status tr_cuda_blas_open(tr_cuda_state *s, tr_error *err) {
  tr_cuda_blas *blas = s->blas = calloc(1, sizeof *blas);
  if (!blas) return say(err, TR_E_MEM, "out of memory for the state of a device", "");
  TR_TRY(open_library(&blas->lt, err));
  const cublasStatus_t status = blas->lt.cublasLtCreate(&blas->handle);
  if (status != CUBLAS_STATUS_SUCCESS)
    return say(err, TR_E_DEVICE, "cuBLASLt cannot be used: ", blas->lt.cublasLtGetStatusName(status));
  blas->room = s->major >= 9 ? (size_t)32 << 20 : (size_t)4 << 20; /* as NVIDIA recommends */
  return TR_OK;
}

static void release(const lt_table *lt, tr_cuda_product *p) {
  if (p->how) (void)lt->cublasLtMatmulDescDestroy(p->how);
  if (p->a) (void)lt->cublasLtMatrixLayoutDestroy(p->a);
  if (p->b) (void)lt->cublasLtMatrixLayoutDestroy(p->b);
  if (p->d) (void)lt->cublasLtMatrixLayoutDestroy(p->d);
  free(p);
}

void tr_cuda_blas_close(tr_cuda_state *s) {
  tr_cuda_blas *blas = s->blas;
  if (!blas) return;
  for (int i = 0; i < BUCKETS; i++)
    for (tr_cuda_product *p = blas->products[i], *next; p; p = next) next = p->next, release(&blas->lt, p);
  if (blas->handle) (void)blas->lt.cublasLtDestroy(blas->handle);
  free(blas);
  s->blas = NULL;
}

size_t tr_cuda_product_room(tr_ctx *ctx) {
  return tr_cuda(ctx)->blas->room;
}

/* ---- types ---- */

tr_dtype tr_cuda_operand_type(tr_cuda_arithmetic arithmetic) {
  return arithmetic == TR_CUDA_F64 ? TR_F64 : arithmetic == TR_CUDA_BF16 ? TR_BF16 : TR_F32;
}

tr_dtype tr_cuda_sum_type(tr_cuda_arithmetic arithmetic) {
  return arithmetic == TR_CUDA_F64 ? TR_F64 : TR_F32;
}

int64_t tr_cuda_row_alignment(int64_t bytes) {
  int64_t most = 16;
  while (bytes % most) most /= 2;
  return most;
}

static cudaDataType type_of(tr_dtype dtype) {
  return dtype == TR_F64 ? CUDA_R_64F : dtype == TR_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

static cublasComputeType_t compute_of(tr_cuda_arithmetic arithmetic) {
  static const cublasComputeType_t types[] = {[TR_CUDA_F64] = CUBLAS_COMPUTE_64F,
                                              [TR_CUDA_F32] = CUBLAS_COMPUTE_32F_PEDANTIC,
                                              [TR_CUDA_TF32] = CUBLAS_COMPUTE_32F_FAST_TF32,
                                              [TR_CUDA_BF16] = CUBLAS_COMPUTE_32F};
  return types[arithmetic];
}

static const char *name_of(tr_cuda_arithmetic arithmetic) {
  static const char *const names[] = {
      [TR_CUDA_F64] = "f64", [TR_CUDA_F32] = "f32", [TR_CUDA_TF32] = "tf32", [TR_CUDA_BF16] = "bf16"};
  return names[arithmetic];
}

static cublasLtEpilogue_t epilogue_of(int epilogue) {
  if (epilogue == TR_CUDA_BIAS) return CUBLASLT_EPILOGUE_BIAS;
  if (epilogue == TR_CUDA_GELU) return CUBLASLT_EPILOGUE_GELU;
  if (epilogue == (TR_CUDA_GELU | TR_CUDA_BIAS)) return CUBLASLT_EPILOGUE_GELU_BIAS;
  if (epilogue == (TR_CUDA_GELU | TR_CUDA_KEPT)) return CUBLASLT_EPILOGUE_GELU_AUX;
  if (epilogue == (TR_CUDA_GELU | TR_CUDA_KEPT | TR_CUDA_BIAS)) return CUBLASLT_EPILOGUE_GELU_AUX_BIAS;
  if (epilogue == TR_CUDA_SLOPE) return CUBLASLT_EPILOGUE_DGELU;
  return CUBLASLT_EPILOGUE_DEFAULT;
}

/* ---- the algorithm of a shape ---- */

static tr_status failed(tr_ctx *ctx, const tr_cuda_shape *s, cublasStatus_t status, const char *what) {
  return TR_FAIL(ctx, status == CUBLAS_STATUS_NOT_SUPPORTED ? TR_E_UNSUPPORTED : TR_E_DEVICE,
                 "%s of cuBLASLt for a product in %s of %lld outputs, %lld rows at a time and %lld inputs "
                 "failed: %s",
                 what, name_of(s->arithmetic), (long long)s->m, (long long)s->n, (long long)s->k,
                 tr_cuda(ctx)->blas->lt.cublasLtGetStatusName(status));
}

/* The first error of several calls. */
static void note(cublasStatus_t *status, cublasStatus_t now) {
  if (*status == CUBLAS_STATUS_SUCCESS) *status = now;
}

static cublasStatus_t describe_epilogue(const lt_table *lt, const tr_cuda_shape *s,
                                        cublasLtMatmulDesc_t how) {
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  const uint32_t epilogue = epilogue_of(s->epilogue);
  const int32_t bias = type_of(s->bias);
  const int64_t ld = s->ldd, stride = s->ldd * s->n;
  void *const somewhere = (void *)(uintptr_t)16; /* a heuristic sees that there is one, and its alignment */
  note(&status,
       lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
  if (s->epilogue & TR_CUDA_BIAS) {
    note(&status,
         lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &bias, sizeof bias));
    note(&status, lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &somewhere,
                                                     sizeof somewhere));
  }
  if (s->epilogue & (TR_CUDA_KEPT | TR_CUDA_SLOPE)) {
    note(&status,
         lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, &ld, sizeof ld));
    note(&status, lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE,
                                                     &stride, sizeof stride));
    note(&status, lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER,
                                                     &somewhere, sizeof somewhere));
  }
  return status;
}

static cublasStatus_t describe_layout(const lt_table *lt, tr_dtype type, int64_t rows, int64_t cols,
                                      int64_t ld, int64_t stride, cublasLtMatrixLayout_t *out) {
  cublasStatus_t status =
      lt->cublasLtMatrixLayoutCreate(out, type_of(type), (uint64_t)rows, (uint64_t)cols, ld);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  return lt->cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                                              sizeof stride);
}

static cublasStatus_t set_batch(const lt_table *lt, const tr_cuda_product *p, int32_t batch) {
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  const cublasLtMatrixLayout_t all[] = {p->a, p->b, p->d};
  for (int i = 0; i < 3; i++)
    note(&status, lt->cublasLtMatrixLayoutSetAttribute(all[i], CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch,
                                                       sizeof batch));
  return status;
}

static cublasStatus_t describe(const lt_table *lt, tr_cuda_product *p) {
  const tr_cuda_shape *s = &p->shape;
  const tr_dtype in = tr_cuda_operand_type(s->arithmetic);
  const int32_t op_a = s->turn_a ? CUBLAS_OP_T : CUBLAS_OP_N, op_b = s->turn_b ? CUBLAS_OP_T : CUBLAS_OP_N;
  cublasStatus_t status = lt->cublasLtMatmulDescCreate(&p->how, compute_of(s->arithmetic),
                                                       type_of(tr_cuda_sum_type(s->arithmetic)));
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  note(&status, lt->cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_TRANSA, &op_a, sizeof op_a));
  note(&status, lt->cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_TRANSB, &op_b, sizeof op_b));
  note(&status, describe_epilogue(lt, s, p->how));
  note(&status, describe_layout(lt, in, s->turn_a ? s->k : s->m, s->turn_a ? s->m : s->k, s->lda, 0, &p->a));
  note(&status, describe_layout(lt, in, s->turn_b ? s->n : s->k, s->turn_b ? s->k : s->n, s->ldb,
                                s->n * s->ldb, &p->b));
  note(&status, describe_layout(lt, s->d, s->m, s->n, s->ldd, s->n * s->ldd, &p->d));
  return status;
}

static uint32_t alignment(const tr_cuda_shape *s, int64_t row) {
  const int64_t by_rows = tr_cuda_row_alignment(row);
  return (uint32_t)(s->aligned && s->aligned < by_rows ? s->aligned : by_rows);
}

static cublasStatus_t prefer(const tr_cuda_blas *blas, const tr_cuda_shape *s,
                             cublasLtMatmulPreference_t preference) {
  const lt_table *lt = &blas->lt;
  const int64_t in = (int64_t)tr_dtype_size(tr_cuda_operand_type(s->arithmetic));
  const int64_t out = (int64_t)tr_dtype_size(s->d);
  const uint32_t schemes =
      CUBLASLT_REDUCTION_SCHEME_NONE | (s->parts ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE : 0);
  const uint32_t a = alignment(s, s->lda * in), b = alignment(s, s->ldb * in), d = alignment(s, s->ldd * out);
  const uint64_t room = blas->room;
  const struct {
    cublasLtMatmulPreferenceAttributes_t what;
    const void *value;
    size_t size;
  } all[] = {{CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room, sizeof room},
             {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes},
             {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &a, sizeof a},
             {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &b, sizeof b},
             {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &d, sizeof d},
             {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &d, sizeof d}};
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    note(&status,
         lt->cublasLtMatmulPreferenceSetAttribute(preference, all[i].what, all[i].value, all[i].size));
  return status;
}

/* Whether the sums of an algorithm are in one piece, or else, where the shape allows it, in parts that are
 * added in a fixed order. The mask of the preference should see to it, and is not relied upon. */
static bool fits(const tr_cuda_blas *blas, const tr_cuda_shape *s, const cublasLtMatmulHeuristicResult_t *r) {
  int32_t parts = 0;
  uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_MASK;
  size_t written;
  if (r->state != CUBLAS_STATUS_SUCCESS || r->workspaceSize > blas->room ||
      blas->lt.cublasLtMatmulAlgoConfigGetAttribute(&r->algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &parts,
                                                    sizeof parts, &written) != CUBLAS_STATUS_SUCCESS ||
      blas->lt.cublasLtMatmulAlgoConfigGetAttribute(&r->algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme,
                                                    sizeof scheme, &written) != CUBLAS_STATUS_SUCCESS)
    return false;
  return (parts == 1 && scheme == CUBLASLT_REDUCTION_SCHEME_NONE) ||
         (s->parts && scheme == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
}

/* One that is offered in parts, made whole, if it can do so. */
static bool make_whole(const tr_cuda_blas *blas, const tr_cuda_product *p,
                       cublasLtMatmulHeuristicResult_t *r) {
  const lt_table *lt = &blas->lt;
  const int32_t parts = 1;
  const uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_NONE;
  cublasLtMatmulAlgo_t algorithm = r->algo;
  if (r->state != CUBLAS_STATUS_SUCCESS ||
      lt->cublasLtMatmulAlgoConfigSetAttribute(&algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &parts,
                                               sizeof parts) != CUBLAS_STATUS_SUCCESS ||
      lt->cublasLtMatmulAlgoConfigSetAttribute(&algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme,
                                               sizeof scheme) != CUBLAS_STATUS_SUCCESS ||
      lt->cublasLtMatmulAlgoCheck(blas->handle, p->how, p->a, p->b, p->d, p->d, &algorithm, r) !=
          CUBLAS_STATUS_SUCCESS)
    return false;
  r->algo = algorithm;
  return fits(blas, &p->shape, r);
}

static cublasStatus_t ask(const tr_cuda_blas *blas, tr_cuda_product *p) {
  const lt_table *lt = &blas->lt;
  cublasLtMatmulHeuristicResult_t results[ALGORITHMS];
  cublasLtMatmulPreference_t preference = NULL;
  int n = 0;
  cublasStatus_t status = lt->cublasLtMatmulPreferenceCreate(&preference);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  note(&status, prefer(blas, &p->shape, preference));
  note(&status, set_batch(lt, p, (int32_t)p->shape.entries));
  if (status == CUBLAS_STATUS_SUCCESS)
    status = lt->cublasLtMatmulAlgoGetHeuristic(blas->handle, p->how, p->a, p->b, p->d, p->d, preference,
                                                ALGORITHMS, results, &n);
  (void)lt->cublasLtMatmulPreferenceDestroy(preference);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  for (int i = 0; i < 2 * n && !p->there; i++) {
    cublasLtMatmulHeuristicResult_t *r = &results[i % n];
    p->there = i < n ? fits(blas, &p->shape, r) : make_whole(blas, p, r);
    if (p->there) p->algorithm = r->algo;
  }
  return p->there ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

static unsigned bucket_of(const tr_cuda_shape *shape) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < sizeof *shape; i++) hash = (hash ^ ((const unsigned char *)shape)[i]) * 16777619u;
  return (hash ^ hash >> 16) % BUCKETS;
}

/* A library without an epilogue says so in several ways: whatever it says of one with an epilogue means that
 * there is none. */
static tr_status make(tr_ctx *ctx, const tr_cuda_shape *shape, tr_cuda_product **out) {
  const tr_cuda_blas *blas = tr_cuda(ctx)->blas;
  tr_cuda_product *p = calloc(1, sizeof *p);
  if (!p) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a product");
  p->shape = *shape;
  cublasStatus_t status = describe(&blas->lt, p);
  if (status == CUBLAS_STATUS_SUCCESS) status = ask(blas, p);
  *out = p;
  if (status == CUBLAS_STATUS_SUCCESS || shape->epilogue) return TR_OK;
  *out = NULL;
  release(&blas->lt, p);
  return failed(ctx, shape, status, "the choice of an algorithm");
}

tr_status tr_cuda_product_find(tr_ctx *ctx, const tr_cuda_shape *shape, const tr_cuda_product **out) {
  tr_cuda_product **bucket = &tr_cuda(ctx)->blas->products[bucket_of(shape)], *p = *bucket;
  while (p && memcmp(&p->shape, shape, sizeof *shape) != 0) p = p->next;
  *out = NULL;
  if (!p) {
    TR_TRY(make(ctx, shape, &p));
    p->next = *bucket, *bucket = p;
  }
  if (p->there) *out = p;
  return TR_OK;
}

/* ---- products ---- */

/* Entries first .. first + n - 1. */
static cublasStatus_t run_part(tr_ctx *ctx, const tr_cuda_product *p, const tr_cuda_operands *o,
                               int64_t first, int64_t n) {
  static const float one_f = 1, none_f = 0;
  static const double one_d = 1, none_d = 0;
  const tr_cuda_blas *blas = tr_cuda(ctx)->blas;
  const lt_table *lt = &blas->lt;
  const tr_cuda_shape *s = &p->shape;
  const bool wide = s->arithmetic == TR_CUDA_F64;
  const void *one = wide ? (const void *)&one_d : &one_f, *none = wide ? (const void *)&none_d : &none_f;
  const int64_t in = (int64_t)tr_dtype_size(tr_cuda_operand_type(s->arithmetic)),
                out = (int64_t)tr_dtype_size(s->d), skip = first * s->n * s->ldd * out;
  const char *b = (const char *)o->b + first * s->n * s->ldb * in;
  char *d = (char *)o->d + skip, *aux = (char *)o->aux + (o->aux ? skip : 0);
  cublasStatus_t status = set_batch(lt, p, (int32_t)n);
  if (s->epilogue & TR_CUDA_BIAS)
    note(&status, lt->cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &o->bias,
                                                     sizeof o->bias));
  if (s->epilogue & (TR_CUDA_KEPT | TR_CUDA_SLOPE))
    note(&status, lt->cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, &aux,
                                                     sizeof aux));
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  return lt->cublasLtMatmul(blas->handle, p->how, one, o->a, p->a, b, p->b, s->adds ? one : none, d, p->d, d,
                            p->d, &p->algorithm, o->room, blas->room, tr_cuda(ctx)->stream);
}

tr_status tr_cuda_product_run(tr_ctx *ctx, const tr_cuda_product *p, const tr_cuda_operands *o) {
  tr_cuda_note(ctx, "a product", o->batch * p->shape.n, p->shape.m);
  for (int64_t first = 0; first < o->batch; first += MOST_ENTRIES) {
    const int64_t left = o->batch - first;
    const cublasStatus_t status = run_part(ctx, p, o, first, left < MOST_ENTRIES ? left : MOST_ENTRIES);
    if (status != CUBLAS_STATUS_SUCCESS) return failed(ctx, &p->shape, status, "a call");
  }
  return tr_cuda_launched(ctx, cudaSuccess);
}
