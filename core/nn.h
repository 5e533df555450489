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

/* A weight (out, in) in the layout of its backend, which alone reads it; see below. */
typedef struct tr_nn_weight tr_nn_weight;

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

/* y = act(x W^T + bias) * gate + residual, or with W in the place of W^T: then `in` and `out` below change
 * places. dx = dy W is the gradient before a linear layer. */
typedef struct {
  const tr_array *x; /* (R, in) */
  const tr_nn_weight *w;
  bool transposed;      /* W, not W^T */
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

/* dx = residual + J' dy of the norm above; dx may be the residual or dy */
typedef struct {
  const tr_array *x;   /* (Q, D), Q divides R: what the norm was given; row r of R uses row r % Q */
  tr_nn_columns scale; /* what it was given, of Q rows */
  double eps;
  const tr_array *dy;       /* (R, D) */
  const tr_array *residual; /* (R, D) or NULL: 0 */
  tr_array *dx;             /* (R, D), not x */
} tr_nn_norm_backward_args;

/* dshift[q] = sum dy and dscale[q] = sum dy norm(x) over the rows r of table row q, in columns of one table,
 * assigned */
typedef struct {
  const tr_array *x; /* (R, D): what the norm was given */
  double eps;
  const tr_array *dy;   /* (R, D) */
  tr_array *table;      /* (Q, width), Q divides R */
  int64_t shift, scale; /* first columns of each in the table; they do not overlap */
} tr_nn_gradient_of_norm_args;

/* y = J v of the norm above; y may be v */
typedef struct {
  const tr_array *x;   /* (R, D): what the norm was given */
  tr_nn_columns scale; /* what it was given */
  double eps;
  const tr_array *v; /* (R, D) */
  tr_array *y;       /* (R, D), not x */
} tr_nn_norm_jvp_args;

/* Rows of activations that one call should carry to keep the device busy, >= 1; 1 without a table. kept:
 * whether the caller keeps what the layers are given, for a backward, or has a tangent beside it; not if it
 * only hands it on to the next. */
int64_t tr_nn_rows_at_once(tr_ctx *ctx, bool kept);

/* A weight has a type in which it is kept and one in which it is multiplied. bf16 takes half the memory of
 * f32; every product is then the one with the rounded values, whose sums are those of the compute type. */
typedef struct {
  int64_t out, in;
  tr_dtype storage; /* the compute type, or bf16 */
  tr_dtype compute; /* f32 or f64: that of the arrays it is multiplied with */
} tr_nn_weight_spec;

/* A weight whose values are to be set. Other types than these: TR_E_ARG. The caller destroys it. */
tr_status tr_nn_weight_create(tr_ctx *ctx, const tr_nn_weight_spec *spec, tr_nn_weight **out);
/* All values anew, rounded to the storage type to nearest even once: `values` (out, ...) in row-major order,
 * out in elements of f32, f64 or bf16. They may go after. */
tr_status tr_nn_weight_set(tr_nn_weight *w, const tr_array *values);
void tr_nn_weight_destroy(tr_nn_weight **w); /* frees and sets *w to NULL; NULL is fine */
const tr_nn_weight_spec *tr_nn_weight_spec_of(const tr_nn_weight *w);

/* A weight that was never set is TR_E_ARG. */
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

/* ---- Backward: d of an array is the gradient with respect to it, of its shape. A backend without these is
 * TR_E_UNSUPPORTED. ---- */

/* y (R, D) = x (R, D) * gate: the gradient behind a gate. y may be x; the gate has a table. */
tr_status tr_nn_gate(const tr_array *x, tr_nn_columns gate, tr_array *y);

/* y = act(v), elementwise on (R, D), with the bits that a linear layer gives it. y may be v. */
tr_status tr_nn_activate(tr_nn_activation activation, const tr_array *v, tr_array *y);

/* dv = dy act'(v), elementwise on (R, D); v (Q, D), Q divides R, is what the activation was given, row r % Q
 * for row r. dv may be dy or v. This is forward mode too: the slope times a tangent. */
tr_status tr_nn_activation_backward(tr_nn_activation activation, const tr_array *v, const tr_array *dy,
                                    tr_array *dv);

/* The gradient before a norm from that behind it, added to the residual. */
tr_status tr_nn_norm_backward(const tr_nn_norm_backward_args *args);

/* dqkv (R N T, 3 D) from dy (R N T, D), at the qkv (N T, 3 D) that tr_nn_attention was given: R gradients
 * behind one attention, whose softmax is computed anew once. dqkv is not qkv. */
tr_status tr_nn_attention_backward(const tr_array *qkv, int64_t samples, int heads, const tr_array *dy,
                                   tr_array *dqkv);

/* Gradient of latents dx (N, C, H, W) from that of tokens dy (N T, C p^2) made of them by patchify. */
tr_status tr_nn_patchify_adjoint(const tr_array *dy, int patch, tr_array *dx);
/* Gradient of tokens dy (N T, p^2 O) from that of latents dx (N, C, H, W) made of them by unpatchify: 0 where
 * the channel was dropped. */
tr_status tr_nn_unpatchify_adjoint(const tr_array *dx, int patch, tr_array *dy);

/* ---- Gradients of parameters. They are added to what is there (dw, db, dtable), every element one chain of
 * sums in the order of the rows: a batch cut in pieces, in order, gives the bits of the whole, on any number
 * of threads. Gradients of conditioning columns, one table row a sample, are assigned. A backend without
 * these is TR_E_UNSUPPORTED. ---- */

/* dw (out, in) += dy' x and db (out) += sum of dy over the rows, of y = x W^T + b: x (R, in), dy (R, out).
 * db may be NULL. */
tr_status tr_nn_gradient_of_linear(const tr_array *x, const tr_array *dy, tr_array *dw, tr_array *db);

/* Columns offset .. offset + D - 1 of dgate (Q, width) = sum of x dy over the rows of each table row, Q
 * divides R: the gate's gradient where y = gate x; x, dy (R, D). */
tr_status tr_nn_gradient_of_gate(const tr_array *x, const tr_array *dy, tr_array *dgate, int64_t offset);

/* Gradients of the shift and the scale of a norm. */
tr_status tr_nn_gradient_of_norm(const tr_nn_gradient_of_norm_args *args);

/* Of y = silu(e + table[label]), from dy (N, D): de (N, D) assigned, dtable (K, D) added to; e (N, D), table
 * (K, D), N labels in host memory; or table, labels and dtable NULL. de is none of the others. */
tr_status tr_nn_gradient_of_condition(const tr_array *e, const tr_array *table, const int32_t *labels,
                                      const tr_array *dy, tr_array *de, tr_array *dtable);

/* ---- Forward mode: the tangent behind an operation from that before it. Linear layers, patches and slopes
 * of activations are their own. A backend without these is TR_E_UNSUPPORTED. ---- */

/* The tangent behind a norm. */
tr_status tr_nn_norm_jvp(const tr_nn_norm_jvp_args *args);

/* y (N T, D): tangent of attention at qkv (N T, 3 D) along v (N T, 3 D). */
tr_status tr_nn_attention_jvp(const tr_array *qkv, const tr_array *v, int64_t samples, int heads,
                              tr_array *y);

#ifdef __cplusplus
}
#endif

#endif
