/* Which algorithm of cuBLASLt a shape gets. */
#include "cuda/library/blas_private.h"

enum { ALGORITHMS = 32 };

/* ---- types ---- */

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

static cublasLtEpilogue_t epilogue_of(int epilogue) {
  if (epilogue == TR_CUDA_BIAS) return CUBLASLT_EPILOGUE_BIAS;
  if (epilogue == TR_CUDA_GELU) return CUBLASLT_EPILOGUE_GELU;
  if (epilogue == (TR_CUDA_GELU | TR_CUDA_BIAS)) return CUBLASLT_EPILOGUE_GELU_BIAS;
  if (epilogue == (TR_CUDA_GELU | TR_CUDA_KEPT)) return CUBLASLT_EPILOGUE_GELU_AUX;
  if (epilogue == (TR_CUDA_GELU | TR_CUDA_KEPT | TR_CUDA_BIAS)) return CUBLASLT_EPILOGUE_GELU_AUX_BIAS;
  if (epilogue == TR_CUDA_SLOPE) return CUBLASLT_EPILOGUE_DGELU;
  if (epilogue == TR_CUDA_SUMS) return CUBLASLT_EPILOGUE_BGRADB;
  return CUBLASLT_EPILOGUE_DEFAULT;
}

/* ---- descriptors ---- */

/* The entries are one matrix, of all their columns. */
static cublasStatus_t set_columns(const tr_cuda_lt *lt, const tr_cuda_product *p, int64_t entries) {
  const uint64_t cols = (uint64_t)(p->shape.n * entries);
  cublasStatus_t status =
      lt->cublasLtMatrixLayoutSetAttribute(p->b, CUBLASLT_MATRIX_LAYOUT_COLS, &cols, sizeof cols);
  tr_cuda_first(&status,
                lt->cublasLtMatrixLayoutSetAttribute(p->d, CUBLASLT_MATRIX_LAYOUT_COLS, &cols, sizeof cols));
  return status;
}

cublasStatus_t tr_cuda_set_batch(const tr_cuda_blas *blas, tr_cuda_product *p, int64_t entries) {
  const tr_cuda_lt *lt = &blas->lt;
  const int32_t batch = (int32_t)entries;
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  if (p->batch == entries) return status;
  if (blas->joined && !p->shape.turn_b) {
    status = set_columns(lt, p, entries);
    p->batch = status == CUBLAS_STATUS_SUCCESS ? entries : 0;
    return status;
  }
  const cublasLtMatrixLayout_t all[] = {p->a, p->b, p->d};
  for (int i = 0; i < 3; i++)
    tr_cuda_first(&status, lt->cublasLtMatrixLayoutSetAttribute(all[i], CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                                                &batch, sizeof batch));
  p->batch = status == CUBLAS_STATUS_SUCCESS ? entries : 0;
  return status;
}

static cublasStatus_t describe_epilogue(const tr_cuda_blas *blas, const tr_cuda_shape *s,
                                        cublasLtMatmulDesc_t how) {
  const tr_cuda_lt *lt = &blas->lt;
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  const uint32_t epilogue = epilogue_of(s->epilogue);
  const int32_t bias = type_of(s->bias);
  const int64_t ld = s->ldd, stride = blas->joined ? 0 : s->ldd * s->n;
  void *const somewhere = (void *)(uintptr_t)16; /* a heuristic sees that there is one, and its alignment */
  tr_cuda_first(&status, lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
                                                            sizeof epilogue));
  if (s->epilogue & (TR_CUDA_BIAS | TR_CUDA_SUMS)) {
    tr_cuda_first(&status, lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &bias,
                                                              sizeof bias));
    tr_cuda_first(&status, lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                                                              &somewhere, sizeof somewhere));
  }
  if (s->epilogue & (TR_CUDA_KEPT | TR_CUDA_SLOPE)) {
    tr_cuda_first(&status, lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, &ld,
                                                              sizeof ld));
    tr_cuda_first(&status, lt->cublasLtMatmulDescSetAttribute(
                               how, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE, &stride, sizeof stride));
    tr_cuda_first(&status, lt->cublasLtMatmulDescSetAttribute(how, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER,
                                                              &somewhere, sizeof somewhere));
  }
  return status;
}

static cublasStatus_t describe_layout(const tr_cuda_lt *lt, tr_dtype type, int64_t rows, int64_t cols,
                                      int64_t ld, int64_t stride, cublasLtMatrixLayout_t *out) {
  cublasStatus_t status =
      lt->cublasLtMatrixLayoutCreate(out, type_of(type), (uint64_t)rows, (uint64_t)cols, ld);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  return lt->cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                                              sizeof stride);
}

cublasStatus_t tr_cuda_describe(const tr_cuda_blas *blas, tr_cuda_product *p) {
  const tr_cuda_lt *lt = &blas->lt;
  const tr_cuda_shape *s = &p->shape;
  const tr_dtype in = tr_cuda_operand_type(s->arithmetic);
  const int32_t op_a = s->turn_a ? CUBLAS_OP_T : CUBLAS_OP_N, op_b = s->turn_b ? CUBLAS_OP_T : CUBLAS_OP_N;
  cublasStatus_t status = lt->cublasLtMatmulDescCreate(&p->how, compute_of(s->arithmetic),
                                                       type_of(tr_cuda_sum_type(s->arithmetic)));
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  tr_cuda_first(&status,
                lt->cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_TRANSA, &op_a, sizeof op_a));
  tr_cuda_first(&status,
                lt->cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_TRANSB, &op_b, sizeof op_b));
  tr_cuda_first(&status, describe_epilogue(blas, s, p->how));
  tr_cuda_first(&status,
                describe_layout(lt, in, s->turn_a ? s->k : s->m, s->turn_a ? s->m : s->k, s->lda, 0, &p->a));
  tr_cuda_first(&status, describe_layout(lt, in, s->turn_b ? s->n : s->k, s->turn_b ? s->k : s->n, s->ldb,
                                         s->n * s->ldb, &p->b));
  tr_cuda_first(&status, describe_layout(lt, s->d, s->m, s->n, s->ldd, s->n * s->ldd, &p->d));
  return status;
}

static uint32_t alignment(const tr_cuda_shape *s, int64_t row) {
  const int64_t by_rows = tr_cuda_row_alignment(row);
  return (uint32_t)(s->aligned && s->aligned < by_rows ? s->aligned : by_rows);
}

static cublasStatus_t prefer(const tr_cuda_blas *blas, const tr_cuda_shape *s, uint32_t schemes,
                             cublasLtMatmulPreference_t preference) {
  const tr_cuda_lt *lt = &blas->lt;
  const int64_t in = (int64_t)tr_dtype_size(tr_cuda_operand_type(s->arithmetic));
  const int64_t out = (int64_t)tr_dtype_size(s->d);
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
    tr_cuda_first(&status, lt->cublasLtMatmulPreferenceSetAttribute(preference, all[i].what, all[i].value,
                                                                    all[i].size));
  return status;
}

static bool config(const tr_cuda_blas *blas, const cublasLtMatmulAlgo_t *algorithm,
                   cublasLtMatmulAlgoConfigAttributes_t what, int32_t *value) {
  size_t written;
  return blas->lt.cublasLtMatmulAlgoConfigGetAttribute(algorithm, what, value, sizeof *value, &written) ==
         CUBLAS_STATUS_SUCCESS;
}

bool tr_cuda_akin(const tr_cuda_blas *blas, const cublasLtMatmulAlgo_t *one,
                  const cublasLtMatmulAlgo_t *other) {
  int32_t a, b;
  return config(blas, one, CUBLASLT_ALGO_CONFIG_ID, &a) && config(blas, other, CUBLASLT_ALGO_CONFIG_ID, &b) &&
         a == b;
}

/* Whether the sums of an algorithm are in one piece, or else, where the shape allows it, in parts that are
 * added in a fixed order. The mask of the preference should see to it, and is not relied upon. No parts are
 * one: NVIDIA's own samples set 0 where they want the sum whole. */
static bool fits(const tr_cuda_blas *blas, const tr_cuda_shape *s, const cublasLtMatmulHeuristicResult_t *r) {
  int32_t parts, scheme;
  if (r->state != CUBLAS_STATUS_SUCCESS || r->workspaceSize > blas->room ||
      !config(blas, &r->algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &parts) ||
      !config(blas, &r->algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme))
    return false;
  return (parts <= 1 && parts >= 0 && scheme == CUBLASLT_REDUCTION_SCHEME_NONE) ||
         (s->parts && scheme == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
}

/* Whether an algorithm can do this product, and as it should; r: what the library says of it, but for a
 * state, of which the documents say that heuristics alone set it. */
static bool serves(const tr_cuda_blas *blas, const tr_cuda_product *p, const cublasLtMatmulAlgo_t *algorithm,
                   cublasLtMatmulHeuristicResult_t *r) {
  if (blas->lt.cublasLtMatmulAlgoCheck(blas->handle, p->how, p->a, p->b, p->d, p->d, algorithm, r) !=
      CUBLAS_STATUS_SUCCESS)
    return false;
  r->algo = *algorithm, r->state = CUBLAS_STATUS_SUCCESS;
  return fits(blas, &p->shape, r);
}

/* One that is offered in parts, made whole, if it can do so. */
static bool make_whole(const tr_cuda_blas *blas, tr_cuda_product *p, cublasLtMatmulHeuristicResult_t *r,
                       cublasLtMatmulAlgo_t *algorithm) {
  const tr_cuda_lt *lt = &blas->lt;
  const int32_t parts = 1;
  const uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_NONE;
  if (r->state != CUBLAS_STATUS_SUCCESS ||
      lt->cublasLtMatmulAlgoConfigSetAttribute(algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &parts,
                                               sizeof parts) != CUBLAS_STATUS_SUCCESS ||
      lt->cublasLtMatmulAlgoConfigSetAttribute(algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme,
                                               sizeof scheme) != CUBLAS_STATUS_SUCCESS)
    return false;
  return serves(blas, p, algorithm, r);
}

bool tr_cuda_serves(const tr_cuda_blas *blas, tr_cuda_product *p, const cublasLtMatmulAlgo_t *algorithm) {
  cublasLtMatmulHeuristicResult_t r;
  return tr_cuda_set_batch(blas, p, 1) == CUBLAS_STATUS_SUCCESS && serves(blas, p, algorithm, &r);
}

/* Algorithms that may add parts by these schemes, the one expected to be fastest first. */
static cublasStatus_t ask(const tr_cuda_blas *blas, const tr_cuda_product *p, uint32_t schemes,
                          cublasLtMatmulHeuristicResult_t results[ALGORITHMS], int *n) {
  const tr_cuda_lt *lt = &blas->lt;
  cublasLtMatmulPreference_t preference = NULL;
  *n = 0;
  cublasStatus_t status = lt->cublasLtMatmulPreferenceCreate(&preference);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  tr_cuda_first(&status, prefer(blas, &p->shape, schemes, preference));
  if (status == CUBLAS_STATUS_SUCCESS)
    status = lt->cublasLtMatmulAlgoGetHeuristic(blas->handle, p->how, p->a, p->b, p->d, p->d, preference,
                                                ALGORITHMS, results, n);
  (void)lt->cublasLtMatmulPreferenceDestroy(preference);
  return status == CUBLAS_STATUS_SUCCESS && *n == 0 ? CUBLAS_STATUS_NOT_SUPPORTED : status;
}

/* What the documents say of the mask leaves open whether one of no schemes at all leaves algorithms without
 * any: then those with some are to be made whole. */
cublasStatus_t tr_cuda_choose(const tr_cuda_blas *blas, tr_cuda_product *p, int64_t entries,
                              cublasLtMatmulAlgo_t *algorithm) {
  cublasLtMatmulHeuristicResult_t results[ALGORITHMS];
  int n;
  cublasStatus_t status = tr_cuda_set_batch(blas, p, entries);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  status = ask(blas, p, p->shape.parts ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE : 0, results, &n);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED)
    status = ask(blas, p, CUBLASLT_REDUCTION_SCHEME_MASK, results, &n);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  for (int i = 0; i < 2 * n; i++) {
    cublasLtMatmulHeuristicResult_t *r = &results[i % n];
    *algorithm = r->algo;
    if (i < n ? fits(blas, &p->shape, r) : make_whole(blas, p, r, algorithm)) return CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_NOT_SUPPORTED;
}
