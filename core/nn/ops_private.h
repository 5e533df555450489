/* The network operations of a backend: its table, and how it keeps a weight. */
#ifndef TR_CORE_NN_OPS_PRIVATE_H
#define TR_CORE_NN_OPS_PRIVATE_H

#include "core/backend.h"
#include "core/nn.h"

struct tr_nn_weight {
  tr_ctx *ctx;
  tr_nn_weight_spec spec;
  bool set;  /* values are there */
  void *own; /* the backend's */
};

typedef struct tr_nn_ops { /* when the table is there, every pointer not called OPTIONAL is REQUIRED */
  /* How many rows keep the device busy: callers cut larger batches to save memory. Fewer where the
   * caller keeps more of them than one layer hands to the next. */
  int64_t (*rows_at_once)(tr_ctx *ctx, bool kept);
  /* What a weight is made of, *own; the spec is sound and stays where it is as long as the weight is there.
   * `set` sees an array that has been checked. */
  tr_status (*weight_create)(tr_ctx *ctx, const tr_nn_weight_spec *spec, void **own);
  tr_status (*weight_set)(tr_ctx *ctx, void *own, const tr_array *values);
  void (*weight_destroy)(tr_ctx *ctx, void *own);
  tr_status (*linear)(tr_ctx *ctx, const tr_nn_linear_args *args);
  tr_status (*norm_modulate)(tr_ctx *ctx, const tr_nn_norm_args *args);
  tr_status (*attention)(tr_ctx *ctx, const tr_array *qkv, int64_t samples, int heads, tr_array *y);
  tr_status (*condition)(tr_ctx *ctx, const tr_array *e, const tr_array *table, const int32_t *labels,
                         tr_array *y);
  tr_status (*patchify)(tr_ctx *ctx, const tr_array *x, int patch, tr_array *y);
  tr_status (*unpatchify)(tr_ctx *ctx, const tr_array *y, int patch, tr_array *x);
  /* The backward of the above, OPTIONAL. */
  tr_status (*gate)(tr_ctx *ctx, const tr_array *x, const tr_nn_columns *gate, tr_array *y);
  tr_status (*activate)(tr_ctx *ctx, tr_nn_activation activation, const tr_array *v, tr_array *y);
  tr_status (*activation_backward)(tr_ctx *ctx, tr_nn_activation activation, const tr_array *v,
                                   const tr_array *dy, tr_array *dv);
  tr_status (*norm_backward)(tr_ctx *ctx, const tr_nn_norm_backward_args *args);
  tr_status (*attention_backward)(tr_ctx *ctx, const tr_array *qkv, int64_t samples, int heads,
                                  const tr_array *dy, tr_array *dqkv);
  tr_status (*patchify_adjoint)(tr_ctx *ctx, const tr_array *dy, int patch, tr_array *dx);
  tr_status (*unpatchify_adjoint)(tr_ctx *ctx, const tr_array *dx, int patch, tr_array *dy);
  /* Gradients of parameters, OPTIONAL. */
  tr_status (*gradient_of_linear)(tr_ctx *ctx, const tr_array *x, const tr_array *dy, tr_array *dw,
                                  tr_array *db);
  tr_status (*gradient_of_gate)(tr_ctx *ctx, const tr_array *x, const tr_array *dy, tr_array *dgate,
                                int64_t offset);
  tr_status (*gradient_of_norm)(tr_ctx *ctx, const tr_nn_gradient_of_norm_args *args);
  tr_status (*gradient_of_condition)(tr_ctx *ctx, const tr_array *e, const tr_array *table,
                                     const int32_t *labels, const tr_array *dy, tr_array *de,
                                     tr_array *dtable);
  /* Forward mode, OPTIONAL. */
  tr_status (*norm_jvp)(tr_ctx *ctx, const tr_nn_norm_jvp_args *args);
  tr_status (*attention_jvp)(tr_ctx *ctx, const tr_array *qkv, const tr_array *v, int64_t samples, int heads,
                             tr_array *y);
} tr_nn_ops;

#endif
