/* The network operations of a backend: its table, and how a weight of it is kept. For writers of backends. */
#ifndef TR_CORE_NN_OPS_PRIVATE_H
#define TR_CORE_NN_OPS_PRIVATE_H

#include "core/backend.h"
#include "core/nn/nn.h"

struct tr_nn_weight {
  tr_ctx *ctx;
  tr_nn_weight_spec spec;
  bool set;  /* values are there */
  void *own; /* the backend's */
};

/* Operands have been checked when they come here. Which of the operations are REQUIRED stands in ops.def;
 * those that are OPTIONAL may be NULL. */
typedef struct tr_nn_ops {
  int64_t (*rows_at_once)(tr_ctx *ctx, bool kept, int64_t bytes); /* REQUIRED: see tr_nn_rows_at_once */
  /* What a weight is made of, *own. The spec is sound, and stays where it is as long as the weight is there.
   * REQUIRED */
  tr_status (*weight_create)(tr_ctx *ctx, const tr_nn_weight_spec *spec, void **own);
  tr_status (*weight_set)(tr_ctx *ctx, void *own, const tr_array *values); /* REQUIRED */
  void (*weight_destroy)(tr_ctx *ctx, void *own);                          /* REQUIRED */
#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  tr_status (*op)(tr_ctx * ctx, const tr_nn_##op##_args *args);
#include "core/nn/ops.def"
#undef TR_NN_OP
} tr_nn_ops;

/* An operand list of ops.def, without its parentheses. */
#define TR_NN_OPERANDS(...) __VA_ARGS__

#endif
