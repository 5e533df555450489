/* Operations of neural networks on arrays, on whatever device they live. Each takes one struct of operands
 * and settings; what it computes and which shapes fit stands with the struct. d of an array is the gradient
 * with respect to it, of its shape.
 *
 * The wrappers tr_nn_* see that the operands are there (NULL: TR_E_ARG naming the operand), on one context,
 * of types and extents that fit (TR_E_SHAPE), and hand them to the backend; one that lacks the operation is
 * TR_E_UNSUPPORTED naming it. Arrays are f32 or f64, all of a call the same unless the struct says otherwise.
 * "or bf16" there is for calls of f32 on a backend with TR_BACKEND_BF16_ARRAYS, and where an operation has
 * products, for those of TR_NN_BF16; a result is then rounded to nearest even once, when it is stored.
 *
 * A result may be an operand only where the struct says so, and is then the same array; what a result holds
 * that lies across an operand in memory, as views may, is undefined.
 *
 * "Rows" are tokens. Each row of a result depends on its own row (in attention: its own sample) alone; on a
 * backend with TR_BACKEND_ROWS_INDEPENDENT so do its bits, whatever the batch and the threads. */
#ifndef TR_CORE_NN_NN_H
#define TR_CORE_NN_NN_H

#include "core/array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TR_NN_IDENTITY,
  TR_NN_SILU,      /* v / (1 + exp(-v)) */
  TR_NN_GELU_TANH, /* 0.5 v (1 + tanh(sqrt(2 / pi) (v + 0.044715 v^3))), Hendrycks and Gimpel 2016 */
  TR_NN_RELU       /* max(v, 0), slope 0 at 0; not a number stays so */
} tr_nn_activation;

/* How matrix products take their operands. TR_NN_BF16 is for arrays of f32: each operand is rounded to bf16,
 * to nearest even, just before it is multiplied, and products are summed in f32. Nothing else is rounded:
 * biases, gates, residuals, norms, activations, what softmax does, and every result are f32. So a backend may
 * keep in bf16 what only products read. Which operands there are stands with each operation; in attention
 * there are, beside q, k, v and their gradients and tangents:
 * - forward: what multiplies v: exp(s - c), c one for the row, whose sum is taken before it is rounded
 * - backward: the softmax as it multiplies dy (for dv), and the gradient of the scores
 * - tangent: what multiplies dv: exp(s - c), c one for the row, which may be the log of its sum; and what
 *   multiplies v: exp(s - c) (ds - m), m one for the row, near the mean of ds under the softmax or it
 *
 * Numbers below 2^-126, and sums below it, may count as 0.
 *
 * TR_NN_TF32 is for arrays of f32, too, on a backend with TR_BACKEND_TF32: an operand may be rounded to the
 * 10 bits of fraction of TF32 before it is multiplied, products are summed in f32, and no array is of another
 * type for it. */
typedef enum {
  TR_NN_FULL, /* as they are */
  TR_NN_BF16,
  TR_NN_TF32
} tr_nn_products;

/* Whether there can be such products of arrays of this type: TR_E_ARG for those that there are not, and for
 * TR_NN_BF16 and TR_NN_TF32 of anything but f32, as for arrays of other types than f32 and f64;
 * TR_E_UNSUPPORTED for TR_NN_TF32 where the backend has none.
 */
TR_API tr_status tr_nn_products_check(tr_ctx *ctx, tr_dtype dtype, tr_nn_products products);

/* The type in which a network whose arrays are of `dtype` should make those that only products read, or what
 * else below may be bf16: bf16 with TR_NN_BF16 on a backend with TR_BACKEND_BF16_ARRAYS, else `dtype`. */
TR_API tr_dtype tr_nn_product_dtype(tr_ctx *ctx, tr_dtype dtype, tr_nn_products products);

/* Columns offset .. of a table with one row per sample (or one for all): row r of R uses table row
 * r / (R / rows). table NULL: absent. */
typedef struct {
  const tr_array *table; /* (Q, width), Q divides R */
  int64_t offset;
} tr_nn_columns;

/* Rows of activations that one call should carry to keep the device busy, >= 1; 1 without operations. kept:
 * whether the caller keeps what the layers are given, for a backward, or has a tangent beside it; not if it
 * only hands it on to the next. bytes: what the caller needs for each row; a device with memory of its own
 * takes as many rows as that has room for, the same number whatever is in it just now. */
TR_API int64_t tr_nn_rows_at_once(tr_ctx *ctx, bool kept, int64_t bytes);

/* ---- weights ---- */

/* A weight (out, in) in the layout of its backend, which alone reads it. It has a type in which it is kept
 * and one in which it is multiplied. bf16 takes half the memory of f32, unless the backend holds a weight in
 * the type in which it is multiplied; every product is then the one with the rounded values, whose sums are
 * those of the compute type. */
typedef struct tr_nn_weight tr_nn_weight;
typedef struct {
  int64_t out, in;
  tr_dtype storage;        /* the compute type, or bf16 */
  tr_dtype compute;        /* f32 or f64: that of the arrays it is multiplied with */
  tr_nn_products products; /* TR_NN_BF16: kept in bf16, and rounds what it is multiplied with; compute f32,
                              as for TR_NN_TF32 */
  int64_t rows; /* that one sample brings, 0: not known. A hint: a device works on so many at a time. */
  /* Of a convolution, the places of its kernel, rows times columns; `in` is then channels times taps, values
   * are (out, channels, rows, columns), and storage is the compute type. 0: of a linear layer. */
  int64_t taps;
} tr_nn_weight_spec;

/* A weight whose values are to be set. Other types than these: TR_E_ARG; products that the backend lacks:
 * TR_E_UNSUPPORTED. The caller destroys it. */
TR_API tr_status tr_nn_weight_create(tr_ctx *ctx, const tr_nn_weight_spec *spec, tr_nn_weight **out);
/* All values anew, rounded to the storage type to nearest even once: `values` (out, ...), row-major, of as
 * many elements, f32, f64 or bf16. They may go after. */
TR_API tr_status tr_nn_weight_set(tr_nn_weight *w, const tr_array *values);
TR_API void tr_nn_weight_destroy(tr_nn_weight **w); /* frees and sets *w to NULL; NULL is fine */
TR_API const tr_nn_weight_spec *tr_nn_weight_spec_of(const tr_nn_weight *w);

/* ---- forward ---- */

/* y = act(x W^T + bias) * gate + residual, or with W in the place of W^T: then `in` and `out` change places.
 * dx = dy W is the gradient before a linear layer. A weight that was never set is TR_E_ARG.
 *
 * For training:
 * before     what act is given is kept. Not with a gate or a residual.
 * slope_at   y = (x W^T) act'(slope_at) in place of the above, in a backward with W: the gradient before an
 *            activation and the layer behind it. Nothing else but `transposed` may be given with it. */
typedef struct {
  const tr_array *x; /* (R, in), or bf16 */
  const tr_nn_weight *w;
  bool transposed;      /* W, not W^T */
  const tr_array *bias; /* (out) or NULL */
  tr_nn_activation activation;
  tr_nn_columns gate;       /* table NULL: 1 */
  const tr_array *residual; /* (Q, out), Q divides R: row r adds row r % Q; NULL: 0. May be y. */
  tr_array *y;              /* (R, out), or bf16, not x */
  tr_array *before;         /* (R, out), of y's type, neither x nor y; NULL: not wanted */
  const tr_array *slope_at; /* (Q, out), Q divides R: row r uses row r % Q; of y's type, not y; NULL: none */
} tr_nn_linear_args;
TR_API tr_status tr_nn_linear(const tr_nn_linear_args *args);

/* y = (x - mean) / sqrt(var + eps) * (1 + scale) + shift, over the columns of each row */
typedef struct {
  const tr_array *x; /* (R, D) */
  tr_nn_columns shift, scale;
  double eps;
  tr_array *y; /* (R, D), or bf16; may be x where it is of its type */
} tr_nn_norm_modulate_args;
TR_API tr_status tr_nn_norm_modulate(const tr_nn_norm_modulate_args *args);

/* A linear layer, then the norm of what it gave: on the residual stream x += gate (h W^T + b), y = norm(x) (1
 * + scale) + shift, in one pass over x where the device can. Where linear.x is bf16, what the layer gives may
 * be rounded to bf16 before the gate. */
typedef struct {
  tr_nn_linear_args linear;      /* y is not bf16; `before` and `slope_at` are NULL */
  tr_nn_norm_modulate_args norm; /* x is linear.y; y is not, but may be linear.x where it has its extents */
} tr_nn_linear_norm_args;
TR_API tr_status tr_nn_linear_norm(const tr_nn_linear_norm_args *args);

/* y = concatenated heads of softmax(q k^T / sqrt(D / heads)) v, each sample's T tokens among themselves. The
 * statistics of the softmax, for the backward, are the logarithms of its denominators: row n heads + h has
 * log sum_j exp(q_i k_j / sqrt(D / heads)) of query i of head h of sample n in column i. */
typedef struct {
  const tr_array *qkv; /* (N T, 3 D), or bf16: q, k, v side by side, heads side by side within each */
  int64_t samples;     /* N */
  int heads;
  tr_nn_products products;
  tr_array *y;     /* (N T, D), of qkv's type */
  tr_array *stats; /* (N heads, T), or NULL: not wanted. No bit of y depends on it. */
} tr_nn_attention_args;
TR_API tr_status tr_nn_attention(const tr_nn_attention_args *args);

/* Cosines, then sines, of t exp(-ln(10000) j / half), j = 0 .. half - 1, half = width / 2: the sinusoidal
 * embedding of times. Computed in double and rounded once; the last column of an odd width is 0. */
typedef struct {
  const tr_array *t; /* (N), or (1) for all rows; always f64 */
  tr_array *y;       /* (N, width) */
} tr_nn_embed_times_args;
TR_API tr_status tr_nn_embed_times(const tr_nn_embed_times_args *args);

/* y = silu(e + table[label]). A label that the table lacks is TR_E_ARG on the CPU; elsewhere labels are not
 * looked at: check them while they are in host memory (tr_drift_check does). */
typedef struct {
  const tr_array *e;      /* (N, D), or (1, D) for all */
  const tr_array *table;  /* (K, D); NULL: 0 */
  const tr_array *labels; /* i32, (N), or (1) for all; NULL without a table, and only then */
  tr_array *y;            /* (N, D) */
} tr_nn_condition_args;
TR_API tr_status tr_nn_condition(const tr_nn_condition_args *args);

/* Latents to tokens, T = (H / p)(W / p) of a sample in row-major order, elements (c, i, j): the order of a
 * convolution's weight. */
typedef struct {
  const tr_array *latents; /* (N, C, H, W) */
  int patch;               /* p, divides H and W */
  tr_array *tokens;        /* (N T, C p^2) */
} tr_nn_patchify_args;
TR_API tr_status tr_nn_patchify(const tr_nn_patchify_args *args);

/* Tokens of elements (i, j, o) to latents: channels o < C <= O are kept. */
typedef struct {
  const tr_array *tokens; /* (N T, p^2 O) */
  int patch;
  tr_array *latents; /* (N, C, H, W) */
} tr_nn_unpatchify_args;
TR_API tr_status tr_nn_unpatchify(const tr_nn_unpatchify_args *args);

/* ---- backward ---- */

/* y = x * gate + residual, as a linear layer gives it whose product is x (TR_BACKEND_FUSED_BITS): the
 * gradient behind a gate, and the gate of a layer whose output is wanted before it */
typedef struct {
  const tr_array *x;        /* (R, D), or bf16 */
  tr_nn_columns gate;       /* with a table */
  const tr_array *residual; /* (R, D) or NULL: 0 */
  tr_array *y;              /* (R, D), or bf16; may be x or the residual where it is of its type */
} tr_nn_gate_args;
TR_API tr_status tr_nn_gate(const tr_nn_gate_args *args);

/* y = act(v), elementwise, as a linear layer gives it (TR_BACKEND_FUSED_BITS) */
typedef struct {
  tr_nn_activation activation;
  const tr_array *v; /* (R, D), or bf16 */
  tr_array *y;       /* (R, D), or bf16; may be v where it is of its type */
} tr_nn_activate_args;
TR_API tr_status tr_nn_activate(const tr_nn_activate_args *args);

/* dv = dy act'(v), elementwise. This is forward mode too: the slope times a tangent. */
typedef struct {
  tr_nn_activation activation;
  const tr_array *v;  /* (Q, D), or bf16, Q divides R: what it was given; row r of R uses row r % Q */
  const tr_array *dy; /* (R, D), or bf16 */
  tr_array *dv;       /* (R, D), or bf16; may be dy or v where it is of its type */
} tr_nn_activation_backward_args;
TR_API tr_status tr_nn_activation_backward(const tr_nn_activation_backward_args *args);

/* dx = residual + J' dy of norm_modulate; dx may be the residual or dy */
typedef struct {
  const tr_array *x;   /* (Q, D), Q divides R: what the norm was given; row r of R uses row r % Q */
  tr_nn_columns scale; /* what it was given, of Q rows */
  double eps;
  const tr_array *dy;       /* (R, D) */
  const tr_array *residual; /* (R, D) or NULL: 0 */
  tr_array *dx;             /* (R, D), not x */
} tr_nn_norm_backward_args;
TR_API tr_status tr_nn_norm_backward(const tr_nn_norm_backward_args *args);

/* R gradients behind one attention. Its softmax is computed anew once, or, where the statistics are given,
 * comes of them and of y in fewer passes: then to rounding the same. */
typedef struct {
  const tr_array *qkv; /* (N T, 3 D), or bf16: what attention was given; y, dy and dqkv are of its type */
  int64_t samples;     /* N */
  int heads;
  const tr_array *y;     /* (N T, D): what it gave; NULL without the statistics, and only then */
  const tr_array *stats; /* (N heads, T) of it, or NULL */
  const tr_array *dy;    /* (R N T, D) */
  tr_array *dqkv;        /* (R N T, 3 D), not qkv */
  tr_nn_products products;
} tr_nn_attention_backward_args;
TR_API tr_status tr_nn_attention_backward(const tr_nn_attention_backward_args *args);

/* Gradient of the latents from that of the tokens that patchify made of them. */
typedef tr_nn_unpatchify_args tr_nn_patchify_adjoint_args;
TR_API tr_status tr_nn_patchify_adjoint(const tr_nn_patchify_adjoint_args *args);

/* Gradient of the tokens from that of the latents that unpatchify made of them: 0 where the channel was
 * dropped. */
typedef tr_nn_patchify_args tr_nn_unpatchify_adjoint_args;
TR_API tr_status tr_nn_unpatchify_adjoint(const tr_nn_unpatchify_adjoint_args *args);

/* ---- gradients of parameters ----
 * They are added to what is there (dw, db, dtable); gradients of conditioning columns, one table row a
 * sample, are assigned. On a backend with TR_BACKEND_SUMS_IN_ORDER every element is one chain of sums in the
 * order of the rows: a batch cut in pieces, in order, gives the bits of the whole, on any number of threads;
 * on others the same cut gives the same bits. */

/* dw += dy' x and db += sum of dy (in TF32 perhaps rounded as for dw) over rows, of y = x W^T + b */
typedef struct {
  const tr_array *x;       /* (R, in), or bf16 */
  const tr_array *dy;      /* (R, out), or bf16 */
  tr_array *dw;            /* (out, in) */
  tr_array *db;            /* (out), or NULL: not wanted */
  tr_nn_products products; /* TR_NN_BF16 rounds x and dy for dw; db is the sum of dy as it is */
} tr_nn_gradient_of_linear_args;
TR_API tr_status tr_nn_gradient_of_linear(const tr_nn_gradient_of_linear_args *args);

/* Columns offset .. offset + D - 1 of dgate = sum of x dy over the rows of each table row: the gradient of
 * the gate in y = gate x */
typedef struct {
  const tr_array *x;  /* (R, D) */
  const tr_array *dy; /* (R, D) */
  tr_array *dgate;    /* (Q, width), Q divides R */
  int64_t offset;
} tr_nn_gradient_of_gate_args;
TR_API tr_status tr_nn_gradient_of_gate(const tr_nn_gradient_of_gate_args *args);

/* dshift[q] = sum dy and dscale[q] = sum dy norm(x) over the rows r of table row q, in columns of one table,
 * assigned */
typedef struct {
  const tr_array *x; /* (R, D): what the norm was given */
  double eps;
  const tr_array *dy;   /* (R, D) */
  tr_array *table;      /* (Q, width), Q divides R */
  int64_t shift, scale; /* first columns of each in the table; they do not overlap */
} tr_nn_gradient_of_norm_args;
TR_API tr_status tr_nn_gradient_of_norm(const tr_nn_gradient_of_norm_args *args);

/* Of y = silu(e + table[label]): de assigned, dtable added to. For labels see condition. */
typedef struct {
  const tr_array *e;      /* (N, D) */
  const tr_array *table;  /* (K, D); NULL: there was none */
  const tr_array *labels; /* i32, (N), or (1) for all; NULL without a table, and only then */
  const tr_array *dy;     /* (N, D) */
  tr_array *de;           /* (N, D), none of the others */
  tr_array *dtable;       /* (K, D); NULL without a table, and only then */
} tr_nn_gradient_of_condition_args;
TR_API tr_status tr_nn_gradient_of_condition(const tr_nn_gradient_of_condition_args *args);

/* ---- forward mode ----
 * The tangent behind an operation from that before it. Linear layers, patches and slopes of activations are
 * their own. */

/* y = J v of norm_modulate */
typedef struct {
  const tr_array *x;   /* (R, D): what the norm was given */
  tr_nn_columns scale; /* what it was given */
  double eps;
  const tr_array *v; /* (R, D) */
  tr_array *y;       /* (R, D), or bf16, not x; may be v where it is of its type */
} tr_nn_norm_jvp_args;
TR_API tr_status tr_nn_norm_jvp(const tr_nn_norm_jvp_args *args);

/* y = J v of attention, and what attention gives, to rounding */
typedef struct {
  const tr_array *qkv; /* (N T, 3 D), or bf16: what attention was given; the others are of its type */
  const tr_array *v;   /* (N T, 3 D) */
  int64_t samples;     /* N */
  int heads;
  tr_nn_products products;
  tr_array *y;     /* (N T, D) */
  tr_array *value; /* (N T, D), not y: what attention gives; NULL: not wanted */
} tr_nn_attention_jvp_args;
TR_API tr_status tr_nn_attention_jvp(const tr_nn_attention_jvp_args *args);

/* ---- training ---- */

/* x = a x1 + b x0, each row with numbers of its own */
typedef struct {
  const tr_array *x1, *x0; /* (N, ...) */
  const tr_array *at;      /* f64, (N, 2): a, b of each row */
  tr_array *x;             /* (N, ...), may be x1 or x0 */
} tr_nn_interpolate_args;
TR_API tr_status tr_nn_interpolate(const tr_nn_interpolate_args *args);

/* With the residual r = a p + b x1 + c x0 of a row: loss = w mean r^2, summed in double in a fixed order, and
 * dp = factor d(loss)/dp = (2 factor w a / M) r, M elements a row. transport/loss/loss.h says which a, b, c,
 * w.
 */
typedef struct {
  const tr_array *p, *x1, *x0; /* (N, ...) */
  const tr_array *at;          /* f64, (N, 4): a, b, c, w of each row */
  double factor;
  tr_array *loss; /* f64, (N), assigned */
  tr_array *dp;   /* (N, ...), assigned, may be p; NULL: not wanted */
} tr_nn_loss_args;
TR_API tr_status tr_nn_loss(const tr_nn_loss_args *args);

/* One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101, as PyTorch has it: the decay is multiplied with
 * the rate), and of running averages behind it, in one pass. With g' = factor g:
 *   m = beta1 m + (1 - beta1) g'        v = beta2 v + (1 - beta2) g'^2
 *   p = (1 - rate decay) p - rate (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps)
 *   average[i] = keep[i] average[i] + (1 - keep[i]) p
 * Computed in double, each result rounded once; what follows in the same step reads the rounded one. Elements
 * of which p, g, m and v are 0 stay 0. */
#define TR_NN_AVERAGES 4
typedef struct {
  tr_array *p;       /* any shape, f32 or f64 */
  const tr_array *g; /* of as many elements and the same type, as are the others */
  tr_array *m, *v;
  double factor;                     /* of the gradient: one over the ranks, or what clips it */
  double rate, beta1, beta2;         /* rate >= 0; 0 <= beta < 1 */
  double eps, decay;                 /* >= 0 */
  int64_t step;                      /* the number of this step, from 1 on */
  tr_array *average[TR_NN_AVERAGES]; /* NULL: none */
  double keep[TR_NN_AVERAGES];       /* 0 <= keep <= 1 */
} tr_nn_adamw_args;
TR_API tr_status tr_nn_adamw(const tr_nn_adamw_args *args);

/* ---- pictures ----
 * Arrays (N, H, W, C) with channels last: a pixel's numbers lie side by side, so the same memory is (N H W,
 * C) for the operations on rows. patchify with patches of 1 makes them of (N, C, H, W), unpatchify leads
 * back. All of a call are of one type, f32 or f64. A sample's result depends on that sample alone; on a
 * backend with TR_BACKEND_ROWS_INDEPENDENT so do its bits. There is no backward. */

/* What a result's pixel is made of: size[0] x size[1] pixels, `stride` apart from those of its neighbour, of
 * the picture with before[i] and after[i] pixels added on the two sides of axis i (0: rows, 1: columns). An
 * extent of E becomes (E + before + after - size) / stride + 1, rounded down. */
typedef struct {
  int size[2];             /* >= 1 */
  int stride;              /* >= 1 */
  int before[2], after[2]; /* 0 .. size - 1 */
} tr_nn_window;
/* The extent behind the window along the axis; 0: none fits. */
TR_API int64_t tr_nn_window_extent(const tr_nn_window *window, int axis, int64_t extent);

/* y = act(sum over channels and taps of W x' + bias) + residual, where x' = pre(a x + b) with the a and b of
 * `affine`, doubled where asked, and 0 outside of the picture: as convolutions are in PyTorch (correlations).
 */
typedef struct {
  const tr_array *x;      /* (N, H, W, C) */
  const tr_array *affine; /* (N, 2, C): a, then b, of each sample; NULL: x as it is */
  tr_nn_activation pre;   /* only with `affine` */
  bool doubled;           /* each pixel stands for 2 x 2: H and W of the window are twice those of x */
  const tr_nn_weight *w;  /* with taps, in = C taps */
  tr_nn_window window;
  const tr_array *bias; /* (out), or NULL: 0 */
  tr_nn_activation activation;
  const tr_array *residual; /* like y, or NULL: 0; may be y */
  tr_array *y;              /* (N, H', W', Y), not x: channels first .. first + out - 1 are written */
  int64_t first;
} tr_nn_conv2d_args;
TR_API tr_status tr_nn_conv2d(const tr_nn_conv2d_args *args);

/* The a and b of y = a x + b that normalise groups of neighbouring channels of each sample:
 * a = gamma / sqrt(var + eps) and b = beta - mean a, with mean and variance (of n, not n - 1) over the pixels
 * and channels of the group, summed in double. Wu and He 2018. */
typedef struct {
  const tr_array *x;            /* (N, H, W, C) */
  int groups;                   /* divides C */
  const tr_array *gamma, *beta; /* (C) */
  double eps;
  tr_array *affine; /* (N, 2, C) */
} tr_nn_group_norm_args;
TR_API tr_status tr_nn_group_norm(const tr_nn_group_norm_args *args);

/* y = act(a x + b) with the a and b of each sample and channel */
typedef struct {
  const tr_array *x;      /* (N, H, W, C) */
  const tr_array *affine; /* (N, 2, C) */
  tr_nn_activation activation;
  tr_array *y; /* (N, H, W, C), may be x */
} tr_nn_affine_args;
TR_API tr_status tr_nn_affine(const tr_nn_affine_args *args);

typedef enum {
  TR_NN_POOL_MAX, /* added pixels never win */
  TR_NN_POOL_MEAN /* of the pixels of the picture: those added are not counted */
} tr_nn_pool;
typedef struct {
  const tr_array *x; /* (N, H, W, C) */
  tr_nn_pool pool;
  tr_nn_window window;
  tr_array *y; /* (N, H', W', Y), not x: channels first .. first + C - 1 are written */
  int64_t first;
} tr_nn_pool2d_args;
TR_API tr_status tr_nn_pool2d(const tr_nn_pool2d_args *args);

/* Where a pixel i of the result lies among the `in` pixels of an axis, of which it gets `out`. */
typedef enum {
  /* i in / out, and two neighbours along each axis: TensorFlow 1's bilinear. In f32, positions, weights and
   * sums are rounded as TensorFlow rounds them. */
  TR_NN_RESIZE_CORNER,
  /* (i + 1/2) in / out - 1/2, not below 0, and two neighbours: PyTorch's bilinear, align_corners false. */
  TR_NN_RESIZE_CENTRE,
  /* The same centres, and a triangle as wide as the pixels of the result where these are the larger ones,
   * its weights summing to 1: PyTorch's with antialias, Pillow's bilinear without its rounding. */
  TR_NN_RESIZE_ANTIALIASED
} tr_nn_resize;
/* y = scale r + shift with r the picture at the size of y. */
typedef struct {
  const tr_array *x; /* (N, H, W, C) */
  tr_nn_resize resize;
  double scale, shift;
  tr_array *y; /* (N, H', W', C), not x */
} tr_nn_resize2d_args;
TR_API tr_status tr_nn_resize2d(const tr_nn_resize2d_args *args);

#ifdef __cplusplus
}
#endif

#endif
