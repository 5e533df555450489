/* What linear layers are made of: weights, copies in other types, and what is done behind a product. */
#ifndef TR_CUDA_NN_LINEAR_H
#define TR_CUDA_NN_LINEAR_H

#include "cuda/library/product.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A weight: W as it is given, (out, in) by rows, in the type in which it is multiplied. It serves W^T and W
 * alike. Of a convolution: in the order of cuda/nn/pictures/conv2d.h. */
typedef struct {
  const tr_nn_weight_spec *spec;
  void *values;
} tr_cuda_weight;

/* Of products of such numbers, f64 or another. */
tr_cuda_arithmetic tr_cuda_arithmetic_of(tr_dtype type, tr_nn_products products);

/* `to` (all, cols) = `from` (rows, cols) in its own type, rounded to nearest even once, and 0 in the rows
 * behind those. From any of f32, f64 and bf16 to any. */
typedef struct {
  tr_dtype from_type, to_type;
  const void *from;
  void *to;
  int64_t rows, all, cols;
} tr_cuda_cast_args;
tr_status tr_cuda_cast(tr_ctx *ctx, const tr_cuda_cast_args *args);

/* Rows first .. first + n - 1 and columns offset .. offset + cols - 1 of y = act(product + bias) gate +
 * residual, or of the product times act'(slope_at), as the arguments of the layer say but for its bias;
 * product and bias: of those rows and columns. The product may be in y. */
typedef struct {
  const char *what; /* "a linear layer", for messages */
  const tr_nn_linear_args *args;
  const void *product;
  tr_dtype type;        /* of the product */
  int64_t stride;       /* numbers from one row of it to the next */
  const tr_array *bias; /* NULL: it has it already, or there is none */
  int64_t first, n, offset, cols;
} tr_cuda_finish_args;
tr_status tr_cuda_finish(tr_ctx *ctx, const tr_cuda_finish_args *args);

/* The product of a layer, and its bias where the library adds it, for what goes on with it. */
typedef struct {
  const tr_nn_linear_args *args;
  bool apart;           /* into working memory, in bf16 where x is: else it may be in y */
  const void *product;  /* out: (R, out), in working memory */
  tr_dtype type;        /* out: its type */
  const tr_array *bias; /* out: what is left to add, or NULL */
} tr_cuda_layer_product;
tr_status tr_cuda_product_of_layer(tr_ctx *ctx, tr_cuda_layer_product *product);

/* sums[c] += sum of the rows of x (rows, cols); x of the sums' type or bf16. room:
 * tr_cuda_column_sums_room bytes. Added in an order that rows and cols decide. */
typedef struct {
  const tr_array *x;
  tr_array *sums;
  void *room;
} tr_cuda_column_sums_args;
size_t tr_cuda_column_sums_room(const tr_array *x);
tr_status tr_cuda_column_sums(tr_ctx *ctx, const tr_cuda_column_sums_args *args);
/* to[c] += sum of rows 0 .. n - 1 of sums (n, cols), which is of the type of `to` (cols). */
tr_status tr_cuda_add_sums(tr_ctx *ctx, const void *sums, int64_t n, tr_array *to);

#ifdef __cplusplus
}
#endif

#endif
