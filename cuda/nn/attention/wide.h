/* Attention with wide heads: of products by the library, with a softmax between them. */
#ifndef TR_CUDA_NN_ATTENTION_WIDE_H
#define TR_CUDA_NN_ATTENTION_WIDE_H

#include "cuda/nn/linear.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Heads of any size. */
tr_status tr_cuda_attention_wide(tr_ctx *ctx, const tr_nn_attention_args *args);

/* Terms 2^(s - c) of `rows` rows of scores s = scale log2(e) scores, c a row's largest, in the place of the
 * scores or in bf16, and what the row's sum makes of them: its inverse, and its logarithm for `stats`. */
typedef struct {
  tr_dtype type; /* of scores and sums: f32 or f64 */
  void *scores;
  void *halves; /* the terms, in bf16; NULL: in the place of the scores */
  int64_t rows, tokens, ld;
  double scale;
  void *inverse; /* (rows) */
  void *stats;   /* (rows), or NULL */
} tr_cuda_terms_args;
tr_status tr_cuda_terms(tr_ctx *ctx, const tr_cuda_terms_args *args);

/* Columns offset .. of rows first .. of y = product inverse, row by row; product may be there. */
typedef struct {
  const void *product;
  tr_dtype type;  /* its type, and that of inverse */
  int64_t stride; /* numbers from one row of it to the next */
  const void *inverse;
  const tr_array *y;
  int64_t first, rows, offset, cols;
} tr_cuda_divide_args;
tr_status tr_cuda_divide(tr_ctx *ctx, const tr_cuda_divide_args *args);

#ifdef __cplusplus
}
#endif

#endif
