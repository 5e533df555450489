/* A stand-in for cuBLASLt: products in plain loops on the stream, rounded as the library's are. Sums go over
 * k in order, in the type of the sums. It is as unhelpful as the library may be: it offers algorithms that
 * cut the sum in parts before those that do not, and more of them the more entries there are; it has no GELU
 * in f64, no bias in another type than D's, and refuses an algorithm for another shape but fewer columns, and
 * for such where 5 divides them (not with TRANSIT_CUDA_TILES, which is to find that out), pointers less
 * aligned than was said, and too little working memory. The gradient of a bias (BGRADB) is, as cuBLASLt 13.0
 * was seen to have it, there for one entry with op(B) = T alone, of D's type, assigned, and not scaled; here
 * it is summed in another order than D is, of operands as they are multiplied, is not there at all where 5
 * divides the rows of D, and by another kind of algorithm where 7 does. */
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <vector>

#include "tests/simt/hooks.h"

struct cublasLtContext {};
struct simt_matmul_desc {
  cublasComputeType_t compute;
  cudaDataType scale;
  int32_t op_a = 0, op_b = 0, bias_type = -1;
  uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  void *bias = nullptr, *aux = nullptr;
  int64_t aux_ld = 0, aux_stride = 0;
};
struct simt_matrix_layout {
  cudaDataType type;
  int64_t rows, cols, ld, stride = 0;
  int32_t batch = 1;
};
struct simt_preference {
  uint64_t room = 0;
  uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_MASK, align[4] = {256, 256, 256, 256};
};

namespace {
/* What is in the words of a cublasLtMatmulAlgo_t. */
struct chosen {
  uint64_t parts, scheme, shape, align, room, few, cols, id;
};

int64_t size_of(cudaDataType type) {
  return type == CUDA_R_64F ? 8 : type == CUDA_R_16BF ? 2 : 4;
}

struct work {
  simt_matmul_desc how;
  simt_matrix_layout a, b, c, d;
  double alpha, beta;
  const char *A, *B, *C;
  char *D;
  int parts;
  bool few; /* by an algorithm that was offered for few entries */
};

constexpr uint32_t VECTOR = 4 | CUBLASLT_EPILOGUE_BGRADB; /* a bias, or its gradient */

int64_t k_of(const simt_matmul_desc &h, const simt_matrix_layout &a) {
  return h.op_a == CUBLAS_OP_T ? a.rows : a.cols;
}

/* All that an algorithm is chosen for but the number of entries, and of columns of D. */
uint64_t shape_of(const simt_matmul_desc &h, const simt_matrix_layout &a, const simt_matrix_layout &b,
                  const simt_matrix_layout &d) {
  const int64_t all[] = {h.compute, h.op_a, h.op_b, h.epilogue, h.bias_type, a.type, b.type,
                         d.type,    a.rows, a.cols, a.ld,       b.ld,        d.rows, d.ld};
  uint64_t hash = 14695981039346656037u;
  for (int64_t v : all) hash = (hash ^ (uint64_t)v) * 1099511628211u;
  return hash;
}

bool fits(const simt_matmul_desc &h, const simt_matrix_layout &a, const simt_matrix_layout &b,
          const simt_matrix_layout &d) {
  const bool ta = h.op_a == CUBLAS_OP_T, tb = h.op_b == CUBLAS_OP_T;
  return (ta ? a.cols : a.rows) == d.rows && (tb ? b.rows : b.cols) == d.cols &&
         (ta ? a.rows : a.cols) == (tb ? b.cols : b.rows) && a.ld >= a.rows && b.ld >= b.rows &&
         d.ld >= d.rows && a.batch == b.batch && b.batch == d.batch;
}

/* Whether the vectors and matrices behind the product are there, and are not where nothing asks for them. */
bool behind_fits(const simt_matmul_desc &h, const simt_matrix_layout &d) {
  const bool vector = h.epilogue & (4 | 16 | 256 | 512), aux = h.epilogue & 128;
  if (vector != (h.bias != nullptr) || aux != (h.aux != nullptr)) return false;
  if (!aux) return h.aux_stride == 0;
  return h.aux_ld >= d.rows && h.aux_ld % 8 == 0 && h.aux_stride % 8 == 0 &&
         (d.batch == 1 || h.aux_stride >= d.cols * h.aux_ld);
}

bool supported(const simt_matmul_desc &h, const simt_matrix_layout &a, const simt_matrix_layout &b,
               const simt_matrix_layout &d) {
  const bool wide = h.compute == CUBLAS_COMPUTE_64F, gelu = h.epilogue & (32 | 64);
  if (a.type != b.type || wide != (a.type == CUDA_R_64F) || wide != (d.type == CUDA_R_64F)) return false;
  if (a.type == CUDA_R_16BF && h.compute != CUBLAS_COMPUTE_32F) return false;
  if (a.type == CUDA_R_32F && d.type != CUDA_R_32F) return false;
  if (h.scale != (wide ? CUDA_R_64F : CUDA_R_32F) || (wide && gelu)) return false;
  if ((h.epilogue & VECTOR) && h.bias_type != -1 && h.bias_type != d.type) return false;
  if ((h.epilogue & CUBLASLT_EPILOGUE_BGRADB) && (h.op_b != CUBLAS_OP_T || d.batch != 1 || d.rows % 5 == 0))
    return false;
  if (d.rows > 1 << 20) return false; /* for a test of what is said then */
  return true;
}

bool serves(const chosen &words, uint64_t shape, int64_t cols) {
  static const bool grows =
      getenv("TRANSIT_CUDA_TILES") != nullptr; /* there an algorithm is hoped to serve any */
  const int64_t known = (int64_t)words.cols;
  return words.shape == shape && (cols == known || grows || (cols < known && cols % 5 != 0));
}

/* ---- the product of one entry: D's columns are rows here ---- */

/* op(A) by panels of WIDE rows, k outside, and op(B) with k inside, as numbers of the sums' type. */
constexpr int WIDE = 16, DEEP = 4;

float tf32(float v) {
  uint32_t u;
  memcpy(&u, &v, 4);
  if ((u >> 23 & 255) != 255) u = (u + 0xfff + (u >> 13 & 1)) & ~0x1fffu;
  memcpy(&v, &u, 4);
  return v;
}

template <class N> struct reader {
  const char *data;
  cudaDataType type;
  bool round;
  N operator()(int64_t at) const {
    if (type == CUDA_R_64F) return (N)((const double *)data)[at];
    if (type == CUDA_R_16BF) return (N)__bfloat162float(((const __nv_bfloat16 *)data)[at]);
    const float v = ((const float *)data)[at];
    return (N)(round ? tf32(v) : v);
  }
};

template <class N>
std::vector<N> panels(const reader<N> &read, const simt_matrix_layout &l, bool turned, int64_t m, int64_t k) {
  std::vector<N> out((size_t)((m + WIDE - 1) / WIDE * WIDE * k));
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < k; j++)
      out[(size_t)((i / WIDE * k + j) * WIDE + i % WIDE)] = read(turned ? j + i * l.ld : i + j * l.ld);
  return out;
}

template <class N>
std::vector<N> rows(const reader<N> &read, const simt_matrix_layout &l, bool turned, int64_t n, int64_t k) {
  std::vector<N> out((size_t)((n + DEEP - 1) / DEEP * DEEP * k));
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i < k; i++) out[(size_t)(j * k + i)] = read(turned ? j + i * l.ld : i + j * l.ld);
  return out;
}

/* sums[j][i] of k in order, for WIDE rows of D and DEEP columns */
template <class N>
void multiply(int64_t k, const N *__restrict a, const N *__restrict b, int64_t ldb, N sums[DEEP][WIDE]) {
  N s[DEEP][WIDE] = {};
  for (int64_t i = 0; i < k; i++, a += WIDE)
    for (int j = 0; j < DEEP; j++)
      for (int r = 0; r < WIDE; r++) s[j][r] += a[r] * b[j * ldb + i];
  memcpy(sums, s, sizeof s);
}

template <class N> N gelu(N v) {
  return v / (1 + std::exp((N)-1.5957691216057308 * (v + (N)0.044715 * v * v * v)));
}
template <class N> N gelu_slope(N v) {
  const N c = (N)1.5957691216057308, s = 1 / (1 + std::exp(-c * (v + (N)0.044715 * v * v * v)));
  return s + v * s * (1 - s) * c * (1 + 3 * (N)0.044715 * v * v);
}

template <class N> N load(const void *p, cudaDataType type, int64_t at) {
  return reader<N>{(const char *)p, type, false}(at);
}
template <class N> void store(void *p, cudaDataType type, int64_t at, N v) {
  if (type == CUDA_R_64F)
    ((double *)p)[at] = (double)v;
  else if (type == CUDA_R_16BF)
    ((__nv_bfloat16 *)p)[at] = __float2bfloat16_rn((float)v);
  else
    ((float *)p)[at] = (float)v;
}

cudaDataType bias_type(const work &w) {
  return w.how.bias_type == -1 ? w.d.type : (cudaDataType)w.how.bias_type;
}

template <class N> void finish(const work &w, int64_t entry, int64_t row, int64_t col, N v) {
  const simt_matmul_desc &h = w.how;
  const int64_t at = entry * w.d.stride + col * w.d.ld + row,
                kept = entry * h.aux_stride + col * h.aux_ld + row;
  v *= (N)w.alpha;
  if (w.beta != 0) v += (N)w.beta * load<N>(w.C, w.c.type, entry * w.c.stride + col * w.c.ld + row);
  if (h.epilogue & 4) v += load<N>(h.bias, bias_type(w), row);
  if (h.epilogue & 64) v *= gelu_slope(load<N>(h.aux, w.d.type, kept));
  if ((h.epilogue & 128) && !(h.epilogue & 64)) store(h.aux, w.d.type, kept, v);
  if (h.epilogue & 32) v = gelu(v);
  store(w.D, w.d.type, at, v);
}

/* Where the chains of a sum end, or its parts: in other places for another number of columns, and, where 3
 * divides k, by an algorithm for few entries, as it may be in the library. */
std::vector<int64_t> chains(const work &w, int64_t k) {
  std::vector<int64_t> ends;
  const int64_t half = k * (w.d.cols % 7 + 1) / 8;
  if (w.parts == 1) ends = {w.few && k % 3 == 0 ? half / 2 : half, k};
  for (int64_t turn = 1; w.parts > 1 && turn <= w.parts; turn++) ends.push_back(k * turn / w.parts);
  return ends;
}

template <class N> void run_entry(const work &w, int64_t entry, const std::vector<N> &a) {
  const int64_t m = w.d.rows, n = w.d.cols, k = k_of(w.how, w.a);
  const reader<N> read = {w.B + entry * w.b.stride * size_of(w.b.type), w.b.type,
                          w.how.compute == CUBLAS_COMPUTE_32F_FAST_TF32};
  const std::vector<N> b = rows(read, w.b, w.how.op_b == CUBLAS_OP_T, n, k);
  const std::vector<int64_t> ends = chains(w, k);
  const size_t count = ends.size(), shift = w.parts > 1 ? (size_t)w.d.batch - 1 : 0;
  for (int64_t i = 0; i < m; i += WIDE)
    for (int64_t j = 0; j < n; j += DEEP) {
      N sums[DEEP][WIDE] = {}, part[DEEP][WIDE];
      for (size_t turn = 0; turn < count; turn++) {
        const size_t at = (turn + shift) % count;
        const int64_t first = at ? ends[at - 1] : 0;
        multiply(ends[at] - first, &a[(size_t)((i / WIDE * k + first) * WIDE)], &b[(size_t)(j * k + first)],
                 k, part);
        for (int c = 0; c < DEEP; c++)
          for (int r = 0; r < WIDE; r++) sums[c][r] += part[c][r];
      }
      for (int c = 0; c < DEEP && j + c < n; c++)
        for (int r = 0; r < WIDE && i + r < m; r++) finish(w, entry, i + r, j + c, sums[c][r]);
    }
}

/* Each column of op(B), by the chains of D's sums from the last one to the first. */
template <class N> void sum_columns(const work &w) {
  const reader<N> read = {w.B, w.b.type, w.how.compute == CUBLAS_COMPUTE_32F_FAST_TF32};
  const int64_t k = k_of(w.how, w.a);
  const std::vector<int64_t> ends = chains(w, k);
  for (int64_t col = 0; col < w.d.cols; col++) {
    N total = 0;
    for (size_t at = ends.size(); at-- > 0;) {
      N sum = 0;
      for (int64_t i = at ? ends[at - 1] : 0; i < ends[at]; i++) sum += read(col + i * w.b.ld);
      total += sum;
    }
    store(w.how.bias, bias_type(w), col, total);
  }
}

template <class N> void run(const work &w) {
  std::vector<N> a;
  if (w.how.epilogue & CUBLASLT_EPILOGUE_BGRADB) sum_columns<N>(w);
  for (int64_t entry = 0; entry < w.d.batch; entry++) {
    const reader<N> read = {w.A + entry * w.a.stride * size_of(w.a.type), w.a.type,
                            w.how.compute == CUBLAS_COMPUTE_32F_FAST_TF32};
    if (entry == 0 || w.a.stride)
      a = panels(read, w.a, w.how.op_a == CUBLAS_OP_T, w.d.rows, k_of(w.how, w.a));
    run_entry(w, entry, a);
  }
}

/* What the checked emulator is told: column by column, since between them may be what is another's. */
template <class F> void columns_of(const simt_matrix_layout &l, const char *data, F touch) {
  const size_t bytes = (size_t)(l.rows * size_of(l.type));
  for (int64_t entry = 0; entry < (l.stride ? l.batch : 1); entry++)
    for (int64_t col = 0; col < l.cols; col++)
      touch((char *)data + (entry * l.stride + col * l.ld) * size_of(l.type), bytes);
}

void tell(const work &w) {
  const char *what = "a product";
  const auto reads = [what](char *p, size_t bytes) { simt_reads(p, bytes, what); };
  const auto writes = [what](char *p, size_t bytes) { simt_writes(p, bytes, what); };
  columns_of(w.a, w.A, reads), columns_of(w.b, w.B, reads);
  if (w.beta != 0) columns_of(w.c, w.C, reads);
  if (w.how.epilogue & 4) simt_reads(w.how.bias, (size_t)(w.d.rows * size_of(bias_type(w))), what);
  if (w.how.epilogue & CUBLASLT_EPILOGUE_BGRADB)
    simt_writes(w.how.bias, (size_t)(w.d.cols * size_of(bias_type(w))), what);
  simt_matrix_layout kept = w.d;
  kept.ld = w.how.aux_ld, kept.stride = w.how.aux_stride;
  if (w.how.epilogue & 64)
    columns_of(kept, (const char *)w.how.aux, reads);
  else if (w.how.epilogue & 128)
    columns_of(kept, (const char *)w.how.aux, writes);
  columns_of(w.d, w.D, writes);
}

void run_work(const void *args) {
  const work &w = *(const work *)args;
  tell(w);
  if (w.how.compute == CUBLAS_COMPUTE_64F)
    run<double>(w);
  else
    run<float>(w);
}

bool aligned(const void *p, uint64_t bytes) {
  return (uintptr_t)p % bytes == 0;
}

bool set(void *to, size_t room, const void *value, size_t size) {
  if (!value || room != size) return false;
  memcpy(to, value, size);
  return true;
}
cublasStatus_t told(bool ok) {
  return ok ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
} // namespace

extern "C" {
cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
  *handle = new cublasLtContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
const char *cublasLtGetStatusName(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS         ? "CUBLAS_STATUS_SUCCESS"
         : status == CUBLAS_STATUS_INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE"
         : status == CUBLAS_STATUS_NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED"
                                                 : "CUBLAS_STATUS_EXECUTION_FAILED";
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute,
                                        cudaDataType scale) {
  *desc = new simt_matmul_desc{};
  simt_describes(1);
  (*desc)->compute = compute, (*desc)->scale = scale;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  delete desc;
  simt_describes(-1);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t what,
                                              const void *v, size_t n) {
  switch (what) {
  case CUBLASLT_MATMUL_DESC_TRANSA:
    return told(set(&d->op_a, sizeof d->op_a, v, n));
  case CUBLASLT_MATMUL_DESC_TRANSB:
    return told(set(&d->op_b, sizeof d->op_b, v, n));
  case CUBLASLT_MATMUL_DESC_EPILOGUE:
    return told(set(&d->epilogue, sizeof d->epilogue, v, n));
  case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
    return told(set(&d->bias, sizeof d->bias, v, n));
  case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
    return told(set(&d->bias_type, sizeof d->bias_type, v, n));
  case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER:
    return told(set(&d->aux, sizeof d->aux, v, n));
  case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD:
    return told(set(&d->aux_ld, sizeof d->aux_ld, v, n));
  case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE:
    return told(set(&d->aux_stride, sizeof d->aux_stride, v, n));
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type, uint64_t rows,
                                          uint64_t cols, int64_t ld) {
  *layout = new simt_matrix_layout{type, (int64_t)rows, (int64_t)cols, ld};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l,
                                                cublasLtMatrixLayoutAttribute_t what, const void *v,
                                                size_t n) {
  if (what == CUBLASLT_MATRIX_LAYOUT_COLS) return told(set(&l->cols, sizeof l->cols, v, n));
  if (what == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) return told(set(&l->batch, sizeof l->batch, v, n));
  return told(set(&l->stride, sizeof l->stride, v, n));
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
  *preference = new simt_preference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
                                                    cublasLtMatmulPreferenceAttributes_t what, const void *v,
                                                    size_t n) {
  if (what == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) return told(set(&p->room, sizeof p->room, v, n));
  if (what == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
    return told(set(&p->schemes, sizeof p->schemes, v, n));
  return told(set(&p->align[what - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], sizeof p->align[0], v, n));
}

/* Parts added in order, whatever the mask says, and as they come, then the whole, which is not offered where
 * 11 divides k: there one of the others has to be made so. Where 13 divides it a mask of no parts leaves
 * nothing. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t how,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t results[], int *found) {
  *found = 0;
  if (!fits(*how, *a, *b, *d) || !behind_fits(*how, *d)) return CUBLAS_STATUS_INVALID_VALUE;
  if (!preference->schemes && k_of(*how, *a) % 13 == 0) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (!supported(*how, *a, *b, *d)) return CUBLAS_STATUS_NOT_SUPPORTED;
  uint64_t align = 256;
  for (uint32_t each : preference->align) align = std::min<uint64_t>(align, each);
  const uint64_t all[][2] = {{d->batch < 8 ? 3u : 2u, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE},
                             {4, CUBLASLT_REDUCTION_SCHEME_INPLACE},
                             {1, CUBLASLT_REDUCTION_SCHEME_NONE}};
  for (const auto &one : all) {
    if (*found == most) break;
    if (one[1] == CUBLASLT_REDUCTION_SCHEME_INPLACE && !(preference->schemes & one[1])) continue;
    if (one[0] == 1 && k_of(*how, *a) % 11 == 0) continue;
    const chosen words = {one[0],
                          one[1],
                          shape_of(*how, *a, *b, *d),
                          align,
                          one[0] > 1 ? 1024u : 0u,
                          d->batch < 8,
                          (uint64_t)d->cols,
                          (how->epilogue & CUBLASLT_EPILOGUE_BGRADB) && d->rows % 7 == 0 ? 21u : 66u};
    cublasLtMatmulHeuristicResult_t &r = results[(*found)++];
    r = {};
    memcpy(&r.algo, &words, sizeof words);
    r.workspaceSize = words.room;
  }
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t what, void *value,
                                                    size_t size, size_t *written) {
  const int word = what == CUBLASLT_ALGO_CONFIG_ID ? 7 : what == CUBLASLT_ALGO_CONFIG_SPLITK_NUM ? 0 : 1;
  const uint32_t v = (uint32_t)algo->data[word];
  *written = sizeof v;
  return told(set(value, size, &v, sizeof v));
}

cublasStatus_t cublasLtMatmulAlgoConfigSetAttribute(cublasLtMatmulAlgo_t *algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t what,
                                                    const void *value, size_t size) {
  uint32_t v;
  if (!set(&v, sizeof v, value, size) || what == CUBLASLT_ALGO_CONFIG_ID) return CUBLAS_STATUS_INVALID_VALUE;
  algo->data[what == CUBLASLT_ALGO_CONFIG_SPLITK_NUM ? 0 : 1] = v;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t how, cublasLtMatrixLayout_t a,
                                       cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t,
                                       cublasLtMatrixLayout_t d, const cublasLtMatmulAlgo_t *algo,
                                       cublasLtMatmulHeuristicResult_t *result) {
  chosen words;
  memcpy(&words, algo, sizeof words);
  if (!serves(words, shape_of(*how, *a, *b, *d), d->cols)) return CUBLAS_STATUS_INVALID_VALUE;
  result->workspaceSize = words.parts > 1 ? 1024 : 0;
  result->state = CUBLAS_STATUS_EXECUTION_FAILED; /* it is no output of this call */
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t how, const void *alpha, const void *A,
                              cublasLtMatrixLayout_t a, const void *B, cublasLtMatrixLayout_t b,
                              const void *beta, const void *C, cublasLtMatrixLayout_t c, void *D,
                              cublasLtMatrixLayout_t d, const cublasLtMatmulAlgo_t *algo, void *room,
                              size_t room_size, cudaStream_t stream) {
  chosen words;
  if (!algo || !fits(*how, *a, *b, *d) || !behind_fits(*how, *d)) return CUBLAS_STATUS_INVALID_VALUE;
  if (C == D && (c->type != d->type || c->ld != d->ld || c->stride != d->stride))
    return CUBLAS_STATUS_INVALID_VALUE;
  memcpy(&words, algo, sizeof words);
  if (!serves(words, shape_of(*how, *a, *b, *d), d->cols)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (room_size < words.room || (words.room && !aligned(room, 256)) || !aligned(A, words.align) ||
      !aligned(B, words.align) || !aligned(C, words.align) || !aligned(D, words.align) ||
      ((how->epilogue & VECTOR) && (!how->bias || !aligned(how->bias, 16))) ||
      ((how->epilogue & 128) && (!how->aux || !aligned(how->aux, words.align))))
    return CUBLAS_STATUS_INVALID_VALUE;
  const bool wide = how->compute == CUBLAS_COMPUTE_64F;
  const work w = {*how,
                  *a,
                  *b,
                  *c,
                  *d,
                  wide ? *(const double *)alpha : *(const float *)alpha,
                  wide ? *(const double *)beta : *(const float *)beta,
                  (const char *)A,
                  (const char *)B,
                  (const char *)C,
                  (char *)D,
                  (int)words.parts,
                  words.few != 0};
  return simt_enqueue(stream, run_work, &w, sizeof w) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                     : CUBLAS_STATUS_EXECUTION_FAILED;
}
}
