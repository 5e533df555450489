/* What the checks of the network operations have in common. */
#include "core/nn/check_private.h"
#include "core/nn/ops_private.h"

#include "core/backend.h"
#include "core/context_private.h"
#include "core/require_private.h"

static bool promised(tr_ctx *ctx, unsigned promise) {
  return (tr_ctx_backend(ctx)->promises & promise) == promise;
}

tr_status tr_nn_products_check(tr_ctx *ctx, tr_dtype dtype, tr_nn_products products) {
  TR_REQUIRE(ctx, ctx);
  if ((unsigned)products > TR_NN_TF32)
    return TR_FAIL(ctx, TR_E_ARG, "there are no products %d", (int)products);
  if (dtype != TR_F32 && dtype != TR_F64)
    return TR_FAIL(ctx, TR_E_ARG, "products of arrays of %s: use f32 or f64", tr_dtype_name(dtype));
  if (products == TR_NN_FULL) return TR_OK;
  if (dtype != TR_F32)
    return TR_FAIL(ctx, TR_E_ARG, "products in %s of arrays of %s: these are for f32",
                   products == TR_NN_BF16 ? "bf16" : "TF32", tr_dtype_name(dtype));
  if (products != TR_NN_TF32 || promised(ctx, TR_BACKEND_TF32)) return TR_OK;
  return TR_FAIL(ctx, TR_E_UNSUPPORTED, "the backend '%s' has no products in TF32: use f32 or bf16",
                 tr_ctx_backend(ctx)->name);
}

static bool takes_halves(tr_ctx *ctx, tr_nn_products products) {
  return products == TR_NN_BF16 && promised(ctx, TR_BACKEND_BF16_ARRAYS);
}

tr_dtype tr_nn_product_dtype(tr_ctx *ctx, tr_dtype dtype, tr_nn_products products) {
  return ctx && dtype == TR_F32 && takes_halves(ctx, products) ? TR_BF16 : dtype;
}

static tr_status unexpected(const tr_nn_call *call, const char *name, const tr_array *a, int ndim,
                            const char *type) {
  char text[96];
  return TR_FAIL(call->ctx, TR_E_SHAPE, "%s of %s is %s: %d dimension%s of %s were expected", name,
                 call->what, tr_array_describe(a, text, sizeof text), ndim, ndim == 1 ? "" : "s", type);
}

/* That of a call with such an operand. */
static tr_dtype wide(const tr_array *like) {
  return like->dtype == TR_BF16 ? TR_F32 : like->dtype;
}

tr_status tr_nn_check_operand(const tr_nn_call *call, const char *name, const tr_array *a,
                              const tr_array *like, int ndim) {
  tr_dtype type = wide(like);
  bool real = type == TR_F32 || type == TR_F64;
  if (!a || (real && a->dtype == type && a->ndim == ndim)) return TR_OK;
  return unexpected(call, name, a, ndim, real ? tr_dtype_name(type) : "f32 or f64");
}

tr_status tr_nn_check_half(const tr_nn_call *call, tr_nn_products products, const char *name,
                           const tr_array *a, const tr_array *like) {
  if (!a || wide(like) != TR_F32 || !takes_halves(call->ctx, products))
    return tr_nn_check_matrix(call, name, a, like);
  if (a->ndim == 2 && (a->dtype == TR_F32 || a->dtype == TR_BF16)) return TR_OK;
  return unexpected(call, name, a, 2, "f32 or bf16");
}

tr_status tr_nn_check_same_type(const tr_nn_call *call, const char *name, const tr_array *a,
                                const tr_array *like) {
  if (!a || (a->dtype == like->dtype && a->ndim == 2)) return TR_OK;
  return unexpected(call, name, a, 2, tr_dtype_name(like->dtype));
}

tr_status tr_nn_check_matrix(const tr_nn_call *call, const char *name, const tr_array *a,
                             const tr_array *like) {
  return tr_nn_check_operand(call, name, a, like, 2);
}

tr_status tr_nn_check_activation(const tr_nn_call *call, tr_nn_activation activation) {
  if ((unsigned)activation <= TR_NN_RELU) return TR_OK;
  return TR_FAIL(call->ctx, TR_E_ARG, "%s with the activation %d, which there is not", call->what,
                 (int)activation);
}

tr_status tr_nn_check_products(const tr_nn_call *call, tr_nn_products products, const tr_array *y) {
  return tr_nn_products_check(call->ctx, wide(y), products);
}

tr_status tr_nn_check_extents(const tr_nn_call *call, bool fit) {
  return fit ? TR_OK
             : TR_FAIL(call->ctx, TR_E_SHAPE, "the extents of the operands of %s do not fit together",
                       call->what);
}

tr_status tr_nn_check_columns(const tr_nn_call *call, const char *name, const tr_nn_columns *columns,
                              const tr_array *y) {
  const tr_array *table = columns->table;
  if (!table) return TR_OK;
  TR_TRY(tr_nn_check_matrix(call, name, table, y));
  return tr_nn_check_extents(call, table->shape[0] > 0 && y->shape[0] % table->shape[0] == 0 &&
                                       columns->offset >= 0 &&
                                       columns->offset <= table->shape[1] - y->shape[1]);
}

tr_status tr_nn_check_labels(const tr_nn_call *call, const tr_array *labels, int64_t rows) {
  if (!labels) return TR_OK;
  if (labels->dtype != TR_I32 || labels->ndim != 1)
    return unexpected(call, "labels", labels, 1, tr_dtype_name(TR_I32));
  return tr_nn_check_extents(call, labels->count == rows || labels->count == 1);
}

tr_status tr_nn_check_weight(const tr_nn_call *call, const tr_nn_weight *w, const tr_array *y) {
  if (!w) return TR_FAIL(call->ctx, TR_E_ARG, "w of %s is missing: it is NULL", call->what);
  if (!w->set) return TR_FAIL(call->ctx, TR_E_ARG, "w of %s was never set", call->what);
  bool other = (y->dtype == TR_F32 || y->dtype == TR_F64) && y->dtype != w->spec.compute;
  if (w->ctx == call->ctx && !other) return TR_OK;
  return TR_FAIL(call->ctx, TR_E_SHAPE, "w of %s computes in %s and y is %s%s", call->what,
                 tr_dtype_name(w->spec.compute), tr_dtype_name(y->dtype),
                 w->ctx == call->ctx ? "" : " on another context");
}

bool tr_nn_spreads(const tr_array *few, const tr_array *many) {
  return few->shape[1] == many->shape[1] && few->shape[0] > 0 && many->shape[0] % few->shape[0] == 0;
}

bool tr_nn_attention_fits(const tr_array *qkv, int64_t samples, int heads, const tr_array *y) {
  return samples > 0 && heads > 0 && qkv->shape[0] == y->shape[0] && y->shape[0] % samples == 0 &&
         qkv->shape[1] == 3 * y->shape[1] && y->shape[1] % heads == 0;
}

bool tr_nn_stats_fit(const tr_array *stats, const tr_array *qkv, int64_t samples, int heads) {
  return !stats || (stats->shape[0] == samples * heads && stats->shape[1] * samples == qkv->shape[0]);
}

/* Against tokens of `per_pixel` values a pixel. */
static bool tokens_fit(const tr_array *latents, int patch, const tr_array *tokens, int64_t per_pixel) {
  int64_t p = patch, h = latents->shape[2], w = latents->shape[3];
  return p > 0 && h % p == 0 && w % p == 0 && tokens->shape[0] == latents->shape[0] * (h / p) * (w / p) &&
         tokens->shape[1] == per_pixel * p * p;
}

bool tr_nn_patches_fit(const tr_array *latents, int patch, const tr_array *tokens) {
  return tokens_fit(latents, patch, tokens, latents->shape[1]);
}

bool tr_nn_joined_fit(const tr_array *latents, int patch, const tr_array *tokens) {
  int64_t channels = patch > 0 ? tokens->shape[1] / patch / patch : 0;
  return tokens_fit(latents, patch, tokens, channels) && channels >= latents->shape[1];
}
