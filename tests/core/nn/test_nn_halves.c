/* Arrays in bf16 where core/nn/nn.h says "or bf16": each operation with f32 arrays whose values bf16 has, and
 * with the same values in bf16 arrays. What it computes is then the same, and a result in bf16 is that of f32
 * rounded. A backend without TR_BACKEND_BF16_ARRAYS refuses them, and so is every other mix. */
#include "core/nn/nn.h"

#include <stdlib.h>

#include "core/backend.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

#define OF_F32  5e-6 /* relative: sums of the same numbers in f32, in another order */
#define OF_BF16 8e-3 /* and of results rounded to bf16, of which some fall to the other side */

enum { N = 2, T = 17, HEADS = 2, D = 64, R = N * T };

/* One call: its arrays, which of the kinds that it may have in bf16 are so (by bits), and its result. */
enum { MOST = 12 };
typedef struct {
  tr_ctx *ctx;
  unsigned halves;
  int n;
  tr_array *array[MOST];
  tr_nn_weight *w;
  const tr_array *result[2];
  bool apart; /* what is between product and results may be rounded to bf16 */
} call;

/* Normals that bf16 has, in an array of bf16 if this bit is set. */
static tr_array *given(call *c, unsigned bit, int64_t rows, int64_t cols) {
  tr_array *wide = matrix(c->ctx, TR_F32, rows, cols, (uint32_t)c->n), *half;
  CHECK_OK(c->ctx, tr_array_create(c->ctx, TR_BF16, 2, wide->shape, &half));
  double *v = values(wide);
  CHECK_OK(c->ctx, tr_array_set_f64(half, v));
  CHECK_OK(c->ctx, tr_array_get_f64(half, v));
  CHECK_OK(c->ctx, tr_array_set_f64(wide, v));
  free(v);
  tr_array *kept = c->halves & bit ? half : wide, *spare = c->halves & bit ? wide : half;
  tr_array_destroy(&spare);
  return c->array[c->n++] = kept;
}

static tr_array *table(call *c, int64_t rows, int64_t cols) {
  return given(c, 0, rows, cols);
}

static const tr_nn_weight *weight(call *c, int64_t out, int64_t in) {
  const tr_nn_weight_spec spec = {
      .out = out, .in = in, .storage = TR_BF16, .compute = TR_F32, .products = TR_NN_BF16};
  CHECK_OK(c->ctx, tr_nn_weight_create(c->ctx, &spec, &c->w));
  CHECK_OK(c->ctx, tr_nn_weight_set(c->w, table(c, out, in)));
  return c->w;
}

/* ---- the operations ---- */

static tr_status gated_layer(call *c) {
  tr_array *y = given(c, 2, R, D), *residual = table(c, R, D);
  c->result[0] = y;
  return tr_nn_linear(&(tr_nn_linear_args){.x = given(c, 1, R, 72),
                                           .w = weight(c, D, 72),
                                           .activation = TR_NN_GELU_TANH,
                                           .gate = {table(c, N, D + 2), 1},
                                           .residual = residual,
                                           .y = y});
}

static tr_status kept_layer(call *c) {
  tr_array *y = given(c, 2, R, 72), *before = given(c, 2, R, 72);
  c->result[0] = y, c->result[1] = before;
  return tr_nn_linear(&(tr_nn_linear_args){.x = given(c, 1, R, D),
                                           .w = weight(c, 72, D),
                                           .activation = TR_NN_GELU_TANH,
                                           .y = y,
                                           .before = before});
}

static tr_status sloped_layer(call *c) {
  tr_array *y = given(c, 2, 2 * R, 72);
  c->result[0] = y;
  return tr_nn_linear(&(tr_nn_linear_args){.x = given(c, 1, 2 * R, D),
                                           .w = weight(c, D, 72),
                                           .transposed = true,
                                           .activation = TR_NN_GELU_TANH,
                                           .y = y,
                                           .slope_at = given(c, 2, R, 72)});
}

static tr_status linear_norm(call *c) {
  tr_array *x = table(c, R, D), *y = given(c, 2, R, D), *columns = table(c, N, 3 * D);
  c->result[0] = y, c->result[1] = x, c->apart = true;
  return tr_nn_linear_norm(&(tr_nn_linear_norm_args){
      .linear = {.x = given(c, 1, R, D), .w = weight(c, D, D), .gate = {columns, 0}, .residual = x, .y = x},
      .norm = {.x = x, .shift = {columns, D}, .scale = {columns, 2 * D}, .eps = 1e-6, .y = y}});
}

static tr_status norm_modulate(call *c) {
  tr_array *y = given(c, 1, R, D), *columns = table(c, N, 2 * D);
  c->result[0] = y;
  return tr_nn_norm_modulate(&(tr_nn_norm_modulate_args){
      .x = table(c, R, D), .shift = {columns, 0}, .scale = {columns, D}, .eps = 1e-6, .y = y});
}

static tr_status attention(call *c) {
  tr_array *y = given(c, 1, R, D), *stats = table(c, N * HEADS, T);
  c->result[0] = y, c->result[1] = stats;
  return tr_nn_attention(&(tr_nn_attention_args){.qkv = given(c, 1, R, 3 * D),
                                                 .samples = N,
                                                 .heads = HEADS,
                                                 .products = TR_NN_BF16,
                                                 .y = y,
                                                 .stats = stats});
}

static tr_status attention_backward(call *c, bool known) {
  tr_array *qkv = given(c, 1, R, 3 * D), *y = given(c, 1, R, D), *stats = table(c, N * HEADS, T);
  tr_array *dqkv = given(c, 1, 2 * R, 3 * D);
  c->result[0] = dqkv;
  if (known)
    TR_TRY(tr_nn_attention(&(tr_nn_attention_args){
        .qkv = qkv, .samples = N, .heads = HEADS, .products = TR_NN_BF16, .y = y, .stats = stats}));
  return tr_nn_attention_backward(&(tr_nn_attention_backward_args){.qkv = qkv,
                                                                   .samples = N,
                                                                   .heads = HEADS,
                                                                   .y = known ? y : NULL,
                                                                   .stats = known ? stats : NULL,
                                                                   .dy = given(c, 1, 2 * R, D),
                                                                   .dqkv = dqkv,
                                                                   .products = TR_NN_BF16});
}

static tr_status attention_backward_alone(call *c) {
  return attention_backward(c, false);
}

static tr_status attention_backward_known(call *c) {
  return attention_backward(c, true);
}

static tr_status attention_jvp(call *c) {
  tr_array *y = given(c, 1, R, D), *value = given(c, 1, R, D);
  c->result[0] = y, c->result[1] = value;
  return tr_nn_attention_jvp(&(tr_nn_attention_jvp_args){.qkv = given(c, 1, R, 3 * D),
                                                         .v = given(c, 1, R, 3 * D),
                                                         .samples = N,
                                                         .heads = HEADS,
                                                         .products = TR_NN_BF16,
                                                         .y = y,
                                                         .value = value});
}

static tr_status norm_jvp(call *c) {
  tr_array *y = given(c, 1, R, D);
  c->result[0] = y;
  return tr_nn_norm_jvp(&(tr_nn_norm_jvp_args){
      .x = table(c, R, D), .scale = {table(c, N, D), 0}, .eps = 1e-6, .v = table(c, R, D), .y = y});
}

static tr_status gate(call *c) {
  tr_array *y = given(c, 2, R, D);
  c->result[0] = y;
  return tr_nn_gate(&(tr_nn_gate_args){
      .x = given(c, 1, R, D), .gate = {table(c, N, D), 0}, .residual = table(c, R, D), .y = y});
}

static tr_status activate(call *c) {
  tr_array *y = given(c, 2, R, D);
  c->result[0] = y;
  return tr_nn_activate(
      &(tr_nn_activate_args){.activation = TR_NN_GELU_TANH, .v = given(c, 1, R, D), .y = y});
}

static tr_status activation_backward(call *c) {
  tr_array *dv = given(c, 4, 2 * R, D);
  c->result[0] = dv;
  return tr_nn_activation_backward(&(tr_nn_activation_backward_args){
      .activation = TR_NN_GELU_TANH, .v = given(c, 1, R, D), .dy = given(c, 2, 2 * R, D), .dv = dv});
}

static tr_status gradient_of_linear(call *c) {
  tr_array *dw = table(c, 72, D), *db = table(c, 1, 72);
  const tr_array sums = tr_view(db, 0, 1, (int64_t[]){72});
  c->result[0] = dw, c->result[1] = db;
  return tr_nn_gradient_of_linear(&(tr_nn_gradient_of_linear_args){.x = given(c, 1, R, D),
                                                                   .dy = given(c, 2, R, 72),
                                                                   .dw = dw,
                                                                   .db = (tr_array *)&sums,
                                                                   .products = TR_NN_BF16});
}

/* ---- */

typedef tr_status (*operation)(call *c);

static call run(tr_ctx *ctx, operation of, unsigned halves, tr_status *status) {
  call c = {.ctx = ctx, .halves = halves};
  *status = of(&c);
  return c;
}

static void clear(call *c) {
  for (int i = 0; i < c->n; i++) tr_array_destroy(&c->array[i]);
  tr_nn_weight_destroy(&c->w);
}

static void near(const call *c, const tr_array *got, const tr_array *want) {
  double *g = values(got), *w = values(want);
  const bool rounded = got->dtype == TR_BF16 || c->apart;
  CHECK(check_relative(g, w, got->count) < (rounded ? OF_BF16 : OF_F32));
  free(g), free(w);
}

static void every_mix(tr_ctx *ctx, operation of, int kinds) {
  tr_status status;
  call wide = run(ctx, of, 0, &status);
  CHECK_OK(ctx, status);
  for (unsigned halves = 1; halves < 1U << kinds; halves++) {
    call c = run(ctx, of, halves, &status);
    if (promises(ctx, TR_BACKEND_BF16_ARRAYS)) {
      CHECK_OK(ctx, status);
      for (int i = 0; i < 2 && c.result[i]; i++) near(&c, c.result[i], wide.result[i]);
    } else {
      CHECK_ERROR(ctx, status, TR_E_SHAPE, "is bf16");
    }
    clear(&c);
  }
  clear(&wide);
}

/* Operands that are always f32, and products that are not of bf16. */
static void refused(tr_ctx *ctx) {
  call c = {.ctx = ctx, .halves = 1};
  const tr_nn_weight *w = weight(&c, D, D);
  tr_array *x = given(&c, 1, R, D), *y = table(&c, R, D), *qkv = given(&c, 1, R, 3 * D);
  tr_nn_weight *full = weight_of(table(&c, D, D), TR_F32);
  CHECK_ERROR(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = full, .y = y}), TR_E_SHAPE,
              "x of a linear layer is bf16");
  CHECK_ERROR(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = y, .w = w, .residual = x, .y = table(&c, R, D)}),
              TR_E_SHAPE, "residual of a linear layer is bf16");
  CHECK_ERROR(ctx,
              tr_nn_norm_modulate(
                  &(tr_nn_norm_modulate_args){.x = x, .shift = {y, 0}, .scale = {y, 0}, .eps = 1e-6, .y = y}),
              TR_E_SHAPE, "x of a layer norm is bf16");
  CHECK_ERROR(ctx,
              tr_nn_attention(&(tr_nn_attention_args){
                  .qkv = qkv, .samples = N, .heads = HEADS, .products = TR_NN_BF16, .y = y}),
              TR_E_SHAPE, "qkv of attention is bf16");
  CHECK_ERROR(ctx, tr_nn_attention(&(tr_nn_attention_args){.qkv = qkv, .samples = N, .heads = HEADS, .y = x}),
              TR_E_SHAPE, "y of attention is bf16");
  tr_nn_weight_destroy(&full);
  clear(&c);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK(tr_nn_product_dtype(ctx, TR_F32, TR_NN_BF16) ==
        (promises(ctx, TR_BACKEND_BF16_ARRAYS) ? TR_BF16 : TR_F32));
  CHECK(tr_nn_product_dtype(ctx, TR_F32, TR_NN_FULL) == TR_F32);
  CHECK(tr_nn_product_dtype(ctx, TR_F64, TR_NN_BF16) == TR_F64);
  every_mix(ctx, gated_layer, 2);
  every_mix(ctx, kept_layer, 2);
  every_mix(ctx, sloped_layer, 2);
  every_mix(ctx, linear_norm, 2);
  every_mix(ctx, norm_modulate, 1);
  every_mix(ctx, attention, 1);
  every_mix(ctx, attention_backward_alone, 1);
  every_mix(ctx, attention_backward_known, 1);
  every_mix(ctx, attention_jvp, 1);
  every_mix(ctx, norm_jvp, 1);
  every_mix(ctx, gate, 2);
  every_mix(ctx, activate, 2);
  every_mix(ctx, activation_backward, 3);
  every_mix(ctx, gradient_of_linear, 2);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
