/* What a linear layer does for training, and a norm behind it, against the operations one by one: bit for bit
 * on a backend with TR_BACKEND_FUSED_BITS, to rounding elsewhere. Then what is refused, and products in TF32.
 */
#include "core/nn/nn.h"

#include <stdlib.h>

#include "core/backend.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

enum { R = 10, IN = 37, OUT = 150 };

typedef struct {
  tr_ctx *ctx;
  tr_dtype dtype;
  tr_array *x, *w, *b, *table, *stream, *dy;
  tr_array bias;
  tr_nn_weight *weight;
} operands;

static operands operands_of(tr_ctx *ctx, tr_dtype dtype) {
  operands o = {.ctx = ctx,
                .dtype = dtype,
                .x = matrix(ctx, dtype, R, IN, 1),
                .w = matrix(ctx, dtype, OUT, IN, 2),
                .b = matrix(ctx, dtype, 1, OUT, 3),
                .table = matrix(ctx, dtype, 2, 3 * OUT, 4),
                .stream = matrix(ctx, dtype, R, OUT, 5),
                .dy = matrix(ctx, dtype, R, OUT, 6)};
  o.bias = tr_view(o.b, 0, 1, (int64_t[]){OUT});
  o.weight = weight_of(o.w, dtype);
  return o;
}

static void clear(operands *o) {
  tr_array **const arrays[] = {&o->x, &o->w, &o->b, &o->table, &o->stream, &o->dy};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
  tr_nn_weight_destroy(&o->weight);
}

static tr_array *room(const operands *o, int64_t rows, int64_t cols) {
  tr_array *a;
  CHECK_OK(o->ctx, tr_array_create(o->ctx, o->dtype, 2, (int64_t[]){rows, cols}, &a));
  CHECK_OK(o->ctx, tr_fill(7, a));
  return a;
}

static void agree(const tr_array *got, const tr_array *want) {
  double *g = values(got), *w = values(want);
  if (promises(got->ctx, TR_BACKEND_FUSED_BITS))
    CHECK(memcmp(g, w, (size_t)got->count * sizeof *g) == 0);
  else
    CHECK(check_relative(g, w, got->count) < (got->dtype == TR_F64 ? 1e-13 : 4e-6));
  free(g), free(w);
}

/* y = act(before), and before = x W' + b. */
static void keeps_before(const operands *o, tr_nn_activation activation) {
  tr_array *y = room(o, R, OUT), *before = room(o, R, OUT), *want = room(o, R, OUT), *act = room(o, R, OUT);
  CHECK_OK(
      o->ctx,
      tr_nn_linear(&(tr_nn_linear_args){
          .x = o->x, .w = o->weight, .bias = &o->bias, .activation = activation, .y = y, .before = before}));
  CHECK_OK(o->ctx,
           tr_nn_linear(&(tr_nn_linear_args){.x = o->x, .w = o->weight, .bias = &o->bias, .y = want}));
  CHECK_OK(o->ctx, tr_nn_activate(&(tr_nn_activate_args){.activation = activation, .v = want, .y = act}));
  agree(before, want);
  agree(y, act);
  tr_array_destroy(&y), tr_array_destroy(&before), tr_array_destroy(&want), tr_array_destroy(&act);
}

/* The gradient before an activation, whose input is that of all rows or of a part of them in turn. */
static void takes_slope(const operands *o, tr_nn_activation activation, int64_t given) {
  tr_array *y = room(o, R, IN), *want = room(o, R, IN), *v = matrix(o->ctx, o->dtype, given, IN, 7);
  const tr_nn_linear_args args = {
      .x = o->dy, .w = o->weight, .transposed = true, .activation = activation, .y = y, .slope_at = v};
  CHECK_OK(o->ctx, tr_nn_linear(&args));
  CHECK_OK(o->ctx,
           tr_nn_linear(&(tr_nn_linear_args){.x = o->dy, .w = o->weight, .transposed = true, .y = want}));
  CHECK_OK(o->ctx, tr_nn_activation_backward(&(tr_nn_activation_backward_args){
                       .activation = activation, .v = v, .dy = want, .dv = want}));
  agree(y, want);
  tr_array_destroy(&y), tr_array_destroy(&want), tr_array_destroy(&v);
}

/* The stream in place; what is normed goes where the layer's input was, where it has its extents. */
static void then_norm(const operands *o) {
  tr_array *square = matrix(o->ctx, o->dtype, OUT, OUT, 8), *h = matrix(o->ctx, o->dtype, R, OUT, 9);
  tr_array *x = room(o, R, OUT), *want = room(o, R, OUT), *normed = room(o, R, OUT);
  tr_nn_weight *weight = weight_of(square, o->dtype);
  CHECK_OK(o->ctx, tr_array_copy(o->stream, x));
  CHECK_OK(o->ctx, tr_array_copy(o->stream, want));
  tr_nn_linear_norm_args args = {
      .linear = {.x = h, .w = weight, .bias = &o->bias, .gate = {o->table, 3}, .residual = want, .y = want},
      .norm = {.x = want, .shift = {o->table, OUT}, .scale = {o->table, 2 * OUT}, .eps = 1e-6, .y = normed}};
  CHECK_OK(o->ctx, tr_nn_linear(&args.linear));
  CHECK_OK(o->ctx, tr_nn_norm_modulate(&args.norm));
  args.linear.residual = args.linear.y = x, args.norm.x = x, args.norm.y = h;
  CHECK_OK(o->ctx, tr_nn_linear_norm(&args));
  agree(x, want);
  agree(h, normed);
  args.norm.x = normed;
  CHECK_ERROR(o->ctx, tr_nn_linear_norm(&args), TR_E_SHAPE, "a linear layer and a norm");
  args.norm.x = x, args.norm.y = x;
  CHECK_ERROR(o->ctx, tr_nn_linear_norm(&args), TR_E_SHAPE, "a linear layer and a norm");
  args.norm.y = h, args.linear.residual = NULL, args.linear.gate.table = NULL, args.linear.before = normed;
  CHECK_ERROR(o->ctx, tr_nn_linear_norm(&args), TR_E_ARG, "neither before nor slope_at");
  tr_nn_weight_destroy(&weight);
  tr_array *const all[] = {square, h, x, want, normed};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) tr_array_destroy(&(tr_array *){all[i]});
}

static void refused(const operands *o) {
  tr_array *y = room(o, R, OUT), *few = room(o, R - 3, OUT), *x = room(o, R, OUT);
  tr_array *other = matrix(o->ctx, o->dtype == TR_F64 ? TR_F32 : TR_F64, R, OUT, 1);
  tr_nn_linear_args a = {.x = o->x, .w = o->weight, .activation = TR_NN_SILU, .y = y, .before = y};
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_SHAPE, "extents");
  a.before = few;
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_SHAPE, "extents");
  a.before = other;
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_SHAPE, "before of a linear layer is");
  a.before = x, a.residual = few;
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_SHAPE, "extents");
  a.residual = o->stream;
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_ARG, "before its activation");
  a.residual = NULL, a.slope_at = o->stream;
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_ARG, "slope_at");
  a.before = NULL, a.bias = &o->bias;
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_ARG, "slope_at");
  a.bias = NULL, a.slope_at = few;
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_SHAPE, "extents");
  a.slope_at = y;
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_SHAPE, "extents");
  a.slope_at = other;
  CHECK_ERROR(o->ctx, tr_nn_linear(&a), TR_E_SHAPE, "slope_at of a linear layer is");
  tr_array_destroy(&y), tr_array_destroy(&few), tr_array_destroy(&x), tr_array_destroy(&other);
}

/* TF32 keeps 10 bits of fraction: a product is off by at most 2^-10 of its sum of absolute values. */
static void tf32(tr_ctx *ctx) {
  operands o = operands_of(ctx, TR_F32);
  const tr_nn_weight_spec spec = {
      .out = OUT, .in = IN, .storage = TR_F32, .compute = TR_F32, .products = TR_NN_TF32};
  tr_nn_weight *w = NULL;
  if (promises(ctx, TR_BACKEND_TF32)) {
    tr_array *y = room(&o, R, OUT), *want = room(&o, R, OUT);
    CHECK_OK(ctx, tr_nn_weight_create(ctx, &spec, &w));
    CHECK_OK(ctx, tr_nn_weight_set(w, o.w));
    CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = o.x, .w = w, .y = y}));
    CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = o.x, .w = o.weight, .y = want}));
    double *got = values(y), *full = values(want);
    CHECK(check_relative(got, full, y->count) < 1e-3);
    free(got), free(full);
    tr_array_destroy(&y), tr_array_destroy(&want);
  } else {
    CHECK_ERROR(ctx, tr_nn_weight_create(ctx, &spec, &w), TR_E_UNSUPPORTED, "use f32 or bf16");
    CHECK_ERROR(ctx, tr_nn_products_check(ctx, TR_F32, TR_NN_TF32), TR_E_UNSUPPORTED, "use f32 or bf16");
  }
  CHECK_ERROR(ctx, tr_nn_products_check(ctx, TR_F64, TR_NN_TF32), TR_E_ARG, "these are for f32");
  CHECK_ERROR(ctx, tr_nn_products_check(ctx, TR_F32, (tr_nn_products)3), TR_E_ARG, "no products 3");
  tr_nn_weight_destroy(&w);
  clear(&o);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  for (int i = 0; i < 2; i++) {
    operands o = operands_of(ctx, i ? TR_F64 : TR_F32);
    for (int activation = TR_NN_IDENTITY; activation <= TR_NN_GELU_TANH; activation++) {
      keeps_before(&o, (tr_nn_activation)activation);
      takes_slope(&o, (tr_nn_activation)activation, R);
      takes_slope(&o, (tr_nn_activation)activation, R / 2);
    }
    then_norm(&o);
    refused(&o);
    clear(&o);
  }
  tf32(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
