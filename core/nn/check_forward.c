/* Operands of the operations of a forward, and of forward mode. */
#include "core/nn/check_private.h"
#include "core/nn/ops_private.h"

/* `before` and slope_at, and what goes with them. */
static tr_status check_training(const tr_nn_call *call, const tr_nn_linear_args *a) {
  const tr_array *y = a->y, *before = a->before, *slope_at = a->slope_at;
  if (before && (a->gate.table || a->residual))
    return TR_FAIL(call->ctx, TR_E_ARG, "%s with a gate or a residual keeps nothing before its activation",
                   call->what);
  if (slope_at && (a->bias || a->gate.table || a->residual || before))
    return TR_FAIL(call->ctx, TR_E_ARG, "%s with slope_at has a bias, gate, residual or before: give none",
                   call->what);
  TR_TRY(tr_nn_check_same_type(call, "before", before, y));
  TR_TRY(tr_nn_check_same_type(call, "slope_at", slope_at, y));
  return tr_nn_check_extents(
      call, (!before ||
             (tr_array_same_shape(before, y) && before->data != y->data && before->data != a->x->data)) &&
                (!slope_at || (tr_nn_spreads(slope_at, y) && slope_at->data != y->data)));
}

tr_status tr_nn_check_linear(const tr_nn_call *call, const tr_nn_linear_args *a) {
  const tr_array *x = a->x, *y = a->y, *bias = a->bias, *residual = a->residual;
  TR_TRY(tr_nn_check_weight(call, a->w, y));
  const tr_nn_weight_spec *w = &a->w->spec;
  if (w->taps) return TR_FAIL(call->ctx, TR_E_ARG, "w of %s is that of a convolution", call->what);
  const tr_array like = {.dtype = w->compute};
  TR_TRY(tr_nn_check_half(call, w->products, "y", y, &like));
  TR_TRY(tr_nn_check_half(call, w->products, "x", x, &like));
  TR_TRY(tr_nn_check_activation(call, a->activation));
  TR_TRY(tr_nn_check_operand(call, "bias", bias, &like, 1));
  TR_TRY(tr_nn_check_matrix(call, "residual", residual, &like));
  int64_t in = a->transposed ? w->out : w->in, out = a->transposed ? w->in : w->out;
  TR_TRY(tr_nn_check_extents(call, x->shape[0] == y->shape[0] && x->shape[1] == in && y->shape[1] == out &&
                                       x->data != y->data && (!bias || bias->count == out) &&
                                       (!residual || tr_nn_spreads(residual, y))));
  TR_TRY(tr_nn_check_columns(call, "gate", &a->gate, y));
  return check_training(call, a);
}

tr_status tr_nn_check_norm_modulate(const tr_nn_call *call, const tr_nn_norm_modulate_args *a) {
  TR_TRY(tr_nn_check_matrix(call, "x", a->x, a->x));
  TR_TRY(tr_nn_check_half(call, TR_NN_BF16, "y", a->y, a->x));
  TR_TRY(tr_nn_check_extents(call, tr_array_same_shape(a->x, a->y) && a->x->shape[1] > 0));
  TR_TRY(tr_nn_check_columns(call, "shift", &a->shift, a->y));
  return tr_nn_check_columns(call, "scale", &a->scale, a->y);
}

tr_status tr_nn_check_linear_norm(const tr_nn_call *call, const tr_nn_linear_norm_args *a) {
  const tr_array *x = a->linear.y, *normed = a->norm.x;
  TR_TRY(tr_nn_check_linear(call, &a->linear));
  TR_TRY(tr_nn_check_matrix(call, "linear.y", x, x));
  TR_TRY(tr_nn_check_norm_modulate(call, &a->norm));
  if (a->linear.before || a->linear.slope_at)
    return TR_FAIL(call->ctx, TR_E_ARG, "%s takes neither before nor slope_at", call->what);
  return tr_nn_check_extents(call, x->data == normed->data && x->dtype == normed->dtype &&
                                       tr_array_same_shape(x, normed) && a->norm.y->data != x->data);
}

tr_status tr_nn_check_attention(const tr_nn_call *call, const tr_nn_attention_args *a) {
  TR_TRY(tr_nn_check_half(call, a->products, "y", a->y, a->y));
  TR_TRY(tr_nn_check_same_type(call, "qkv", a->qkv, a->y));
  TR_TRY(tr_nn_check_matrix(call, "stats", a->stats, a->y));
  TR_TRY(tr_nn_check_products(call, a->products, a->y));
  return tr_nn_check_extents(call, tr_nn_attention_fits(a->qkv, a->samples, a->heads, a->y) &&
                                       tr_nn_stats_fit(a->stats, a->qkv, a->samples, a->heads));
}

tr_status tr_nn_check_embed_times(const tr_nn_call *call, const tr_nn_embed_times_args *a) {
  TR_TRY(tr_nn_check_matrix(call, "y", a->y, a->y));
  if (a->t->dtype != TR_F64) {
    char text[96];
    return TR_FAIL(call->ctx, TR_E_SHAPE, "t of %s is %s: times are always f64", call->what,
                   tr_array_describe(a->t, text, sizeof text));
  }
  return tr_nn_check_extents(call, a->t->ndim == 1 && (a->t->count == a->y->shape[0] || a->t->count == 1));
}

tr_status tr_nn_check_condition(const tr_nn_call *call, const tr_nn_condition_args *a) {
  const tr_array *e = a->e, *table = a->table, *y = a->y;
  TR_TRY(tr_nn_check_matrix(call, "y", y, y));
  TR_TRY(tr_nn_check_matrix(call, "e", e, y));
  TR_TRY(tr_nn_check_matrix(call, "table", table, y));
  TR_TRY(tr_nn_check_extents(call, e->shape[1] == y->shape[1] &&
                                       (e->shape[0] == y->shape[0] || e->shape[0] == 1) &&
                                       !table == !a->labels && (!table || table->shape[1] == y->shape[1])));
  return tr_nn_check_labels(call, a->labels, y->shape[0]);
}

tr_status tr_nn_check_patchify(const tr_nn_call *call, const tr_nn_patchify_args *a) {
  TR_TRY(tr_nn_check_operand(call, "latents", a->latents, a->tokens, 4));
  TR_TRY(tr_nn_check_matrix(call, "tokens", a->tokens, a->tokens));
  return tr_nn_check_extents(call, tr_nn_patches_fit(a->latents, a->patch, a->tokens));
}

tr_status tr_nn_check_unpatchify(const tr_nn_call *call, const tr_nn_unpatchify_args *a) {
  TR_TRY(tr_nn_check_operand(call, "latents", a->latents, a->tokens, 4));
  TR_TRY(tr_nn_check_matrix(call, "tokens", a->tokens, a->tokens));
  return tr_nn_check_extents(call, tr_nn_joined_fit(a->latents, a->patch, a->tokens));
}

tr_status tr_nn_check_norm_jvp(const tr_nn_call *call, const tr_nn_norm_jvp_args *a) {
  TR_TRY(tr_nn_check_matrix(call, "x", a->x, a->x));
  TR_TRY(tr_nn_check_half(call, TR_NN_BF16, "y", a->y, a->x));
  TR_TRY(tr_nn_check_matrix(call, "v", a->v, a->x));
  TR_TRY(tr_nn_check_extents(call, tr_array_same_shape(a->x, a->y) && tr_array_same_shape(a->v, a->y) &&
                                       a->x->data != a->y->data && a->x->shape[1] > 0));
  return tr_nn_check_columns(call, "scale", &a->scale, a->y);
}

tr_status tr_nn_check_attention_jvp(const tr_nn_call *call, const tr_nn_attention_jvp_args *a) {
  TR_TRY(tr_nn_check_half(call, a->products, "y", a->y, a->y));
  TR_TRY(tr_nn_check_same_type(call, "qkv", a->qkv, a->y));
  TR_TRY(tr_nn_check_same_type(call, "v", a->v, a->y));
  TR_TRY(tr_nn_check_same_type(call, "value", a->value, a->y));
  TR_TRY(tr_nn_check_products(call, a->products, a->y));
  return tr_nn_check_extents(
      call, tr_nn_attention_fits(a->qkv, a->samples, a->heads, a->y) && tr_array_same_shape(a->qkv, a->v) &&
                (!a->value || (tr_array_same_shape(a->value, a->y) && a->value->data != a->y->data)));
}
