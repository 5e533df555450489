/* What the files of cuBLASLt share. */
#ifndef TR_CUDA_LIBRARY_BLAS_PRIVATE_H
#define TR_CUDA_LIBRARY_BLAS_PRIVATE_H

#include <cublasLt.h>

#include "cuda/library/product.h"

#define X(name) __typeof__(name) *name;
typedef struct {
#include "cuda/library/cublaslt.def"
} tr_cuda_lt;
#undef X

enum { TR_CUDA_PRODUCT_BUCKETS = 64 };

struct tr_cuda_product {
  tr_cuda_product *next;
  tr_cuda_shape shape;
  int64_t found; /* when it was, counted by calls */
  bool there;    /* else the library has none */
  cublasLtMatmulDesc_t how;
  cublasLtMatrixLayout_t a, b, d;
  int64_t batch; /* that these have; 0: none yet */
  cublasLtMatmulAlgo_t algorithm;
  bool has_few;             /* another one for few entries, with the same bits */
  cublasLtMatmulAlgo_t few; /* for at most TR_CUDA_FEW of them */
};
enum { TR_CUDA_FEW = 2 };

struct tr_cuda_blas {
  tr_cuda_lt lt;
  cublasLtHandle_t handle;
  size_t room;
  bool joined; /* entries are multiplied as one matrix, see TRANSIT_CUDA_TILES */
  enum { TR_CUDA_SUMS_AKIN, TR_CUDA_SUMS_NEVER, TR_CUDA_SUMS_ALWAYS } sums; /* when TR_CUDA_SUMS are there */
  tr_cuda_product *products[TR_CUDA_PRODUCT_BUCKETS];
  int64_t calls;
  int passing; /* products that are not kept for good */
};

/* The first error of several calls. */
static inline void tr_cuda_first(cublasStatus_t *status, cublasStatus_t now) {
  if (*status == CUBLAS_STATUS_SUCCESS) *status = now;
}

cublasStatus_t tr_cuda_set_batch(const tr_cuda_blas *blas, tr_cuda_product *p, int64_t batch);

/* Descriptors of p->shape, and the algorithm. What has been made is p's, whatever comes back. */
cublasStatus_t tr_cuda_describe(const tr_cuda_blas *blas, tr_cuda_product *p);
cublasStatus_t tr_cuda_choose(const tr_cuda_blas *blas, tr_cuda_product *p, int64_t entries,
                              cublasLtMatmulAlgo_t *algorithm);

/* Whether two algorithms are of one kind: of the same kernels, in other tiles perhaps. */
bool tr_cuda_akin(const tr_cuda_blas *blas, const cublasLtMatmulAlgo_t *one,
                  const cublasLtMatmulAlgo_t *other);

/* Whether an algorithm serves a product of one entry, which it was not chosen for. */
bool tr_cuda_serves(const tr_cuda_blas *blas, tr_cuda_product *p, const cublasLtMatmulAlgo_t *algorithm);

/* One call, of at most as many entries as cuBLASLt takes. */
cublasStatus_t tr_cuda_multiply(tr_ctx *ctx, tr_cuda_product *p, const cublasLtMatmulAlgo_t *algorithm,
                                const tr_cuda_operands *o);

/* Whether one entry of a product has the same bits by another algorithm, in the columns of `other`, which is
 * the product itself or its first columns: of numbers that no order of sums but the same leaves alike. Waits
 * for the device. */
typedef struct {
  tr_cuda_product *product;
  const cublasLtMatmulAlgo_t *algorithm;
} tr_cuda_way;
tr_status tr_cuda_same_bits(tr_ctx *ctx, tr_cuda_way one, tr_cuda_way other, bool *same);

#endif
