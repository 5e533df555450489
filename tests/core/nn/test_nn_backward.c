/* The way back and forward mode, operation by operation: tangents against central differences of the forward
 * in f64, gradients by <w, J v> = <J' w, v>, and with several gradients behind one forward. */
#include <stdlib.h>

#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

static double tolerance(tr_dtype dtype) {
  return dtype == TR_F64 ? 1e-13 : 2e-5;
}

/* <a, b> over `count` elements from `from` of each on. */
static double inner(const double *a, const double *b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}

/* What a linear map gives of v, `of_v`, and its adjoint of w, `of_w`: both inner products agree. */
static void check_adjoint(const tr_array *v, const tr_array *of_v, const tr_array *w, const tr_array *of_w) {
  double *hv = values(v), *hj = values(of_v), *hw = values(w), *ha = values(of_w);
  double left = inner(hw, hj, w->count), right = inner(ha, hv, v->count);
  double size = sqrt(inner(hw, hw, w->count) * inner(hj, hj, w->count));
  CHECK_NEAR(left / size, right / size, tolerance(v->dtype));
  free(hv), free(hj), free(hw), free(ha);
}

static void gate(tr_ctx *ctx, tr_dtype dtype, int64_t D) {
  enum { R = 6, G = 3 };
  tr_array *x = matrix(ctx, dtype, R, D, 1), *table = matrix(ctx, dtype, G, D + 2, 2),
           *y = matrix(ctx, dtype, R, D, 3);
  CHECK_OK(ctx, tr_nn_gate(&(tr_nn_gate_args){.x = x, .gate = {table, 2}, .y = y}));
  double *hx = values(x), *ht = values(table), *got = values(y);
  for (int64_t r = 0; r < R; r++)
    for (int64_t c = 0; c < D; c++) hx[r * D + c] *= ht[r / (R / G) * (D + 2) + 2 + c];
  CHECK(check_relative(got, hx, R * D) < tolerance(dtype));
  CHECK_OK(ctx, tr_nn_gate(&(tr_nn_gate_args){.x = x, .gate = {table, 2}, .y = x})); /* in place */
  double *again = values(x);
  CHECK(memcmp(again, got, (size_t)(R * D) * sizeof *got) == 0);
  free(hx), free(ht), free(got), free(again);
  tr_array_destroy(&x), tr_array_destroy(&table), tr_array_destroy(&y);
}

/* A layer, and then its gate and residual: bit for bit the layer with both. */
static void gate_behind(tr_ctx *ctx, tr_dtype dtype, int64_t D) {
  enum { R = 6, G = 3, IN = 5 };
  tr_array *x = matrix(ctx, dtype, R, IN, 1), *table = matrix(ctx, dtype, G, D, 2),
           *residual = matrix(ctx, dtype, R, D, 3), *bias = matrix(ctx, dtype, 1, D, 4),
           *values_of_w = matrix(ctx, dtype, D, IN, 5), *y = matrix(ctx, dtype, R, D, 6);
  const tr_nn_weight_spec spec = {.out = D, .in = IN, .storage = dtype, .compute = dtype};
  tr_nn_weight *w;
  CHECK_OK(ctx, tr_nn_weight_create(ctx, &spec, &w));
  CHECK_OK(ctx, tr_nn_weight_set(w, values_of_w));
  tr_array b = tr_view(bias, 0, 1, &D);
  tr_nn_linear_args linear = {.x = x, .w = w, .bias = &b, .gate = {table, 0}, .residual = residual, .y = y};
  CHECK_OK(ctx, tr_nn_linear(&linear));
  double *want = values(y);
  linear.gate.table = NULL, linear.residual = NULL;
  CHECK_OK(ctx, tr_nn_linear(&linear));
  CHECK_OK(ctx, tr_nn_gate(&(tr_nn_gate_args){.x = y, .gate = {table, 0}, .residual = residual, .y = y}));
  double *got = values(y);
  CHECK(memcmp(got, want, (size_t)(R * D) * sizeof *got) == 0);
  CHECK_ERROR(ctx, tr_nn_gate(&(tr_nn_gate_args){.x = y, .gate = {table, 0}, .residual = bias, .y = y}),
              TR_E_SHAPE, "a gate");
  tr_nn_weight_destroy(&w);
  free(want), free(got);
  tr_array **const arrays[] = {&x, &table, &residual, &bias, &values_of_w, &y};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

static double act(tr_nn_activation activation, double v) {
  if (activation == TR_NN_SILU) return v / (1 + exp(-v));
  if (activation == TR_NN_GELU_TANH)
    return 0.5 * v * (1 + tanh(sqrt(2 / acos(-1)) * (v + 0.044715 * v * v * v)));
  return v;
}

/* Slopes with two rows of v behind six of dy. */
static void activation(tr_ctx *ctx, tr_dtype dtype, tr_nn_activation kind, int64_t D) {
  enum { Q = 2, R = 6 };
  const double h = 1e-6;
  tr_array *v = matrix(ctx, dtype, Q, D, 1), *y = matrix(ctx, dtype, Q, D, 2);
  tr_array *dy = matrix(ctx, dtype, R, D, 3), *dv = matrix(ctx, dtype, R, D, 4);
  CHECK_OK(ctx, tr_nn_activate(&(tr_nn_activate_args){.activation = kind, .v = v, .y = y}));
  CHECK_OK(ctx, tr_nn_activation_backward(
                    &(tr_nn_activation_backward_args){.activation = kind, .v = v, .dy = dy, .dv = dv}));
  double *hv = values(v), *hy = values(y), *want = values(y), *hd = values(dy), *got = values(dv);
  for (int64_t i = 0; i < Q * D; i++) want[i] = act(kind, hv[i]);
  CHECK(check_relative(hy, want, Q * D) < tolerance(dtype));
  for (int64_t i = 0; i < R * D; i++) {
    double at = hv[i % (Q * D)];
    hd[i] *= (act(kind, at + h) - act(kind, at - h)) / (2 * h);
  }
  CHECK(check_relative(got, hd, R * D) < (dtype == TR_F64 ? 1e-8 : 2e-5));
  double *const all[] = {hv, hy, want, hd, got};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  tr_array_destroy(&v), tr_array_destroy(&y), tr_array_destroy(&dy), tr_array_destroy(&dv);
}

/* Tangent by central differences (f64), its adjoint, the adjoint of two gradients behind one norm with a
 * residual. */
static void norm(tr_ctx *ctx, tr_dtype dtype, int64_t D) {
  enum { R = 6, G = 3, PROBES = 2 };
  const double eps = 1e-2, h = 1e-5;
  tr_array *x = matrix(ctx, dtype, R, D, 1), *table = matrix(ctx, dtype, G, 2 * D, 2);
  tr_array *v = matrix(ctx, dtype, R, D, 3), *Jv = matrix(ctx, dtype, R, D, 4);
  tr_array *w = matrix(ctx, dtype, PROBES * R, D, 5), *wJ = matrix(ctx, dtype, PROBES * R, D, 6);
  tr_array *moved = matrix(ctx, dtype, R, D, 7), *above = matrix(ctx, dtype, R, D, 8),
           *below = matrix(ctx, dtype, R, D, 9);
  const tr_nn_columns scale = {table, D};
  CHECK_OK(ctx, tr_nn_norm_jvp(&(tr_nn_norm_jvp_args){.x = x, .scale = scale, .eps = eps, .v = v, .y = Jv}));
  CHECK_OK(ctx, tr_nn_norm_backward(
                    &(tr_nn_norm_backward_args){.x = x, .scale = scale, .eps = eps, .dy = w, .dx = wJ}));
  for (int64_t k = 0; k < PROBES; k++) {
    tr_array one = tr_rows(w, k * R, R), product = tr_rows(wJ, k * R, R);
    check_adjoint(v, Jv, &one, &product);
  }
  CHECK_OK(ctx, tr_nn_norm_backward(&(tr_nn_norm_backward_args){
                    .x = x, .scale = scale, .eps = eps, .dy = w, .residual = wJ, .dx = wJ}));
  tr_array sum = tr_rows(wJ, 0, R), one = tr_rows(w, 0, R);
  CHECK_OK(ctx, tr_scale(0.5, &sum, &sum)); /* the product came twice */
  check_adjoint(v, Jv, &one, &sum);
  if (dtype == TR_F64) {
    for (int side = -1; side <= 1; side += 2) {
      CHECK_OK(ctx, tr_axpby(1, x, side * h, v, moved));
      CHECK_OK(
          ctx,
          tr_nn_norm_modulate(&(tr_nn_norm_modulate_args){
              .x = moved, .shift = {table, 0}, .scale = scale, .eps = eps, .y = side < 0 ? below : above}));
    }
    CHECK_OK(ctx, tr_axpby(0.5 / h, above, -0.5 / h, below, moved));
    double *want = values(moved), *got = values(Jv);
    CHECK(check_relative(got, want, R * D) < 1e-8);
    free(want), free(got);
  }
  tr_array **const arrays[] = {&x, &table, &v, &Jv, &w, &wJ, &moved, &above, &below};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

typedef struct {
  int64_t N, T;
  int heads;
  int64_t head;
} attention_sizes;

static tr_status attend(const attention_sizes *s, const tr_array *qkv, tr_array *y, tr_array *stats) {
  return tr_nn_attention(
      &(tr_nn_attention_args){.qkv = qkv, .samples = s->N, .heads = s->heads, .y = y, .stats = stats});
}

static void attention_tangent(tr_ctx *ctx, const attention_sizes *s, const tr_array *qkv, const tr_array *v,
                              const tr_array *Jv) {
  const double h = 1e-5;
  tr_array *moved, *above, *below;
  CHECK_OK(ctx, tr_array_like(qkv, &moved));
  CHECK_OK(ctx, tr_array_like(Jv, &above));
  CHECK_OK(ctx, tr_array_like(Jv, &below));
  for (int side = -1; side <= 1; side += 2) {
    CHECK_OK(ctx, tr_axpby(1, qkv, side * h, v, moved));
    CHECK_OK(ctx, attend(s, moved, side < 0 ? below : above, NULL));
  }
  CHECK_OK(ctx, tr_axpby(0.5 / h, above, -0.5 / h, below, above));
  double *want = values(above), *got = values(Jv);
  CHECK(check_relative(got, want, Jv->count) < 1e-8);
  free(want), free(got);
  tr_array_destroy(&moved), tr_array_destroy(&above), tr_array_destroy(&below);
}

/* log sum_j exp(q_i k_j / sqrt(head)), and y's bits that do not depend on being asked for it. */
static void statistics(tr_ctx *ctx, const attention_sizes *s, const tr_array *qkv, const tr_array *y,
                       tr_array *stats) {
  int64_t D = s->heads * s->head, T = s->T;
  tr_array *again;
  CHECK_OK(ctx, tr_array_like(y, &again));
  CHECK_OK(ctx, attend(s, qkv, again, stats));
  double *in = values(qkv), *got = values(stats), *want = values(stats), *first = values(y),
         *second = values(again);
  CHECK(memcmp(first, second, (size_t)y->count * sizeof *first) == 0);
  for (int64_t n = 0; n < s->N; n++)
    for (int64_t h = 0; h < s->heads; h++)
      for (int64_t i = 0; i < T; i++) {
        const double *q = in + (n * T + i) * 3 * D + h * s->head, *k = in + n * T * 3 * D + D + h * s->head;
        double sum = 0;
        for (int64_t j = 0; j < T; j++) sum += exp(inner(q, k + j * 3 * D, s->head) / sqrt((double)s->head));
        want[(n * s->heads + h) * T + i] = log(sum);
      }
  CHECK(check_relative(got, want, stats->count) < tolerance(y->dtype));
  double *const all[] = {in, got, want, first, second};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  tr_array_destroy(&again);
}

/* Two gradients behind one attention, with and without the statistics. */
static void attention(tr_ctx *ctx, tr_dtype dtype, attention_sizes s) {
  enum { PROBES = 2 };
  int64_t D = s.heads * s.head, rows = s.N * s.T;
  tr_array *qkv = matrix(ctx, dtype, rows, 3 * D, 1), *v = matrix(ctx, dtype, rows, 3 * D, 2);
  tr_array *y = matrix(ctx, dtype, rows, D, 3), *Jv = matrix(ctx, dtype, rows, D, 4);
  tr_array *w = matrix(ctx, dtype, PROBES * rows, D, 5), *wJ = matrix(ctx, dtype, PROBES * rows, 3 * D, 6);
  tr_array *stats = matrix(ctx, dtype, s.N * s.heads, s.T, 7);
  tr_nn_attention_backward_args back = {.qkv = qkv, .samples = s.N, .heads = s.heads, .dy = w, .dqkv = wJ};
  CHECK_OK(ctx, attend(&s, qkv, y, NULL));
  statistics(ctx, &s, qkv, y, stats);
  CHECK_OK(ctx, tr_nn_attention_jvp(&(tr_nn_attention_jvp_args){
                    .qkv = qkv, .v = v, .samples = s.N, .heads = s.heads, .y = Jv}));
  if (dtype == TR_F64) attention_tangent(ctx, &s, qkv, v, Jv);
  CHECK_OK(ctx, tr_nn_attention_backward(&back));
  for (int64_t k = 0; k < PROBES; k++) {
    tr_array one = tr_rows(w, k * rows, rows), product = tr_rows(wJ, k * rows, rows);
    check_adjoint(v, Jv, &one, &product);
  }
  double *anew = values(wJ);
  back.y = y, back.stats = stats;
  CHECK_OK(ctx, tr_fill(0, wJ));
  CHECK_OK(ctx, tr_nn_attention_backward(&back));
  double *given = values(wJ);
  CHECK(check_relative(given, anew, wJ->count) < tolerance(dtype));
  free(anew), free(given);
  tr_array **const arrays[] = {&qkv, &v, &y, &Jv, &w, &wJ, &stats};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

/* 2 samples of 2 channels, 4 x 6 pixels; `wide`: tokens of 3 channels, one dropped. */
static void patches(tr_ctx *ctx, tr_dtype dtype) {
  enum { N = 2, C = 2, H = 4, W = 6, P = 2, T = 6 };
  const int64_t shape[] = {N, C, H, W};
  tr_array *flat = matrix(ctx, dtype, N * C, H * W, 1), *other = matrix(ctx, dtype, N * C, H * W, 2);
  tr_array *tokens = matrix(ctx, dtype, N * T, C * P * P, 3), *back = matrix(ctx, dtype, N * T, C * P * P, 4);
  tr_array *wide = matrix(ctx, dtype, N * T, (C + 1) * P * P, 5),
           *wide_back = matrix(ctx, dtype, N * T, (C + 1) * P * P, 6);
  tr_array x = tr_view(flat, 0, 4, shape), y = tr_view(other, 0, 4, shape);
  CHECK_OK(ctx, tr_nn_patchify(&(tr_nn_patchify_args){.latents = &x, .patch = P, .tokens = tokens}));
  CHECK_OK(ctx,
           tr_nn_patchify_adjoint(&(tr_nn_patchify_adjoint_args){.tokens = back, .patch = P, .latents = &y}));
  check_adjoint(&x, tokens, back, &y);
  CHECK_OK(ctx, tr_nn_unpatchify(&(tr_nn_unpatchify_args){.tokens = wide, .patch = P, .latents = &x}));
  CHECK_OK(ctx, tr_nn_unpatchify_adjoint(
                    &(tr_nn_unpatchify_adjoint_args){.latents = &y, .patch = P, .tokens = wide_back}));
  check_adjoint(wide, &x, &y, wide_back);
  tr_array **const arrays[] = {&flat, &other, &tokens, &back, &wide, &wide_back};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

static void refused(tr_ctx *ctx) {
  tr_array *qkv = matrix(ctx, TR_F64, 6, 12, 1), *dqkv = matrix(ctx, TR_F64, 6, 12, 2);
  tr_array *y = matrix(ctx, TR_F64, 6, 4, 3), *stats = matrix(ctx, TR_F64, 4, 3, 4),
           *turned = matrix(ctx, TR_F64, 3, 4, 5);
  tr_nn_attention_backward_args back = {.qkv = qkv, .samples = 2, .heads = 2, .dy = y, .dqkv = dqkv};
  CHECK_OK(ctx, tr_nn_attention_backward(&back));
  back.stats = stats;
  CHECK_ERROR(ctx, tr_nn_attention_backward(&back), TR_E_SHAPE, "the backward of attention");
  back.y = y, back.stats = NULL;
  CHECK_ERROR(ctx, tr_nn_attention_backward(&back), TR_E_SHAPE, "the backward of attention");
  back.stats = turned;
  CHECK_ERROR(ctx, tr_nn_attention_backward(&back), TR_E_SHAPE, "the backward of attention");
  CHECK_ERROR(ctx, attend(&(attention_sizes){2, 3, 2, 2}, qkv, y, turned), TR_E_SHAPE, "attention");
  CHECK_ERROR(ctx, attend(&(attention_sizes){0, 3, 2, 2}, qkv, y, NULL), TR_E_SHAPE, "attention");
  CHECK_ERROR(ctx, attend(&(attention_sizes){2, 3, 0, 2}, qkv, y, NULL), TR_E_SHAPE, "attention");
  tr_array **const arrays[] = {&qkv, &dqkv, &y, &stats, &turned};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  for (int i = 0; i < 2; i++) {
    tr_dtype dtype = i ? TR_F64 : TR_F32;
    for (int64_t D = 5; D <= 100; D += 19) {
      gate(ctx, dtype, D);
      gate_behind(ctx, dtype, D);
      norm(ctx, dtype, D);
      activation(ctx, dtype, TR_NN_IDENTITY, D);
      activation(ctx, dtype, TR_NN_SILU, D);
      activation(ctx, dtype, TR_NN_GELU_TANH, D);
    }
    attention(ctx, dtype, (attention_sizes){2, 16, 3, 16});
    attention(ctx, dtype, (attention_sizes){1, 81, 2, 18});
    attention(ctx, dtype, (attention_sizes){3, 1, 1, 3});
    attention(ctx, dtype, (attention_sizes){1, 200, 1, 72});
    patches(ctx, dtype);
  }
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
