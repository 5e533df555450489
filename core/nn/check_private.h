/* Whether the operands of a network operation fit together. Those that have to be there are there, all of
 * them on one context, when tr_nn_check_NAME is asked; what may be NULL may be. */
#ifndef TR_CORE_NN_CHECK_PRIVATE_H
#define TR_CORE_NN_CHECK_PRIVATE_H

#include "core/nn/nn.h"

/* A call on its way: where, and what of ("a linear layer"). */
typedef struct {
  tr_ctx *ctx;
  const char *what;
} tr_nn_call;

#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  tr_status tr_nn_check_##op(const tr_nn_call *call, const tr_nn_##op##_args *a);
#include "core/nn/ops.def"
#undef TR_NN_OP

/* Which types a call may mix: an operand is of f32 or f64, the element type of `like`, where bf16 counts as
 * f32, and of ndim dimensions; NULL is fine. */
tr_status tr_nn_check_operand(const tr_nn_call *call, const char *name, const tr_array *a,
                              const tr_array *like, int ndim);
/* The same of two dimensions. */
tr_status tr_nn_check_matrix(const tr_nn_call *call, const char *name, const tr_array *a,
                             const tr_array *like);
/* The same, or in the place of f32 bf16: an operand of which nn.h says so. products: of the operation, or
 * TR_NN_BF16 for one without any. */
tr_status tr_nn_check_half(const tr_nn_call *call, tr_nn_products products, const char *name,
                           const tr_array *a, const tr_array *like);
/* Operands that may be bf16, but only all of them; NULL is fine. */
tr_status tr_nn_check_same_type(const tr_nn_call *call, const char *name, const tr_array *a,
                                const tr_array *like);
/* Columns of a table for the rows of y; without a table they are fine. */
tr_status tr_nn_check_columns(const tr_nn_call *call, const char *name, const tr_nn_columns *columns,
                              const tr_array *y);
/* One i32 a row, or one for all; NULL is fine. */
tr_status tr_nn_check_labels(const tr_nn_call *call, const tr_array *labels, int64_t rows);
/* TR_E_ARG for an activation that there is not. */
tr_status tr_nn_check_activation(const tr_nn_call *call, tr_nn_activation activation);
/* The weight is there, set, and multiplies arrays like y. */
tr_status tr_nn_check_weight(const tr_nn_call *call, const tr_nn_weight *w, const tr_array *y);
/* TR_E_ARG for products that there are not, or not of arrays like y. */
tr_status tr_nn_check_products(const tr_nn_call *call, tr_nn_products products, const tr_array *y);
/* TR_E_SHAPE unless the extents fit. */
tr_status tr_nn_check_extents(const tr_nn_call *call, bool fit);

/* Rows of `few` serve those of `many` in turn. */
bool tr_nn_spreads(const tr_array *few, const tr_array *many);
/* Attention of so many samples and heads takes qkv to y. */
bool tr_nn_attention_fits(const tr_array *qkv, int64_t samples, int heads, const tr_array *y);
/* Statistics of an attention of qkv; NULL is fine. */
bool tr_nn_stats_fit(const tr_array *stats, const tr_array *qkv, int64_t samples, int heads);
/* Latents (N, C, H, W) against tokens of as many channels, and against tokens of as many or more. */
bool tr_nn_patches_fit(const tr_array *latents, int patch, const tr_array *tokens);
bool tr_nn_joined_fit(const tr_array *latents, int patch, const tr_array *tokens);

#endif
