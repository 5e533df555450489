/* Matrix products of cuBLASLt. What decides how a product is computed is a shape; for each, an algorithm is
 * chosen once, and kept. So a result depends on its shape alone, never on what was computed before. */
#ifndef TR_CUDA_LIBRARY_PRODUCT_H
#define TR_CUDA_LIBRARY_PRODUCT_H

#include "cuda/cuda_private.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TR_CUDA_F64,
  TR_CUDA_F32,  /* no rounding of operands: pedantic */
  TR_CUDA_TF32, /* f32, of which products read 10 bits of fraction */
  TR_CUDA_BF16  /* operands in bf16, sums in f32 */
} tr_cuda_arithmetic;

/* What cuBLASLt does behind a product, before the result is rounded: bits. */
enum {
  TR_CUDA_BIAS = 1,  /* + bias of the rows of D */
  TR_CUDA_GELU = 2,  /* gelu_tanh */
  TR_CUDA_KEPT = 4,  /* what gelu was given goes to `aux`, of D's type: with GELU */
  TR_CUDA_SLOPE = 8, /* times gelu_tanh'(aux), of D's type */
  TR_CUDA_SUMS = 16, /* alone, of one entry, with B turned: the sums over k of op(B) as it is multiplied, one
                        for each column of D and of its type, are assigned to `sums`; only where that takes no
                        other kind of kernel than the product without it gets */
};

/* D = op(A) op(B), or D += op(A) op(B), for `batch` entries: matrices by columns, D (m, n), k summed over. A
 * is the same for all entries; in B and D an entry is n columns long. The bytes of all of it are the key. */
typedef struct {
  tr_cuda_arithmetic arithmetic;
  tr_dtype d;         /* the type of D: of the sums, or bf16 for TR_CUDA_BF16 */
  int turn_a, turn_b; /* op is the transpose */
  int adds;           /* to D */
  int parts;          /* k is that of a call: the sum may be cut in parts, added in a fixed order, and the
                         product is not kept for good */
  int epilogue;       /* TR_CUDA_BIAS ... */
  tr_dtype bias;      /* its type, or that of the sums */
  int64_t m, n, k, lda, ldb, ldd;
  int64_t aligned; /* bytes of A, B and D at least, where it is less than rows give; 0: that */
  int64_t entries; /* for which the algorithm is to be good; how many there are does not matter to it */
  /* 0; or it is one entry, the first n columns of the entry of a product that has so many. */
  int64_t first_of;
} tr_cuda_shape;

typedef struct tr_cuda_product tr_cuda_product;

enum { TR_CUDA_PRODUCTS_PASSING = 256 };
/* The product of a shape, the context's; NULL if the library has none with this epilogue. One without an
 * epilogue has to be: TR_E_UNSUPPORTED. What layers are made of is kept for good, and asked for once. Of
 * those with `parts` the TR_CUDA_PRODUCTS_PASSING that were found last are kept, and the others asked for
 * anew, with the same answer: a pointer to one holds until the next is found. */
tr_status tr_cuda_product_find(tr_ctx *ctx, const tr_cuda_shape *shape, tr_cuda_product **out);
/* The product of the first n columns of one entry, with the bits that they have in it; NULL if it cannot be:
 * by the same algorithm, and a trial. */
tr_status tr_cuda_product_first(tr_ctx *ctx, const tr_cuda_product *whole, int64_t n, tr_cuda_product **out);

/* Pointers have the alignment that a row of their matrix gives all rows, see tr_cuda_row_alignment, if the
 * shape does not say otherwise; bias and sums: 16 bytes. room: tr_cuda_product_room bytes. */
typedef struct {
  const void *a, *b, *bias;
  void *d, *aux, *sums, *room;
  int64_t batch;
} tr_cuda_operands;
tr_status tr_cuda_product_run(tr_ctx *ctx, tr_cuda_product *product, const tr_cuda_operands *o);

/* Bytes of working memory that every product may use. */
size_t tr_cuda_product_room(tr_ctx *ctx);

/* The largest power of two, at most 16, that divides a row of so many bytes: what every row of a matrix is
 * aligned to that begins at 16 bytes or more. No algorithm is known to want more. */
int64_t tr_cuda_row_alignment(int64_t bytes);

tr_dtype tr_cuda_operand_type(tr_cuda_arithmetic arithmetic); /* of A and B */
tr_dtype tr_cuda_sum_type(tr_cuda_arithmetic arithmetic);     /* f64 or f32 */

#ifdef __cplusplus
}
#endif

#endif
