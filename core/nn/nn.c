#include "core/context_private.h"
#include "core/nn/ops_private.h"

static tr_status lacking(tr_ctx *ctx, const char *what) {
  return TR_FAIL(ctx, TR_E_UNSUPPORTED, "the backend '%s' has no %s: use cpu", tr_ctx_backend(ctx)->name,
                 what);
}

static tr_status table_of(tr_ctx *ctx, const char *what, const tr_nn_ops **nn) {
  *nn = tr_ctx_backend(ctx)->nn;
  return *nn ? TR_OK : lacking(ctx, what);
}

/* The context of an operation that is about to be handed to the backend: every call of a member of the table
 * that works on the device takes its context through here, so that tr_ctx_counts sees it once. */
static tr_ctx *counted(tr_ctx *ctx) {
  tr_ctx_count(ctx, TR_COUNT_OPERATION, 0);
  return ctx;
}

/* The same for an operation that a backend may lack. */
#define OPTIONAL_OP(ctx, nn, member, what)                                                                   \
  TR_TRY(table_of((ctx), (what), &(nn)));                                                                    \
  if (!(nn)->member) return lacking((ctx), (what))

/* An operand: on the same context and of the same element type as `like`, with ndim dimensions. */
static tr_status check_operand(const tr_array *a, const tr_array *like, int ndim, const char *what) {
  if (a && a->ctx == like->ctx && a->dtype == like->dtype && a->ndim == ndim &&
      (a->dtype == TR_F32 || a->dtype == TR_F64))
    return TR_OK;
  char text[96] = "nothing";
  if (a) tr_array_describe(a, text, sizeof text);
  return TR_FAIL(like->ctx, TR_E_SHAPE, "%s is %s: %d dimensions of %s on the same context were expected",
                 what, text, ndim, tr_dtype_name(like->dtype));
}

static tr_status check_extents(tr_ctx *ctx, bool fits, const char *what) {
  return fits ? TR_OK
              : TR_FAIL(ctx, TR_E_SHAPE, "the extents of the operands of %s do not fit together", what);
}

static tr_status check_columns(const tr_nn_columns *columns, const tr_array *y, const char *what) {
  if (!columns->table) return TR_OK;
  const tr_array *table = columns->table;
  TR_TRY(check_operand(table, y, 2, what));
  bool fits = table->shape[0] > 0 && y->shape[0] % table->shape[0] == 0 && columns->offset >= 0 &&
              columns->offset + y->shape[1] <= table->shape[1];
  return check_extents(y->ctx, fits, what);
}

int64_t tr_nn_rows_at_once(tr_ctx *ctx, bool kept) {
  const tr_nn_ops *nn = tr_ctx_backend(ctx)->nn;
  return nn ? nn->rows_at_once(ctx, kept) : 1;
}

/* The weight is there, set, and multiplies arrays like y. */
static tr_status check_weight(const tr_nn_weight *w, const tr_array *y) {
  if (!w || !w->set)
    return TR_FAIL(y->ctx, TR_E_ARG, "a linear layer %s",
                   w ? "whose weight was never set" : "without a weight");
  if (w->ctx == y->ctx && w->spec.compute == y->dtype) return TR_OK;
  return TR_FAIL(y->ctx, TR_E_SHAPE, "a weight computes in %s and the result of a linear layer is %s%s",
                 tr_dtype_name(w->spec.compute), tr_dtype_name(y->dtype),
                 w->ctx == y->ctx ? "" : " on another context");
}

tr_status tr_nn_linear(const tr_nn_linear_args *args) {
  const tr_array *x = args->x, *y = args->y, *bias = args->bias, *residual = args->residual;
  const tr_nn_ops *nn;
  TR_TRY(table_of(y->ctx, "linear layer", &nn));
  TR_TRY(check_operand(y, y, 2, "the result of a linear layer"));
  TR_TRY(check_operand(x, y, 2, "the input of a linear layer"));
  TR_TRY(check_weight(args->w, y));
  if (bias) TR_TRY(check_operand(bias, y, 1, "a bias"));
  if (residual) TR_TRY(check_operand(residual, y, 2, "a residual"));
  const tr_nn_weight_spec *w = &args->w->spec;
  int64_t in = args->transposed ? w->out : w->in, out = args->transposed ? w->in : w->out;
  bool fits = x->shape[0] == y->shape[0] && x->shape[1] == in && y->shape[1] == out && x->data != y->data &&
              (!bias || bias->count == out) &&
              (!residual || (residual->shape[1] == out && residual->shape[0] > 0 &&
                             y->shape[0] % residual->shape[0] == 0));
  TR_TRY(check_extents(y->ctx, fits, "a linear layer"));
  TR_TRY(check_columns(&args->gate, y, "a gate"));
  return nn->linear(counted(y->ctx), args);
}

tr_status tr_nn_norm_modulate(const tr_nn_norm_args *args) {
  const tr_array *x = args->x, *y = args->y;
  const tr_nn_ops *nn;
  TR_TRY(table_of(y->ctx, "layer norm", &nn));
  TR_TRY(check_operand(y, y, 2, "the result of a layer norm"));
  TR_TRY(check_operand(x, y, 2, "the input of a layer norm"));
  bool fits = tr_array_same_shape(x, y) && x->shape[1] > 0 && args->shift.table && args->scale.table;
  TR_TRY(check_extents(y->ctx, fits, "a layer norm"));
  TR_TRY(check_columns(&args->shift, y, "a shift"));
  TR_TRY(check_columns(&args->scale, y, "a scale"));
  return nn->norm_modulate(counted(y->ctx), args);
}

static bool attention_fits(const tr_array *qkv, int64_t samples, int heads, const tr_array *y) {
  return samples > 0 && heads > 0 && qkv->shape[0] == y->shape[0] && y->shape[0] % samples == 0 &&
         qkv->shape[1] == 3 * y->shape[1] && y->shape[1] % heads == 0;
}

tr_status tr_nn_attention(const tr_array *qkv, int64_t samples, int heads, tr_array *y) {
  const tr_nn_ops *nn;
  TR_TRY(table_of(y->ctx, "attention", &nn));
  TR_TRY(check_operand(y, y, 2, "the result of attention"));
  TR_TRY(check_operand(qkv, y, 2, "the input of attention"));
  TR_TRY(check_extents(y->ctx, attention_fits(qkv, samples, heads, y), "attention"));
  return nn->attention(counted(y->ctx), qkv, samples, heads, y);
}

static tr_status check_labels(const tr_array *table, const int32_t *labels, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (labels[i] < 0 || labels[i] >= table->shape[0])
      return TR_FAIL(table->ctx, TR_E_ARG, "class label %d is not one of 0 to %lld", (int)labels[i],
                     (long long)table->shape[0] - 1);
  return TR_OK;
}

tr_status tr_nn_condition(const tr_array *e, const tr_array *table, const int32_t *labels, tr_array *y) {
  const tr_nn_ops *nn;
  TR_TRY(table_of(y->ctx, "conditioning", &nn));
  TR_TRY(check_operand(y, y, 2, "the result of conditioning"));
  TR_TRY(check_operand(e, y, 2, "a time embedding"));
  if (table) TR_TRY(check_operand(table, y, 2, "a label table"));
  bool fits = e->shape[1] == y->shape[1] && (e->shape[0] == y->shape[0] || e->shape[0] == 1) &&
              (table != NULL) == (labels != NULL) && (!table || table->shape[1] == y->shape[1]);
  TR_TRY(check_extents(y->ctx, fits, "conditioning"));
  if (table) TR_TRY(check_labels(table, labels, y->shape[0]));
  return nn->condition(counted(y->ctx), e, table, labels, y);
}

/* Latents (N, C, H, W) against tokens of `per_pixel` values a pixel. */
static bool patches_fit(const tr_array *latents, int patch, const tr_array *tokens, int64_t per_pixel) {
  int64_t p = patch, h = latents->shape[2], w = latents->shape[3];
  return p > 0 && h % p == 0 && w % p == 0 && tokens->shape[0] == latents->shape[0] * (h / p) * (w / p) &&
         tokens->shape[1] == per_pixel * p * p;
}

tr_status tr_nn_patchify(const tr_array *x, int patch, tr_array *y) {
  const tr_nn_ops *nn;
  TR_TRY(table_of(y->ctx, "patches", &nn));
  TR_TRY(check_operand(x, y, 4, "the latents"));
  TR_TRY(check_operand(y, y, 2, "the patches"));
  TR_TRY(check_extents(y->ctx, patches_fit(x, patch, y, x->shape[1]), "cutting into patches"));
  return nn->patchify(counted(y->ctx), x, patch, y);
}

/* Tokens of as many channels as the latents or more. */
static bool joined_fit(const tr_array *tokens, int patch, const tr_array *latents) {
  int64_t channels = patch > 0 ? tokens->shape[1] / patch / patch : 0;
  return patches_fit(latents, patch, tokens, channels) && channels >= latents->shape[1];
}

tr_status tr_nn_unpatchify(const tr_array *y, int patch, tr_array *x) {
  const tr_nn_ops *nn;
  TR_TRY(table_of(y->ctx, "patches", &nn));
  TR_TRY(check_operand(x, y, 4, "the latents"));
  TR_TRY(check_operand(y, y, 2, "the patches"));
  TR_TRY(check_extents(y->ctx, joined_fit(y, patch, x), "joining patches"));
  return nn->unpatchify(counted(y->ctx), y, patch, x);
}

tr_status tr_nn_gate(const tr_array *x, tr_nn_columns gate, tr_array *y) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(y->ctx, nn, gate, "gate");
  TR_TRY(check_operand(y, y, 2, "the result of a gate"));
  TR_TRY(check_operand(x, y, 2, "the input of a gate"));
  TR_TRY(check_extents(y->ctx, tr_array_same_shape(x, y) && gate.table, "a gate"));
  TR_TRY(check_columns(&gate, y, "a gate"));
  return nn->gate(counted(y->ctx), x, &gate, y);
}

tr_status tr_nn_activate(tr_nn_activation activation, const tr_array *v, tr_array *y) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(y->ctx, nn, activate, "activation of its own");
  TR_TRY(check_operand(y, y, 2, "the result of an activation"));
  TR_TRY(check_operand(v, y, 2, "the input of an activation"));
  TR_TRY(check_extents(y->ctx, tr_array_same_shape(v, y), "an activation"));
  return nn->activate(counted(y->ctx), activation, v, y);
}

/* Rows of `few` serve those of `many` in turn. */
static bool spreads(const tr_array *few, const tr_array *many) {
  return few->shape[1] == many->shape[1] && few->shape[0] > 0 && many->shape[0] % few->shape[0] == 0;
}

tr_status tr_nn_activation_backward(tr_nn_activation activation, const tr_array *v, const tr_array *dy,
                                    tr_array *dv) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(dv->ctx, nn, activation_backward, "backward of an activation");
  TR_TRY(check_operand(dv, dv, 2, "the input gradient of an activation"));
  TR_TRY(check_operand(v, dv, 2, "the input of an activation"));
  TR_TRY(check_operand(dy, dv, 2, "the gradient behind an activation"));
  bool fits = spreads(v, dv) && tr_array_same_shape(dy, dv);
  TR_TRY(check_extents(dv->ctx, fits, "the backward of an activation"));
  return nn->activation_backward(counted(dv->ctx), activation, v, dy, dv);
}

tr_status tr_nn_norm_backward(const tr_nn_norm_backward_args *args) {
  const tr_array *x = args->x, *dy = args->dy, *residual = args->residual, *dx = args->dx;
  const tr_nn_ops *nn;
  OPTIONAL_OP(dx->ctx, nn, norm_backward, "backward of a layer norm");
  TR_TRY(check_operand(dx, dx, 2, "the input gradient of a layer norm"));
  TR_TRY(check_operand(x, dx, 2, "the input of a layer norm"));
  TR_TRY(check_operand(dy, dx, 2, "the gradient behind a layer norm"));
  if (residual) TR_TRY(check_operand(residual, dx, 2, "a residual"));
  bool fits = spreads(x, dx) && tr_array_same_shape(dy, dx) && x->data != dx->data &&
              (!residual || tr_array_same_shape(residual, dx)) && x->shape[1] > 0 && args->scale.table;
  TR_TRY(check_extents(dx->ctx, fits, "the backward of a layer norm"));
  TR_TRY(check_columns(&args->scale, x, "a scale"));
  return nn->norm_backward(counted(dx->ctx), args);
}

tr_status tr_nn_attention_backward(const tr_array *qkv, int64_t samples, int heads, const tr_array *dy,
                                   tr_array *dqkv) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(dqkv->ctx, nn, attention_backward, "backward of attention");
  TR_TRY(check_operand(dqkv, dqkv, 2, "the input gradient of attention"));
  TR_TRY(check_operand(qkv, dqkv, 2, "the input of attention"));
  TR_TRY(check_operand(dy, dqkv, 2, "the gradient behind attention"));
  bool fits = spreads(qkv, dqkv) && qkv->data != dqkv->data &&
              attention_fits(dqkv, samples * (dqkv->shape[0] / qkv->shape[0]), heads, dy);
  TR_TRY(check_extents(dqkv->ctx, fits, "the backward of attention"));
  return nn->attention_backward(counted(dqkv->ctx), qkv, samples, heads, dy, dqkv);
}

tr_status tr_nn_patchify_adjoint(const tr_array *dy, int patch, tr_array *dx) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(dx->ctx, nn, patchify_adjoint, "adjoint of patches");
  TR_TRY(check_operand(dx, dy, 4, "the gradient of the latents"));
  TR_TRY(check_operand(dy, dy, 2, "the gradient of the patches"));
  TR_TRY(check_extents(dx->ctx, patches_fit(dx, patch, dy, dx->shape[1]),
                       "the adjoint of cutting into patches"));
  return nn->patchify_adjoint(counted(dx->ctx), dy, patch, dx);
}

tr_status tr_nn_unpatchify_adjoint(const tr_array *dx, int patch, tr_array *dy) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(dy->ctx, nn, unpatchify_adjoint, "adjoint of patches");
  TR_TRY(check_operand(dx, dy, 4, "the gradient of the latents"));
  TR_TRY(check_operand(dy, dy, 2, "the gradient of the patches"));
  TR_TRY(check_extents(dy->ctx, joined_fit(dy, patch, dx), "the adjoint of joining patches"));
  return nn->unpatchify_adjoint(counted(dy->ctx), dx, patch, dy);
}

tr_status tr_nn_gradient_of_linear(const tr_array *x, const tr_array *dy, tr_array *dw, tr_array *db) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(dw->ctx, nn, gradient_of_linear, "parameter gradients");
  TR_TRY(check_operand(dw, dw, 2, "the weight gradient of a linear layer"));
  TR_TRY(check_operand(x, dw, 2, "the input of a linear layer"));
  TR_TRY(check_operand(dy, dw, 2, "the gradient behind a linear layer"));
  if (db) TR_TRY(check_operand(db, dw, 1, "the bias gradient of a linear layer"));
  bool fits = x->shape[0] == dy->shape[0] && dw->shape[0] == dy->shape[1] && dw->shape[1] == x->shape[1] &&
              (!db || db->count == dw->shape[0]);
  TR_TRY(check_extents(dw->ctx, fits, "the gradient of a linear layer"));
  return nn->gradient_of_linear(counted(dw->ctx), x, dy, dw, db);
}

tr_status tr_nn_gradient_of_gate(const tr_array *x, const tr_array *dy, tr_array *dgate, int64_t offset) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(dgate->ctx, nn, gradient_of_gate, "parameter gradients");
  TR_TRY(check_operand(x, dgate, 2, "the input of a gate"));
  TR_TRY(check_operand(dy, dgate, 2, "the gradient behind a gate"));
  TR_TRY(check_extents(dgate->ctx, tr_array_same_shape(x, dy), "the gradient of a gate"));
  TR_TRY(check_columns(&(tr_nn_columns){dgate, offset}, x, "the gradient of a gate"));
  return nn->gradient_of_gate(counted(dgate->ctx), x, dy, dgate, offset);
}

tr_status tr_nn_gradient_of_norm(const tr_nn_gradient_of_norm_args *args) {
  const tr_array *x = args->x, *table = args->table;
  int64_t apart = args->shift > args->scale ? args->shift - args->scale : args->scale - args->shift;
  const tr_nn_ops *nn;
  OPTIONAL_OP(table->ctx, nn, gradient_of_norm, "parameter gradients");
  TR_TRY(check_operand(x, table, 2, "the input of a layer norm"));
  TR_TRY(check_operand(args->dy, table, 2, "the gradient behind a layer norm"));
  bool fits = tr_array_same_shape(x, args->dy) && x->shape[1] > 0 && apart >= x->shape[1];
  TR_TRY(check_extents(table->ctx, fits, "the gradient of a layer norm"));
  TR_TRY(check_columns(&(tr_nn_columns){table, args->shift}, x, "the gradient of a shift"));
  TR_TRY(check_columns(&(tr_nn_columns){table, args->scale}, x, "the gradient of a scale"));
  return nn->gradient_of_norm(counted(table->ctx), args);
}

tr_status tr_nn_gradient_of_condition(const tr_array *e, const tr_array *table, const int32_t *labels,
                                      const tr_array *dy, tr_array *de, tr_array *dtable) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(de->ctx, nn, gradient_of_condition, "parameter gradients");
  TR_TRY(check_operand(de, de, 2, "the input gradient of conditioning"));
  TR_TRY(check_operand(e, de, 2, "a time embedding"));
  TR_TRY(check_operand(dy, de, 2, "the gradient behind conditioning"));
  if (table) TR_TRY(check_operand(table, de, 2, "a label table"));
  if (dtable) TR_TRY(check_operand(dtable, de, 2, "the gradient of a label table"));
  bool fits = tr_array_same_shape(e, de) && tr_array_same_shape(dy, de) && de->data != e->data &&
              de->data != dy->data && !table == !labels && !table == !dtable &&
              (!table || (tr_array_same_shape(table, dtable) && table->shape[1] == de->shape[1]));
  TR_TRY(check_extents(de->ctx, fits, "the gradient of conditioning"));
  if (table) TR_TRY(check_labels(table, labels, de->shape[0]));
  return nn->gradient_of_condition(counted(de->ctx), e, table, labels, dy, de, dtable);
}

tr_status tr_nn_norm_jvp(const tr_nn_norm_jvp_args *args) {
  const tr_array *x = args->x, *v = args->v, *y = args->y;
  const tr_nn_ops *nn;
  OPTIONAL_OP(y->ctx, nn, norm_jvp, "tangent of a layer norm");
  TR_TRY(check_operand(y, y, 2, "the tangent behind a layer norm"));
  TR_TRY(check_operand(x, y, 2, "the input of a layer norm"));
  TR_TRY(check_operand(v, y, 2, "the tangent before a layer norm"));
  bool fits = tr_array_same_shape(x, y) && tr_array_same_shape(v, y) && x->data != y->data &&
              x->shape[1] > 0 && args->scale.table;
  TR_TRY(check_extents(y->ctx, fits, "the tangent of a layer norm"));
  TR_TRY(check_columns(&args->scale, y, "a scale"));
  return nn->norm_jvp(counted(y->ctx), args);
}

tr_status tr_nn_attention_jvp(const tr_array *qkv, const tr_array *v, int64_t samples, int heads,
                              tr_array *y) {
  const tr_nn_ops *nn;
  OPTIONAL_OP(y->ctx, nn, attention_jvp, "tangent of attention");
  TR_TRY(check_operand(y, y, 2, "the tangent behind attention"));
  TR_TRY(check_operand(qkv, y, 2, "the input of attention"));
  TR_TRY(check_operand(v, y, 2, "the tangent before attention"));
  bool fits = attention_fits(qkv, samples, heads, y) && tr_array_same_shape(qkv, v);
  TR_TRY(check_extents(y->ctx, fits, "the tangent of attention"));
  return nn->attention_jvp(counted(y->ctx), qkv, v, samples, heads, y);
}
