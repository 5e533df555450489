/* Operands of the operations of a backward, and of gradients of parameters. */
#include "core/nn/check_private.h"

tr_status tr_nn_check_gate(const tr_nn_call *call, const tr_nn_gate_args *a) {
  TR_TRY(tr_nn_check_half(call, TR_NN_BF16, "y", a->y, a->y));
  TR_TRY(tr_nn_check_half(call, TR_NN_BF16, "x", a->x, a->y));
  TR_TRY(tr_nn_check_matrix(call, "residual", a->residual, a->y));
  TR_TRY(tr_nn_check_extents(call, tr_array_same_shape(a->x, a->y) &&
                                       (!a->residual || tr_array_same_shape(a->residual, a->y))));
  return tr_nn_check_columns(call, "gate", &a->gate, a->y);
}

tr_status tr_nn_check_activate(const tr_nn_call *call, const tr_nn_activate_args *a) {
  TR_TRY(tr_nn_check_activation(call, a->activation));
  TR_TRY(tr_nn_check_half(call, TR_NN_BF16, "y", a->y, a->y));
  TR_TRY(tr_nn_check_half(call, TR_NN_BF16, "v", a->v, a->y));
  return tr_nn_check_extents(call, tr_array_same_shape(a->v, a->y));
}

tr_status tr_nn_check_activation_backward(const tr_nn_call *call, const tr_nn_activation_backward_args *a) {
  TR_TRY(tr_nn_check_activation(call, a->activation));
  TR_TRY(tr_nn_check_half(call, TR_NN_BF16, "dv", a->dv, a->dv));
  TR_TRY(tr_nn_check_half(call, TR_NN_BF16, "v", a->v, a->dv));
  TR_TRY(tr_nn_check_half(call, TR_NN_BF16, "dy", a->dy, a->dv));
  return tr_nn_check_extents(call, tr_nn_spreads(a->v, a->dv) && tr_array_same_shape(a->dy, a->dv));
}

tr_status tr_nn_check_norm_backward(const tr_nn_call *call, const tr_nn_norm_backward_args *a) {
  const tr_array *x = a->x, *dx = a->dx, *residual = a->residual;
  TR_TRY(tr_nn_check_matrix(call, "dx", dx, dx));
  TR_TRY(tr_nn_check_matrix(call, "x", x, dx));
  TR_TRY(tr_nn_check_matrix(call, "dy", a->dy, dx));
  TR_TRY(tr_nn_check_matrix(call, "residual", residual, dx));
  TR_TRY(tr_nn_check_extents(call, tr_nn_spreads(x, dx) && tr_array_same_shape(a->dy, dx) &&
                                       x->data != dx->data && x->shape[1] > 0 &&
                                       (!residual || tr_array_same_shape(residual, dx))));
  return tr_nn_check_columns(call, "scale", &a->scale, x);
}

tr_status tr_nn_check_attention_backward(const tr_nn_call *call, const tr_nn_attention_backward_args *a) {
  const tr_array *qkv = a->qkv, *dqkv = a->dqkv;
  TR_TRY(tr_nn_check_half(call, a->products, "dqkv", dqkv, dqkv));
  TR_TRY(tr_nn_check_same_type(call, "qkv", qkv, dqkv));
  TR_TRY(tr_nn_check_same_type(call, "dy", a->dy, dqkv));
  TR_TRY(tr_nn_check_same_type(call, "y", a->y, dqkv));
  TR_TRY(tr_nn_check_matrix(call, "stats", a->stats, dqkv));
  TR_TRY(tr_nn_check_products(call, a->products, dqkv));
  bool fit = tr_nn_spreads(qkv, dqkv) && qkv->data != dqkv->data && !a->y == !a->stats &&
             tr_nn_attention_fits(dqkv, a->samples * (dqkv->shape[0] / qkv->shape[0]), a->heads, a->dy);
  if (fit && a->y)
    fit = tr_nn_attention_fits(qkv, a->samples, a->heads, a->y) &&
          tr_nn_stats_fit(a->stats, qkv, a->samples, a->heads);
  return tr_nn_check_extents(call, fit);
}

tr_status tr_nn_check_patchify_adjoint(const tr_nn_call *call, const tr_nn_patchify_adjoint_args *a) {
  TR_TRY(tr_nn_check_operand(call, "latents", a->latents, a->tokens, 4));
  TR_TRY(tr_nn_check_matrix(call, "tokens", a->tokens, a->tokens));
  return tr_nn_check_extents(call, tr_nn_patches_fit(a->latents, a->patch, a->tokens));
}

tr_status tr_nn_check_unpatchify_adjoint(const tr_nn_call *call, const tr_nn_unpatchify_adjoint_args *a) {
  TR_TRY(tr_nn_check_operand(call, "latents", a->latents, a->tokens, 4));
  TR_TRY(tr_nn_check_matrix(call, "tokens", a->tokens, a->tokens));
  return tr_nn_check_extents(call, tr_nn_joined_fit(a->latents, a->patch, a->tokens));
}

tr_status tr_nn_check_gradient_of_linear(const tr_nn_call *call, const tr_nn_gradient_of_linear_args *a) {
  const tr_array *x = a->x, *dy = a->dy, *dw = a->dw, *db = a->db;
  TR_TRY(tr_nn_check_matrix(call, "dw", dw, dw));
  TR_TRY(tr_nn_check_half(call, a->products, "x", x, dw));
  TR_TRY(tr_nn_check_half(call, a->products, "dy", dy, dw));
  TR_TRY(tr_nn_check_operand(call, "db", db, dw, 1));
  TR_TRY(tr_nn_check_products(call, a->products, dw));
  return tr_nn_check_extents(call, x->shape[0] == dy->shape[0] && dw->shape[0] == dy->shape[1] &&
                                       dw->shape[1] == x->shape[1] && (!db || db->count == dw->shape[0]));
}

tr_status tr_nn_check_gradient_of_gate(const tr_nn_call *call, const tr_nn_gradient_of_gate_args *a) {
  TR_TRY(tr_nn_check_matrix(call, "x", a->x, a->dgate));
  TR_TRY(tr_nn_check_matrix(call, "dy", a->dy, a->dgate));
  TR_TRY(tr_nn_check_extents(call, tr_array_same_shape(a->x, a->dy)));
  return tr_nn_check_columns(call, "dgate", &(tr_nn_columns){a->dgate, a->offset}, a->x);
}

tr_status tr_nn_check_gradient_of_norm(const tr_nn_call *call, const tr_nn_gradient_of_norm_args *a) {
  TR_TRY(tr_nn_check_extents(call, a->shift >= 0 && a->scale >= 0));
  int64_t apart = a->shift > a->scale ? a->shift - a->scale : a->scale - a->shift;
  TR_TRY(tr_nn_check_matrix(call, "x", a->x, a->table));
  TR_TRY(tr_nn_check_matrix(call, "dy", a->dy, a->table));
  TR_TRY(tr_nn_check_extents(call, tr_array_same_shape(a->x, a->dy) && a->x->shape[1] > 0 &&
                                       apart >= a->x->shape[1]));
  TR_TRY(tr_nn_check_columns(call, "table", &(tr_nn_columns){a->table, a->shift}, a->x));
  return tr_nn_check_columns(call, "table", &(tr_nn_columns){a->table, a->scale}, a->x);
}

tr_status tr_nn_check_gradient_of_condition(const tr_nn_call *call,
                                            const tr_nn_gradient_of_condition_args *a) {
  const tr_array *e = a->e, *de = a->de, *dy = a->dy, *table = a->table, *dtable = a->dtable;
  TR_TRY(tr_nn_check_matrix(call, "de", de, de));
  TR_TRY(tr_nn_check_matrix(call, "e", e, de));
  TR_TRY(tr_nn_check_matrix(call, "dy", dy, de));
  TR_TRY(tr_nn_check_matrix(call, "table", table, de));
  TR_TRY(tr_nn_check_matrix(call, "dtable", dtable, de));
  TR_TRY(tr_nn_check_extents(
      call, tr_array_same_shape(e, de) && tr_array_same_shape(dy, de) && de->data != e->data &&
                de->data != dy->data && !table == !a->labels && !table == !dtable &&
                (!table || (tr_array_same_shape(table, dtable) && table->shape[1] == de->shape[1]))));
  return tr_nn_check_labels(call, a->labels, de->shape[0]);
}
