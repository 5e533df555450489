/* cuBLASLt: its table, the algorithm of each shape, and products. */
#include <stdlib.h>
#include <string.h>

#include "cuda/library/blas_private.h"
#include "cuda/library/library.h"
#include "cuda/parts_private.h"

enum { MOST_ENTRIES = 32768 };
_Static_assert(sizeof(tr_cuda_shape) == 8 * sizeof(int) + 9 * sizeof(int64_t),
               "the bytes of a shape are its key: none of them may be padding");

/* ---- the library ---- */

#ifdef TR_SIMT
static tr_status open_library(tr_cuda_lt *lt, tr_error *err) {
  (void)err;
#define X(name) .name = name,
  *lt = (tr_cuda_lt){
#include "cuda/library/cublaslt.def"
  };
#undef X
  return TR_OK;
}
#else
static tr_status open_library(tr_cuda_lt *lt, tr_error *err) {
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

tr_status tr_cuda_blas_open(tr_cuda_state *s, tr_error *err) {
  tr_cuda_blas *blas = s->blas = calloc(1, sizeof *blas);
  if (!blas) return TR_FAIL_IN(err, TR_E_MEM, "out of memory for the state of a device");
  TR_TRY(open_library(&blas->lt, err));
  const char *tiles = getenv("TRANSIT_CUDA_TILES");
  blas->joined = tiles && strcmp(tiles, "0") == 0;
  const cublasStatus_t status = blas->lt.cublasLtCreate(&blas->handle);
  if (status != CUBLAS_STATUS_SUCCESS)
    return TR_FAIL_IN(err, TR_E_DEVICE, "cuBLASLt cannot be used: %s",
                      blas->lt.cublasLtGetStatusName(status));
  const char *sums = getenv("TRANSIT_CUDA_BGRAD");
  if (sums && strcmp(sums, "0") == 0) blas->sums = TR_CUDA_SUMS_NEVER;
  if (sums && strcmp(sums, "1") == 0) blas->sums = TR_CUDA_SUMS_ALWAYS;
#ifdef TR_SIMT
  blas->room = (size_t)64 << 10; /* more than the stand-in asks for; the checked emulator minds every byte */
#else
  blas->room = s->major >= 9 ? (size_t)32 << 20 : (size_t)4 << 20; /* as NVIDIA recommends */
#endif
  return TR_OK;
}

static void release(const tr_cuda_lt *lt, tr_cuda_product *p) {
  if (p->how) (void)lt->cublasLtMatmulDescDestroy(p->how);
  if (p->a) (void)lt->cublasLtMatrixLayoutDestroy(p->a);
  if (p->b) (void)lt->cublasLtMatrixLayoutDestroy(p->b);
  if (p->d) (void)lt->cublasLtMatrixLayoutDestroy(p->d);
  free(p);
}

void tr_cuda_blas_close(tr_cuda_state *s) {
  tr_cuda_blas *blas = s->blas;
  if (!blas) return;
  for (int i = 0; i < TR_CUDA_PRODUCT_BUCKETS; i++)
    for (tr_cuda_product *p = blas->products[i], *next; p; p = next) next = p->next, release(&blas->lt, p);
  if (blas->handle) (void)blas->lt.cublasLtDestroy(blas->handle);
  free(blas);
  s->blas = NULL;
}

size_t tr_cuda_product_room(tr_ctx *ctx) {
  return tr_cuda_state_of(ctx)->blas->room;
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

static const char *name_of(tr_cuda_arithmetic arithmetic) {
  static const char *const names[] = {
      [TR_CUDA_F64] = "f64", [TR_CUDA_F32] = "f32", [TR_CUDA_TF32] = "tf32", [TR_CUDA_BF16] = "bf16"};
  return names[arithmetic];
}

/* ---- the product of a shape ---- */

static tr_status failed(tr_ctx *ctx, const tr_cuda_shape *s, cublasStatus_t status, const char *what) {
  return TR_FAIL(ctx, status == CUBLAS_STATUS_NOT_SUPPORTED ? TR_E_UNSUPPORTED : TR_E_DEVICE,
                 "%s of cuBLASLt for a product in %s of %lld outputs, %lld rows at a time and %lld inputs "
                 "failed: %s",
                 what, name_of(s->arithmetic), (long long)s->m, (long long)s->n, (long long)s->k,
                 tr_cuda(ctx)->blas->lt.cublasLtGetStatusName(status));
}

static unsigned bucket_of(const tr_cuda_shape *shape) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < sizeof *shape; i++) hash = (hash ^ ((const unsigned char *)shape)[i]) * 16777619u;
  return (hash ^ hash >> 16) % TR_CUDA_PRODUCT_BUCKETS;
}

/* Another algorithm for few entries, where a large tile would leave most of the device idle: taken only if a
 * trial shows that it has the same bits. */
static tr_status choose_for_few(tr_ctx *ctx, tr_cuda_product *p) {
  if (p->shape.entries <= TR_CUDA_FEW ||
      tr_cuda_choose(tr_cuda(ctx)->blas, p, 1, &p->few) != CUBLAS_STATUS_SUCCESS ||
      memcmp(&p->few, &p->algorithm, sizeof p->few) == 0)
    return TR_OK;
  return tr_cuda_same_bits(ctx, (tr_cuda_way){p, &p->algorithm}, (tr_cuda_way){p, &p->few}, &p->has_few);
}

/* By the algorithm of one entry of the whole. */
static tr_status make_first(tr_ctx *ctx, tr_cuda_product *p) {
  const tr_cuda_blas *blas = tr_cuda(ctx)->blas;
  tr_cuda_shape shape = p->shape;
  tr_cuda_product *whole;
  shape.n = shape.first_of, shape.first_of = 0;
  TR_TRY(tr_cuda_product_find(ctx, &shape, &whole));
  if (!whole || tr_cuda_describe(blas, p) != CUBLAS_STATUS_SUCCESS) return TR_OK;
  p->algorithm = whole->has_few ? whole->few : whole->algorithm;
  if (!tr_cuda_serves(blas, p, &p->algorithm)) return TR_OK;
  const tr_cuda_way by_whole = {whole, &p->algorithm}, alone = {p, &p->algorithm};
  return tr_cuda_same_bits(ctx, by_whole, alone, &p->there);
}

/* Not every kind of kernel has them: another one may take more time than a pass of our own over B does. */
static tr_status judge_sums(tr_ctx *ctx, tr_cuda_product *p) {
  const tr_cuda_blas *blas = tr_cuda(ctx)->blas;
  tr_cuda_shape shape = p->shape;
  tr_cuda_product *plain;
  if (blas->sums == TR_CUDA_SUMS_ALWAYS) return TR_OK;
  shape.epilogue = 0, shape.bias = 0;
  TR_TRY(tr_cuda_product_find(ctx, &shape, &plain));
  p->there = tr_cuda_akin(blas, &plain->algorithm, &p->algorithm);
  return TR_OK;
}

/* A library without an epilogue says so in several ways: whatever it says of one with an epilogue means that
 * there is none. */
static tr_status make(tr_ctx *ctx, const tr_cuda_shape *shape, tr_cuda_product *p) {
  const tr_cuda_blas *blas = tr_cuda(ctx)->blas;
  p->shape = *shape;
  if (shape->first_of) return make_first(ctx, p);
  if (shape->epilogue & TR_CUDA_SUMS && blas->sums == TR_CUDA_SUMS_NEVER) return TR_OK;
  cublasStatus_t status = tr_cuda_describe(blas, p);
  if (status == CUBLAS_STATUS_SUCCESS) status = tr_cuda_choose(blas, p, shape->entries, &p->algorithm);
  p->there = status == CUBLAS_STATUS_SUCCESS;
  if (p->there && shape->epilogue & TR_CUDA_SUMS) return judge_sums(ctx, p);
  if (p->there) return choose_for_few(ctx, p);
  return shape->epilogue ? TR_OK : failed(ctx, shape, status, "the choice of an algorithm");
}

/* Where the product is that was found longest ago, of those that are not kept for good. */
static tr_cuda_product **oldest(tr_cuda_blas *blas) {
  tr_cuda_product **out = NULL;
  for (int i = 0; i < TR_CUDA_PRODUCT_BUCKETS; i++)
    for (tr_cuda_product **p = &blas->products[i]; *p; p = &(*p)->next)
      if ((*p)->shape.parts && (!out || (*p)->found < (*out)->found)) out = p;
  return out;
}

/* For one more of them. What has been recorded needs no description: a graph has kernels and their arguments.
 */
static void make_place(tr_cuda_blas *blas) {
  if (blas->passing++ < TR_CUDA_PRODUCTS_PASSING) return;
  tr_cuda_product **at = oldest(blas), *p = *at;
  *at = p->next, blas->passing--;
  release(&blas->lt, p);
}

static tr_status add(tr_ctx *ctx, const tr_cuda_shape *shape, tr_cuda_product **bucket) {
  tr_cuda_blas *blas = tr_cuda(ctx)->blas;
  tr_cuda_product *p = calloc(1, sizeof *p);
  if (!p) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a product");
  const tr_status status = make(ctx, shape, p);
  if (status != TR_OK) {
    release(&blas->lt, p);
    return status;
  }
  if (shape->parts) make_place(blas);
  p->next = *bucket, *bucket = p;
  return TR_OK;
}

tr_status tr_cuda_product_find(tr_ctx *ctx, const tr_cuda_shape *shape, tr_cuda_product **out) {
  tr_cuda_blas *blas = tr_cuda_state_of(ctx)->blas;
  tr_cuda_product **bucket = &blas->products[bucket_of(shape)], *p = *bucket;
  while (p && memcmp(&p->shape, shape, sizeof *shape) != 0) p = p->next;
  *out = NULL;
  if (!p) {
    TR_TRY(add(ctx, shape, bucket));
    p = *bucket;
  }
  p->found = ++blas->calls;
  if (p->there) *out = p;
  return TR_OK;
}

tr_status tr_cuda_product_first(tr_ctx *ctx, const tr_cuda_product *whole, int64_t n, tr_cuda_product **out) {
  tr_cuda_shape shape = whole->shape;
  shape.first_of = shape.n, shape.n = n;
  return tr_cuda_product_find(ctx, &shape, out);
}

/* ---- products ---- */

cublasStatus_t tr_cuda_multiply(tr_ctx *ctx, tr_cuda_product *p, const cublasLtMatmulAlgo_t *algorithm,
                                const tr_cuda_operands *o) {
  static const float one_f = 1, none_f = 0;
  static const double one_d = 1, none_d = 0;
  const tr_cuda_state *state = tr_cuda(ctx);
  const tr_cuda_blas *blas = state->blas;
  const tr_cuda_lt *lt = &blas->lt;
  const tr_cuda_shape *s = &p->shape;
  const bool wide = s->arithmetic == TR_CUDA_F64;
  const void *one = wide ? (const void *)&one_d : &one_f, *none = wide ? (const void *)&none_d : &none_f;
  cublasStatus_t status = tr_cuda_set_batch(blas, p, o->batch);
  if (s->epilogue & (TR_CUDA_BIAS | TR_CUDA_SUMS)) {
    const void *vector = s->epilogue & TR_CUDA_SUMS ? o->sums : o->bias;
    tr_cuda_first(&status, lt->cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                                                              &vector, sizeof vector));
  }
  if (s->epilogue & (TR_CUDA_KEPT | TR_CUDA_SLOPE))
    tr_cuda_first(&status, lt->cublasLtMatmulDescSetAttribute(
                               p->how, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, &o->aux, sizeof o->aux));
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  return lt->cublasLtMatmul(blas->handle, p->how, one, o->a, p->a, o->b, p->b, s->adds ? one : none, o->d,
                            p->d, o->d, p->d, algorithm, o->room, blas->room, state->stream);
}

/* Entries from `first` on. */
static tr_cuda_operands from_entry(const tr_cuda_shape *s, const tr_cuda_operands *all, int64_t first) {
  const int64_t in = (int64_t)tr_dtype_size(tr_cuda_operand_type(s->arithmetic)),
                skip = first * s->n * s->ldd * (int64_t)tr_dtype_size(s->d);
  tr_cuda_operands o = *all;
  o.b = (const char *)all->b + first * s->n * s->ldb * in, o.d = (char *)all->d + skip;
  if (all->aux) o.aux = (char *)all->aux + skip;
  o.batch = all->batch - first < MOST_ENTRIES ? all->batch - first : MOST_ENTRIES;
  return o;
}

tr_status tr_cuda_product_run(tr_ctx *ctx, tr_cuda_product *p, const tr_cuda_operands *all) {
  const cublasLtMatmulAlgo_t *algorithm = p->has_few && all->batch <= TR_CUDA_FEW ? &p->few : &p->algorithm;
  tr_cuda_note(ctx, "a product", all->batch * p->shape.n, p->shape.m);
  for (int64_t first = 0; first < all->batch; first += MOST_ENTRIES) {
    const tr_cuda_operands o = from_entry(&p->shape, all, first);
    const cublasStatus_t status = tr_cuda_multiply(ctx, p, algorithm, &o);
    if (status != CUBLAS_STATUS_SUCCESS) return failed(ctx, &p->shape, status, "a call");
  }
  return tr_cuda_launched(ctx, cudaSuccess);
}
