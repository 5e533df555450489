/* Gradients of parameters against plain sums in double, added to what is there; and that their bits depend on
 * neither how a batch is cut nor the threads. */
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

static double tolerance(tr_dtype dtype) {
  return dtype == TR_F64 ? 1e-13 : 1e-5;
}

/* A layer's input, the gradient behind it, and its parameters' gradients. */
typedef struct {
  tr_array *x, *dy, *dw, *bias;
  tr_array db; /* the bias as a vector */
} layer;

static layer make_layer(tr_ctx *ctx, tr_dtype dtype, int64_t R, int64_t in, int64_t out) {
  layer l = {matrix(ctx, dtype, R, in, 1),
             matrix(ctx, dtype, R, out, 2),
             matrix(ctx, dtype, out, in, 3),
             matrix(ctx, dtype, 1, out, 4),
             {0}};
  l.db = tr_view(l.bias, 0, 1, &out);
  return l;
}

static void free_layer(layer *l) {
  tr_array **const arrays[] = {&l->x, &l->dy, &l->dw, &l->bias};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

static void linear(tr_ctx *ctx, tr_dtype dtype, int64_t R, int64_t in, int64_t out) {
  layer l = make_layer(ctx, dtype, R, in, out);
  double *x = values(l.x), *dy = values(l.dy), *dw = values(l.dw), *db = values(l.bias);
  CHECK_OK(ctx, tr_nn_gradient_of_linear(
                    &(tr_nn_gradient_of_linear_args){.x = l.x, .dy = l.dy, .dw = l.dw, .db = &l.db}));
  CHECK_OK(ctx, tr_nn_gradient_of_linear(&(tr_nn_gradient_of_linear_args){.x = l.x, .dy = l.dy, .dw = l.dw}));
  double *got_w = values(l.dw), *got_b = values(l.bias);
  for (int64_t o = 0; o < out; o++)
    for (int64_t r = 0; r < R; r++) {
      db[o] += dy[r * out + o];
      for (int64_t i = 0; i < in; i++) dw[o * in + i] += 2 * dy[r * out + o] * x[r * in + i];
    }
  CHECK(check_relative(got_w, dw, out * in) < tolerance(dtype));
  CHECK(check_relative(got_b, db, out) < tolerance(dtype));
  double *const all[] = {x, dy, dw, db, got_w, got_b};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  free_layer(&l);
}

/* Rows in pieces of `step`, at most. */
static void add_in_pieces(tr_ctx *ctx, layer *l, int64_t step, int threads) {
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
  for (int64_t first = 0; first < l->x->shape[0]; first += step) {
    int64_t left = l->x->shape[0] - first, n = left < step ? left : step;
    tr_array x = tr_rows(l->x, first, n);
    tr_array dy = tr_rows(l->dy, first, n);
    CHECK_OK(ctx, tr_nn_gradient_of_linear(
                      &(tr_nn_gradient_of_linear_args){.x = &x, .dy = &dy, .dw = l->dw, .db = &l->db}));
  }
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 2));
}

static void linear_pieces(tr_ctx *ctx, tr_dtype dtype, int64_t in, int64_t out) {
  if (!promises(ctx, TR_BACKEND_SUMS_IN_ORDER)) return;
  enum { ROWS = 300 };
  static const int64_t steps[] = {1, 2, 7, 16, 64, 127, 128, 129, 255, ROWS};
  layer whole = make_layer(ctx, dtype, ROWS, in, out);
  add_in_pieces(ctx, &whole, ROWS, 1);
  double *dw = values(whole.dw), *db = values(whole.bias);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    layer l = make_layer(ctx, dtype, ROWS, in, out);
    add_in_pieces(ctx, &l, steps[i], 1 + (int)i % 3);
    double *got_w = values(l.dw), *got_b = values(l.bias);
    CHECK(memcmp(got_w, dw, (size_t)(in * out) * sizeof *dw) == 0);
    CHECK(memcmp(got_b, db, (size_t)out * sizeof *db) == 0);
    free(got_w), free(got_b);
    free_layer(&l);
  }
  free(dw), free(db);
  free_layer(&whole);
}

/* What is not the gate's column stays. */
static void gate(tr_ctx *ctx, tr_dtype dtype, int64_t D) {
  enum { R = 12, Q = 3 };
  tr_array *x = matrix(ctx, dtype, R, D, 1), *dy = matrix(ctx, dtype, R, D, 2);
  tr_array *table = matrix(ctx, dtype, Q, D + 3, 3);
  double *hx = values(x), *hy = values(dy), *want = values(table);
  CHECK_OK(ctx, tr_nn_gradient_of_gate(
                    &(tr_nn_gradient_of_gate_args){.x = x, .dy = dy, .dgate = table, .offset = 2}));
  double *got = values(table);
  for (int64_t q = 0; q < Q; q++)
    for (int64_t c = 0; c < D; c++) {
      double sum = 0;
      for (int64_t r = q * R / Q; r < (q + 1) * R / Q; r++) sum += hx[r * D + c] * hy[r * D + c];
      want[q * (D + 3) + 2 + c] = sum;
    }
  CHECK(check_relative(got, want, table->count) < tolerance(dtype));
  free(hx), free(hy), free(want), free(got);
  tr_array_destroy(&x);
  tr_array_destroy(&dy);
  tr_array_destroy(&table);
}

static void norm(tr_ctx *ctx, tr_dtype dtype, int64_t D) {
  enum { R = 12, Q = 3 };
  const double eps = 1e-2;
  tr_array *x = matrix(ctx, dtype, R, D, 1), *dy = matrix(ctx, dtype, R, D, 2);
  tr_array *table = matrix(ctx, dtype, Q, 2 * D + 3, 3);
  double *hx = values(x), *hy = values(dy), *want = values(table);
  CHECK_OK(ctx, tr_nn_gradient_of_norm(&(tr_nn_gradient_of_norm_args){
                    .x = x, .eps = eps, .dy = dy, .table = table, .shift = D + 2, .scale = 1}));
  double *got = values(table);
  for (int64_t q = 0; q < Q; q++) {
    double *shift = want + q * (2 * D + 3) + D + 2, *scale = want + q * (2 * D + 3) + 1;
    for (int64_t c = 0; c < D; c++) shift[c] = scale[c] = 0;
    for (int64_t r = q * R / Q; r < (q + 1) * R / Q; r++) {
      double mean = 0, variance = 0;
      for (int64_t c = 0; c < D; c++) mean += hx[r * D + c] / (double)D;
      for (int64_t c = 0; c < D; c++) variance += pow(hx[r * D + c] - mean, 2) / (double)D;
      for (int64_t c = 0; c < D; c++) {
        shift[c] += hy[r * D + c];
        scale[c] += hy[r * D + c] * (hx[r * D + c] - mean) / sqrt(variance + eps);
      }
    }
  }
  CHECK(check_relative(got, want, table->count) < tolerance(dtype));
  free(hx), free(hy), free(want), free(got);
  tr_array_destroy(&x);
  tr_array_destroy(&dy);
  tr_array_destroy(&table);
}

/* Two samples share a label, one class has none; or there is no table. */
static void condition(tr_ctx *ctx, tr_dtype dtype, int64_t D, bool classes) {
  enum { N = 4, K = 4 };
  const int32_t labels[N] = {2, 0, 2, 3};
  tr_array *e = matrix(ctx, dtype, N, D, 1), *table = matrix(ctx, dtype, K, D, 2);
  tr_array *dy = matrix(ctx, dtype, N, D, 3), *de = matrix(ctx, dtype, N, D, 4);
  tr_array *dtable = matrix(ctx, dtype, K, D, 5), *on_device = labels_of(ctx, N, labels);
  double *he = values(e), *ht = values(table), *hy = values(dy), *want = values(dtable);
  CHECK_OK(ctx, tr_nn_gradient_of_condition(
                    &(tr_nn_gradient_of_condition_args){.e = e,
                                                        .table = classes ? table : NULL,
                                                        .labels = classes ? on_device : NULL,
                                                        .dy = dy,
                                                        .de = de,
                                                        .dtable = classes ? dtable : NULL}));
  double *got = values(dtable), *got_e = values(de);
  for (int64_t n = 0; n < N; n++)
    for (int64_t c = 0; c < D; c++) {
      double v = he[n * D + c] + (classes ? ht[labels[n] * D + c] : 0), s = 1 / (1 + exp(-v));
      he[n * D + c] = hy[n * D + c] * s * (1 + v * (1 - s));
      if (classes) want[labels[n] * D + c] += he[n * D + c];
    }
  CHECK(check_relative(got_e, he, N * D) < tolerance(dtype));
  CHECK(check_relative(got, want, K * D) < tolerance(dtype));
  double *const all[] = {he, ht, hy, want, got, got_e};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  tr_array **const arrays[] = {&e, &table, &dy, &de, &dtable, &on_device};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

static void refused(tr_ctx *ctx) {
  tr_array *labels = labels_of(ctx, 4, (const int32_t[]){0, 1, 2, 4});
  tr_array *good = labels_of(ctx, 4, (const int32_t[]){0, 1, 2, 3});
  tr_array *a = matrix(ctx, TR_F64, 4, 6, 1), *b = matrix(ctx, TR_F64, 4, 6, 2);
  tr_array *few = matrix(ctx, TR_F64, 3, 6, 3), *single = matrix(ctx, TR_F32, 6, 6, 4);
  tr_array *square = matrix(ctx, TR_F64, 6, 6, 5), *c = matrix(ctx, TR_F64, 4, 6, 6);
  CHECK_ERROR(ctx,
              tr_nn_gradient_of_linear(&(tr_nn_gradient_of_linear_args){.x = few, .dy = a, .dw = square}),
              TR_E_SHAPE, "gradient of a linear layer");
  CHECK_ERROR(ctx, tr_nn_gradient_of_linear(&(tr_nn_gradient_of_linear_args){.x = a, .dy = b, .dw = single}),
              TR_E_SHAPE, "f32");
  CHECK_ERROR(ctx, tr_nn_gradient_of_linear(&(tr_nn_gradient_of_linear_args){.x = a, .dy = b, .dw = c}),
              TR_E_SHAPE, "gradient of a linear layer");
  CHECK_ERROR(
      ctx, tr_nn_gradient_of_gate(&(tr_nn_gradient_of_gate_args){.x = a, .dy = b, .dgate = few, .offset = 0}),
      TR_E_SHAPE, "gradient of a gate");
  CHECK_ERROR(
      ctx, tr_nn_gradient_of_gate(&(tr_nn_gradient_of_gate_args){.x = a, .dy = b, .dgate = c, .offset = 1}),
      TR_E_SHAPE, "gradient of a gate");
  CHECK_ERROR(ctx,
              tr_nn_gradient_of_norm(
                  &(tr_nn_gradient_of_norm_args){.x = a, .dy = b, .table = c, .shift = 0, .scale = 3}),
              TR_E_SHAPE, "gradient of a layer norm");
  CHECK_ERROR(ctx,
              tr_nn_gradient_of_condition(&(tr_nn_gradient_of_condition_args){
                  .e = a, .table = b, .labels = labels, .dy = a, .de = c, .dtable = square}),
              TR_E_SHAPE, "conditioning");
  if (promises(ctx, TR_BACKEND_SUMS_IN_ORDER)) /* elsewhere labels are not looked at */
    CHECK_ERROR(ctx,
                tr_nn_gradient_of_condition(&(tr_nn_gradient_of_condition_args){
                    .e = a, .table = b, .labels = labels, .dy = b, .de = c, .dtable = b}),
                TR_E_ARG, "class label 4");
  CHECK_ERROR(ctx,
              tr_nn_gradient_of_condition(&(tr_nn_gradient_of_condition_args){
                  .e = a, .table = b, .labels = good, .dy = b, .de = a, .dtable = b}),
              TR_E_SHAPE, "conditioning");
  CHECK_ERROR(
      ctx,
      tr_nn_gradient_of_condition(&(tr_nn_gradient_of_condition_args){.e = a, .dy = b, .de = c, .dtable = b}),
      TR_E_SHAPE, "conditioning");
  CHECK_ERROR(ctx,
              tr_nn_gradient_of_condition(
                  &(tr_nn_gradient_of_condition_args){.e = a, .labels = good, .dy = b, .de = c}),
              TR_E_SHAPE, "conditioning");
  CHECK_ERROR(ctx,
              tr_nn_gradient_of_condition(
                  &(tr_nn_gradient_of_condition_args){.e = a, .table = b, .labels = good, .dy = b, .de = c}),
              TR_E_SHAPE, "conditioning");
  tr_array **const arrays[] = {&a, &b, &few, &single, &square, &c, &labels, &good};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  for (int i = 0; i < 2; i++) {
    tr_dtype dtype = i ? TR_F64 : TR_F32;
    linear(ctx, dtype, 1, 1, 1);
    linear(ctx, dtype, 6, 70, 131);
    linear(ctx, dtype, 300, 48, 96);
    linear(ctx, dtype, 129, 200, 7);
    linear_pieces(ctx, dtype, 16, 8);
    linear_pieces(ctx, dtype, 64, 70);
    linear_pieces(ctx, dtype, 150, 100);
    for (int64_t D = 5; D <= 100; D += 19) {
      gate(ctx, dtype, D);
      norm(ctx, dtype, D);
      condition(ctx, dtype, D, true);
      condition(ctx, dtype, D, false);
    }
  }
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
