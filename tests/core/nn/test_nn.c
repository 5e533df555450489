/* The network operations against plain sums in double, for awkward sizes; and that a row's bits depend on
 * nothing but the row: not on how many rows there are, nor where it stands, nor on the threads. */
#include "core/backend.h"
#include "core/nn/nn.h"

#include <stdlib.h>

#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

static double tolerance(tr_dtype dtype) {
  return dtype == TR_F64 ? 1e-14 : 2e-6;
}

static double activate(tr_nn_activation activation, double v) {
  if (activation == TR_NN_SILU) return v / (1 + exp(-v));
  if (activation == TR_NN_GELU_TANH)
    return 0.5 * v * (1 + tanh(sqrt(2 / acos(-1)) * (v + 0.044715 * v * v * v)));
  return v;
}

/* R rows, `in` inputs, `out` outputs; the gate has G rows. */
static void linear(tr_ctx *ctx, tr_dtype dtype, int64_t R, int64_t in, int64_t out,
                   tr_nn_activation activation, int64_t G) {
  tr_array *x = matrix(ctx, dtype, R, in, 1), *w = matrix(ctx, dtype, out, in, 2), *y;
  tr_array *b = matrix(ctx, dtype, 1, out, 3), *gate = matrix(ctx, dtype, G, out + 3, 4);
  tr_array *residual = matrix(ctx, dtype, R, out, 5);
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){R, out}, &y));
  tr_array bias = tr_view(b, 0, 1, &out);
  tr_nn_weight *weight = weight_of(w, w->dtype);
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x,
                                                  .w = weight,
                                                  .bias = &bias,
                                                  .activation = activation,
                                                  .gate = {gate, 2},
                                                  .residual = residual,
                                                  .y = y}));
  double *hx = values(x), *hw = values(w), *hb = values(b), *hg = values(gate), *hr = values(residual);
  double *got = values(y), *want = malloc((size_t)y->count * sizeof *want);
  for (int64_t r = 0; r < R; r++)
    for (int64_t o = 0; o < out; o++) {
      double sum = hb[o];
      for (int64_t i = 0; i < in; i++) sum += hx[r * in + i] * hw[o * in + i];
      want[r * out + o] = activate(activation, sum) * hg[r / (R / G) * (out + 3) + 2 + o] + hr[r * out + o];
    }
  CHECK(check_relative(got, want, y->count) < tolerance(dtype));
  double *const all[] = {hx, hw, hb, hg, hr, got, want};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  tr_array **const arrays[] = {&x, &w, &y, &b, &gate, &residual};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
  tr_nn_weight_destroy(&weight);
}

static tr_status multiply(const tr_array *x, const tr_nn_weight *w, tr_array *y) {
  return tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = w, .y = y});
}

/* Every number of rows, at every offset that tiles can have, on one and more threads: the same bits. */
static void linear_rows_independent(tr_ctx *ctx, tr_dtype dtype, int64_t in, int64_t out) {
  if (!promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  enum { ROWS = 300 };
  tr_array *x = matrix(ctx, dtype, ROWS, in, 1), *w = matrix(ctx, dtype, out, in, 2), *y;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){ROWS, out}, &y));
  tr_nn_weight *weight = weight_of(w, w->dtype);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 1));
  CHECK_OK(ctx, multiply(x, weight, y));
  double *all = values(y);
  static const int64_t counts[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,   10, 11,
                                   12, 13, 14, 15, 16, 17, 23, 33, 100, 257};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    int64_t n = counts[i], first = (7 * n) % (ROWS - n + 1);
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, 1 + (int)i % 3));
    tr_array part = tr_rows(x, first, n);
    tr_array result = tr_rows(y, first, n);
    CHECK_OK(ctx, tr_fill(0, &result));
    CHECK_OK(ctx, multiply(&part, weight, &result));
    double *got = values(&result);
    CHECK(memcmp(got, all + first * out, (size_t)(n * out) * sizeof *got) == 0);
    free(got);
  }
  free(all);
  tr_array_destroy(&x);
  tr_array_destroy(&w);
  tr_array_destroy(&y);
  tr_nn_weight_destroy(&weight);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 2));
}

static void norm_modulate(tr_ctx *ctx, tr_dtype dtype, int64_t D) {
  enum { R = 6, G = 3 };
  tr_array *x = matrix(ctx, dtype, R, D, 1), *table = matrix(ctx, dtype, G, 2 * D, 2), *y;
  CHECK_OK(ctx, tr_array_like(x, &y));
  CHECK_OK(ctx, tr_nn_norm_modulate(&(tr_nn_norm_modulate_args){
                    .x = x, .shift = {table, 0}, .scale = {table, D}, .eps = 1e-6, .y = y}));
  double *hx = values(x), *ht = values(table), *got = values(y),
         *want = malloc((size_t)(R * D) * sizeof *want);
  for (int64_t r = 0; r < R; r++) {
    double mean = 0, var = 0;
    const double *row = hx + r * D, *shift = ht + r / (R / G) * 2 * D;
    for (int64_t c = 0; c < D; c++) mean += row[c] / (double)D;
    for (int64_t c = 0; c < D; c++) var += (row[c] - mean) * (row[c] - mean) / (double)D;
    for (int64_t c = 0; c < D; c++)
      want[r * D + c] = (row[c] - mean) / sqrt(var + 1e-6) * (1 + shift[D + c]) + shift[c];
  }
  CHECK(check_relative(got, want, R * D) < tolerance(dtype));
  free(hx), free(ht), free(got), free(want);
  tr_array_destroy(&x);
  tr_array_destroy(&table);
  tr_array_destroy(&y);
}

static void attention_reference(const double *qkv, int64_t N, int64_t T, int heads, int64_t D, double *y) {
  int64_t hd = D / heads;
  double *p = malloc((size_t)T * sizeof *p);
  for (int64_t row = 0; row < N * T; row++)
    for (int64_t h = 0; h < heads; h++) {
      const double *q = qkv + row * 3 * D + h * hd, *k = qkv + row / T * T * 3 * D + D + h * hd;
      double most = -INFINITY, sum = 0;
      for (int64_t j = 0; j < T; j++) {
        p[j] = 0;
        for (int64_t i = 0; i < hd; i++) p[j] += q[i] * k[j * 3 * D + i] / sqrt((double)hd);
        most = fmax(most, p[j]);
      }
      for (int64_t j = 0; j < T; j++) sum += p[j] = exp(p[j] - most);
      for (int64_t i = 0; i < hd; i++) {
        double o = 0;
        for (int64_t j = 0; j < T; j++) o += p[j] / sum * k[j * 3 * D + D + i];
        y[row * D + h * hd + i] = o;
      }
    }
  free(p);
}

/* Large scores too: `size` scales q and k. */
static void attention(tr_ctx *ctx, tr_dtype dtype, int64_t N, int64_t T, int heads, int64_t hd, double size) {
  int64_t D = heads * hd;
  tr_array *qkv = matrix(ctx, dtype, N * T, 3 * D, 1), *y;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){N * T, D}, &y));
  CHECK_OK(ctx, tr_scale(size, qkv, qkv));
  CHECK_OK(ctx, tr_nn_attention(&(tr_nn_attention_args){.qkv = qkv, .samples = N, .heads = heads, .y = y}));
  double *in = values(qkv), *got = values(y), *want = malloc((size_t)(N * T * D) * sizeof *want);
  attention_reference(in, N, T, heads, D, want);
  CHECK(check_relative(got, want, N * T * D) < tolerance(dtype) * fmax(1, size * size));
  free(in), free(got), free(want);
  tr_array_destroy(&qkv);
  tr_array_destroy(&y);
}

/* Samples 1 and 2 of three alone give the bits they have in company, on any number of threads. */
static void attention_samples_independent(tr_ctx *ctx, tr_dtype dtype, int64_t T, int heads, int64_t hd) {
  if (!promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  int64_t D = heads * hd;
  tr_array *qkv = matrix(ctx, dtype, 3 * T, 3 * D, 1), *y;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){3 * T, D}, &y));
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 1));
  CHECK_OK(ctx, tr_nn_attention(&(tr_nn_attention_args){.qkv = qkv, .samples = 3, .heads = heads, .y = y}));
  double *all = values(y);
  for (int threads = 1; threads <= 3; threads++) {
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
    tr_array part = tr_rows(qkv, threads == 1 ? T : 2 * T, T);
    tr_array result = tr_rows(y, threads == 1 ? T : 2 * T, T);
    CHECK_OK(ctx, tr_fill(0, &result));
    CHECK_OK(ctx, tr_nn_attention(
                      &(tr_nn_attention_args){.qkv = &part, .samples = 1, .heads = heads, .y = &result}));
    double *got = values(&result);
    CHECK(memcmp(got, all + (threads == 1 ? 1 : 2) * T * D, (size_t)(T * D) * sizeof *got) == 0);
    free(got);
  }
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 2));
  free(all);
  tr_array_destroy(&qkv);
  tr_array_destroy(&y);
}

/* 2 samples of 2 channels, 4 x 6 pixels, patch 2: against the definition, and back. */
static void patches(tr_ctx *ctx, tr_dtype dtype) {
  enum { N = 2, C = 2, H = 4, W = 6, P = 2, T = 6, COUNT = N * C * H * W };
  double pixels[COUNT], want[COUNT], joined[2 * COUNT];
  tr_array *x, *y, *wide;
  for (int i = 0; i < COUNT; i++) pixels[i] = i;
  for (int i = 0; i < COUNT; i++) {
    int row = i / (C * P * P), c = i / (P * P) % C, dy = i / P % P, dx = i % P, n = row / T, t = row % T;
    want[i] = ((n * C + c) * H + t / 3 * P + dy) * W + t % 3 * P + dx;
    for (int o = 0; o < 2; o++) /* final layer: (i, j, channel), the second half of the channels is dropped */
      joined[row * 16 + (dy * P + dx) * 4 + 2 * o + c] = o ? -1 : want[i];
  }
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 4, (int64_t[]){N, C, H, W}, &x));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){N * T, C * P * P}, &y));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){N * T, 2 * C * P * P}, &wide));
  CHECK_OK(ctx, tr_array_set_f64(x, pixels));
  CHECK_OK(ctx, tr_nn_patchify(&(tr_nn_patchify_args){.latents = x, .patch = P, .tokens = y}));
  double *got = values(y);
  CHECK(memcmp(got, want, sizeof want) == 0);
  free(got);
  CHECK_OK(ctx, tr_fill(0, x));
  CHECK_OK(ctx, tr_array_set_f64(wide, joined));
  CHECK_OK(ctx, tr_nn_unpatchify(&(tr_nn_unpatchify_args){.tokens = wide, .patch = P, .latents = x}));
  got = values(x);
  CHECK(memcmp(got, pixels, sizeof pixels) == 0);
  free(got);
  CHECK_ERROR(ctx, tr_nn_patchify(&(tr_nn_patchify_args){.latents = x, .patch = 4, .tokens = y}), TR_E_SHAPE,
              "patches");
  tr_array_destroy(&x);
  tr_array_destroy(&y);
  tr_array_destroy(&wide);
}

/* An activation that there is not, and columns from so far on that a sum would overflow. */
static void out_of_range(tr_ctx *ctx) {
  tr_array *x = matrix(ctx, TR_F64, 4, 3, 1), *w = matrix(ctx, TR_F64, 3, 3, 2),
           *y = matrix(ctx, TR_F64, 4, 3, 3);
  tr_nn_weight *weight = weight_of(w, w->dtype);
  const tr_nn_activation none[] = {(tr_nn_activation)77, (tr_nn_activation)-1};
  const int64_t offsets[] = {-1, 1, INT64_MAX - 1, INT64_MIN};
  for (int i = 0; i < 2; i++) {
    CHECK_ERROR(ctx, tr_nn_activate(&(tr_nn_activate_args){.activation = none[i], .v = x, .y = y}), TR_E_ARG,
                "activation");
    CHECK_ERROR(ctx,
                tr_nn_activation_backward(
                    &(tr_nn_activation_backward_args){.activation = none[i], .v = x, .dy = y, .dv = y}),
                TR_E_ARG, "activation");
    CHECK_ERROR(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .activation = none[i], .y = y}),
                TR_E_ARG, "activation");
  }
  for (int i = 0; i < 4; i++) {
    CHECK_ERROR(ctx, tr_nn_gate(&(tr_nn_gate_args){.x = x, .gate = {x, offsets[i]}, .y = y}), TR_E_SHAPE,
                "extents");
    CHECK_ERROR(ctx,
                tr_nn_gradient_of_norm(&(tr_nn_gradient_of_norm_args){
                    .x = x, .eps = 1e-6, .dy = y, .table = w, .shift = offsets[i], .scale = 0}),
                TR_E_SHAPE, "extents");
  }
  tr_nn_weight_destroy(&weight);
  tr_array_destroy(&x);
  tr_array_destroy(&w);
  tr_array_destroy(&y);
}

static void refused(tr_ctx *ctx) {
  tr_array *x = matrix(ctx, TR_F32, 4, 5, 1), *w = matrix(ctx, TR_F32, 3, 6, 2),
           *y = matrix(ctx, TR_F32, 4, 3, 3);
  tr_array *d = matrix(ctx, TR_F64, 4, 6, 4);
  tr_array *labels = labels_of(ctx, 4, (const int32_t[]){0, 1, 2, 3});
  tr_nn_weight *weight = weight_of(w, w->dtype);
  CHECK_ERROR(ctx, multiply(x, weight, y), TR_E_SHAPE, "linear layer");
  CHECK_ERROR(ctx, multiply(d, weight, y), TR_E_SHAPE, "f64");
  CHECK_ERROR(ctx, tr_nn_attention(&(tr_nn_attention_args){.qkv = y, .samples = 1, .heads = 1, .y = x}),
              TR_E_SHAPE, "attention");
  CHECK_ERROR(ctx, tr_nn_condition(&(tr_nn_condition_args){.e = y, .table = w, .labels = labels, .y = y}),
              TR_E_SHAPE, "conditioning");
  tr_nn_weight_destroy(&weight);
  tr_array_destroy(&x);
  tr_array_destroy(&w);
  tr_array_destroy(&y);
  tr_array_destroy(&d);
  tr_array_destroy(&labels);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  for (int i = 0; i < 2; i++) {
    tr_dtype dtype = i ? TR_F64 : TR_F32;
    linear(ctx, dtype, 1, 1, 1, TR_NN_IDENTITY, 1);
    linear(ctx, dtype, 6, 70, 131, TR_NN_SILU, 3);
    linear(ctx, dtype, 300, 40, 96, TR_NN_GELU_TANH, 1);
    linear(ctx, dtype, 7, 1100, 8, TR_NN_IDENTITY, 7);
    linear_rows_independent(ctx, dtype, 64, 8);
    linear_rows_independent(ctx, dtype, 100, 150);
    linear_rows_independent(ctx, dtype, 600, 40);
    norm_modulate(ctx, dtype, 5);
    norm_modulate(ctx, dtype, 64);
    norm_modulate(ctx, dtype, 100);
    attention(ctx, dtype, 2, 16, 3, 16, 1);
    attention(ctx, dtype, 1, 81, 2, 18, 3);
    attention(ctx, dtype, 1, 1, 1, 3, 1);
    attention_samples_independent(ctx, dtype, 100, 2, 24);
    attention_samples_independent(ctx, dtype, 256, 1, 72);
    patches(ctx, dtype);
  }
  refused(ctx);
  out_of_range(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
