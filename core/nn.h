/* Operations of neural networks on arrays, on whatever device they live. The wrappers tr_nn_* check shapes
 * and forward to the backend's table; a backend without the operation is TR_E_UNSUPPORTED naming it. Element
 * type f32 or f64, equal for all operands of a call. "Rows" are tokens; each row of a result depends on its
 * own row (in attention: its own sample) alone, bit for bit, whatever the batch and the threads. */
#ifndef TR_CORE_NN_H
#define TR_CORE_NN_H

#include "core/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A weight (out, in) in the backend's own layout. Made by tr_nn_pack. */
typedef struct {
  int64_t out, in;
  tr_array *packed;
} tr_nn_weight;

typedef enum {
  TR_NN_IDENTITY,
  TR_NN_SILU,     /* v / (1 + exp(-v)) */
  TR_NN_GELU_TANH /* 0.5 v (1 + tanh(sqrt(2 / pi) (v + 0.044715 v^3))), Hendrycks and Gimpel 2016 */
} tr_nn_activation;

/* Columns offset .. of a table with one row per sample (or one for all): row r of R uses table row
 * r / (R / rows). table NULL: absent. */
typedef struct {
  const tr_array *table; /* (Q, width), Q divides R */
  int64_t offset;
} tr_nn_columns;

/* y = act(x W^T + bias) * gate + residual */
typedef struct {
  const tr_array *x; /* (R, in) */
  const tr_nn_weight *w;
  const tr_array *bias; /* (out) or NULL */
  tr_nn_activation activation;
  tr_nn_columns gate;       /* table NULL: 1 */
  const tr_array *residual; /* (Q, out), Q divides R: row r adds row r % Q; NULL: 0. May be y. */
  tr_array *y;              /* (R, out), not x */
} tr_nn_linear_args;

/* y = (x - mean) / sqrt(var + eps) * (1 + scale) + shift, over the columns of each row */
typedef struct {
  const tr_array *x; /* (R, D) */
  tr_nn_columns shift, scale;
  double eps;
  tr_array *y; /* (R, D), may be x */
} tr_nn_norm_args;

typedef struct tr_nn_ops { /* every pointer REQUIRED when the table is there */
  /* How many rows keep the device busy: callers cut larger batches to save memory. */
  int64_t (*rows_at_once)(tr_ctx *ctx);
  int64_t (*packed_count)(tr_dtype dtype, int64_t out, int64_t in); /* elements of a packed weight */
  tr_status (*pack)(tr_ctx *ctx, const tr_array *w, tr_nn_weight *packed);
  tr_status (*linear)(tr_ctx *ctx, const tr_nn_linear_args *args);
  tr_status (*norm_modulate)(tr_ctx *ctx, const tr_nn_norm_args *args);
  tr_status (*attention)(tr_ctx *ctx, const tr_array *qkv, int64_t samples, int heads, tr_array *y);
  tr_status (*condition)(tr_ctx *ctx, const tr_array *e, const tr_array *table, const int32_t *labels,
                         tr_array *y);
  tr_status (*patchify)(tr_ctx *ctx, const tr_array *x, int patch, tr_array *y);
  tr_status (*unpatchify)(tr_ctx *ctx, const tr_array *y, int patch, tr_array *x);
} tr_nn_ops;

/* Rows of activations that one call should carry to keep the device busy, >= 1; 1 without a table. */
int64_t tr_nn_rows_at_once(tr_ctx *ctx);

/* Packs w (out, in) for tr_nn_linear; the result owns device memory: tr_nn_weight_clear. w may go after. */
tr_status tr_nn_pack(const tr_array *w, tr_nn_weight *out);
void tr_nn_weight_clear(tr_nn_weight *w);

tr_status tr_nn_linear(const tr_nn_linear_args *args);
tr_status tr_nn_norm_modulate(const tr_nn_norm_args *args);

/* y (N T, D) = concatenated heads of softmax(q k^T / sqrt(D / heads)) v, each sample's T tokens among
 * themselves; qkv (N T, 3 D) holds q, k, v side by side, heads side by side within each. */
tr_status tr_nn_attention(const tr_array *qkv, int64_t samples, int heads, tr_array *y);

/* y (N, D) = silu(e + table[label]); e (N, D) or (1, D) for all; table (K, D) with N labels in host memory,
 * or both NULL. */
tr_status tr_nn_condition(const tr_array *e, const tr_array *table, const int32_t *labels, tr_array *y);

/* Latents x (N, C, H, W) to tokens y (N T, C p^2), T = (H / p)(W / p) in row-major order, elements (c, i, j):
 * the order of a convolution's weight. */
tr_status tr_nn_patchify(const tr_array *x, int patch, tr_array *y);
/* Tokens y (N T, p^2 O), elements (i, j, o), to x (N, C, H, W): channels o < C <= O are kept. */
tr_status tr_nn_unpatchify(const tr_array *y, int patch, tr_array *x);

#ifdef __cplusplus
}
#endif

#endif
