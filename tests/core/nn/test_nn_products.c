/* Rows of linear layers have the same bits in every batch, with all that may follow the product, in every
 * type and with operands rounded in every way, aligned or not. The whole batch and its parts are computed on
 * contexts of their own, so that neither can profit from what the other asked for first. And gelu against its
 * values in double, where a library computes it. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

enum { SAMPLES = 64, TOKENS = 5, ROWS = SAMPLES * TOKENS };

/* What follows a product. */
typedef struct {
  tr_nn_activation activation;
  bool bias, gate, residual, in_place, before, slope, norm;
} tail;

/* How it is computed; half: x and y are bf16; rows: the hint of the weight. */
typedef struct {
  tr_dtype dtype;
  tr_nn_products products;
  bool half, transposed;
  int64_t in, out, rows;
} kind;

/* The operands of all samples on one context. */
typedef struct {
  tr_ctx *ctx;
  kind k;
  tr_nn_weight *w;
  tr_array *x, *bias, *gate, *residual, *slope;
} problem;

static tr_dtype hidden(const kind *k) {
  return k->half ? TR_BF16 : k->dtype;
}

static tr_array *array_of(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t cols) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){rows, cols}, &a));
  return a;
}

/* Normals in any type. */
static tr_array *normals(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t cols, uint32_t number) {
  tr_array *a = matrix(ctx, dtype == TR_F64 ? TR_F64 : TR_F32, rows, cols, number), *half;
  if (dtype != TR_BF16) return a;
  double *host = values(a);
  half = array_of(ctx, TR_BF16, rows, cols);
  CHECK_OK(ctx, tr_array_set_f64(half, host));
  free(host);
  tr_array_destroy(&a);
  return half;
}

static tr_nn_weight *weight_for(tr_ctx *ctx, const kind *k, const tr_array *values_of) {
  const tr_nn_weight_spec spec = {.out = values_of->shape[0],
                                  .in = values_of->shape[1],
                                  .storage = k->products == TR_NN_BF16 ? TR_BF16 : k->dtype,
                                  .compute = k->dtype,
                                  .products = k->products,
                                  .rows = k->rows};
  tr_nn_weight *w;
  CHECK_OK(ctx, tr_nn_weight_create(ctx, &spec, &w));
  CHECK_OK(ctx, tr_nn_weight_set(w, values_of));
  return w;
}

static problem open_problem(tr_ctx *ctx, const kind *k) {
  tr_array *w = normals(ctx, k->dtype, k->transposed ? k->in : k->out, k->transposed ? k->out : k->in, 2);
  problem p = {.ctx = ctx,
               .k = *k,
               .w = weight_for(ctx, k, w),
               .x = normals(ctx, hidden(k), ROWS, k->in, 1),
               .bias = normals(ctx, k->dtype, 1, k->out, 3),
               .gate = normals(ctx, k->dtype, SAMPLES, 2 * k->out, 4),
               .residual = normals(ctx, k->dtype, ROWS, k->out, 5),
               .slope = normals(ctx, hidden(k), ROWS, k->out, 6)};
  tr_array_destroy(&w);
  return p;
}

static void close_problem(problem *p) {
  tr_array **const all[] = {&p->x, &p->bias, &p->gate, &p->residual, &p->slope};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) tr_array_destroy(all[i]);
  tr_nn_weight_destroy(&p->w);
}

/* What a layer gives: y, and what was kept or normed; the caller frees. */
typedef struct {
  char *y, *second;
  size_t y_row, second_row; /* bytes of the rows of a sample */
} result;

static char *bytes_of(const tr_array *a) {
  char *host = malloc((size_t)a->count * tr_dtype_size(a->dtype) + 1);
  CHECK_OK(a->ctx, tr_array_download(a, host));
  return host;
}

/* Samples first .. first + n - 1, in a batch of their own. */
static result run(const problem *p, const tail *t, int64_t first, int64_t n) {
  const kind *k = &p->k;
  const int64_t rows = n * TOKENS;
  const bool stream = t->residual || t->norm; /* y is the residual stream, which is never bf16 */
  tr_array *y = array_of(p->ctx, stream ? k->dtype : hidden(k), rows, k->out);
  tr_array *second = array_of(p->ctx, hidden(k), rows, k->out);
  tr_array x = tr_rows(p->x, first * TOKENS, rows), residual = tr_rows(p->residual, first * TOKENS, rows),
           slope = tr_rows(p->slope, first * TOKENS, rows), gate = tr_rows(p->gate, first, n),
           bias = tr_view(p->bias, 0, 1, &k->out);
  if (t->in_place) CHECK_OK(p->ctx, tr_array_copy(&residual, y));
  const tr_nn_linear_args linear = {.x = &x,
                                    .w = p->w,
                                    .transposed = k->transposed,
                                    .bias = t->bias ? &bias : NULL,
                                    .activation = t->activation,
                                    .gate = {t->gate ? &gate : NULL, 0},
                                    .residual = t->in_place   ? y
                                                : t->residual ? &residual
                                                              : NULL,
                                    .y = y,
                                    .before = t->before ? second : NULL,
                                    .slope_at = t->slope ? &slope : NULL};
  if (t->norm)
    CHECK_OK(p->ctx,
             tr_nn_linear_norm(&(tr_nn_linear_norm_args){
                 linear, {.x = y, .shift = {&gate, 0}, .scale = {&gate, k->out}, .eps = 1e-6, .y = second}}));
  else
    CHECK_OK(p->ctx, tr_nn_linear(&linear));
  result r = {.y = bytes_of(y),
              .second = t->before || t->norm ? bytes_of(second) : NULL,
              .y_row = (size_t)(TOKENS * k->out) * tr_dtype_size(y->dtype),
              .second_row = (size_t)(TOKENS * k->out) * tr_dtype_size(second->dtype)};
  tr_array_destroy(&y), tr_array_destroy(&second);
  return r;
}

/* A copy that begins one element behind where memory does: `own` is to be destroyed. */
static tr_array moved(const tr_array *a, tr_array **own) {
  *own = array_of(a->ctx, a->dtype, 1, a->count + 1);
  tr_array view = tr_view(*own, 1, a->ndim, a->shape);
  CHECK_OK(a->ctx, tr_array_copy(a, &view));
  return view;
}

/* A layer with all in its way, of operands that begin anywhere, against `want`. */
static void unaligned(const problem *p, const tail *t, const result *want) {
  tr_array *own[4], *y = array_of(p->ctx, t->residual ? p->k.dtype : hidden(&p->k), ROWS, p->k.out);
  tr_array x = moved(p->x, &own[0]), bias = moved(p->bias, &own[1]), residual = moved(p->residual, &own[2]),
           to = moved(y, &own[3]);
  bias.ndim = 1, bias.shape[0] = bias.count;
  CHECK_OK(p->ctx, tr_nn_linear(&(tr_nn_linear_args){.x = &x,
                                                     .w = p->w,
                                                     .transposed = p->k.transposed,
                                                     .bias = t->bias ? &bias : NULL,
                                                     .activation = t->activation,
                                                     .residual = t->residual ? &residual : NULL,
                                                     .y = &to}));
  char *got = bytes_of(&to);
  CHECK(memcmp(got, want->y, SAMPLES * want->y_row) == 0);
  free(got);
  for (int i = 0; i < 4; i++) tr_array_destroy(&own[i]);
  tr_array_destroy(&y);
}

static void free_result(result *r) {
  free(r->y), free(r->second);
}

/* The parts before the whole: which algorithm they get must not depend on it. */
static void same_bits(const problem *whole, const problem *parts, const tail *t) {
  static const int64_t counts[] = {1, 3, 10, SAMPLES};
  enum { COUNTS = sizeof counts / sizeof *counts };
  result part[COUNTS];
  int64_t first[COUNTS];
  for (int i = 0; i < COUNTS; i++) {
    first[i] = 7 * counts[i] % (SAMPLES - counts[i] + 1);
    part[i] = run(parts, t, first[i], counts[i]);
  }
  result all = run(whole, t, 0, SAMPLES);
  for (int i = 0; i < COUNTS; i++) {
    const size_t at = (size_t)first[i], n = (size_t)counts[i];
    CHECK(memcmp(part[i].y, all.y + at * all.y_row, n * all.y_row) == 0);
    if (all.second) CHECK(memcmp(part[i].second, all.second + at * all.second_row, n * all.second_row) == 0);
    free_result(&part[i]);
  }
  if (!t->gate && !t->norm && !t->before && !t->slope) unaligned(whole, t, &all);
  free_result(&all);
}

static void all_tails(tr_ctx *one, tr_ctx *other, const kind *k) {
  static const tail tails[] = {{.activation = TR_NN_IDENTITY},
                               {.bias = true},
                               {.activation = TR_NN_GELU_TANH},
                               {.activation = TR_NN_GELU_TANH, .bias = true},
                               {.activation = TR_NN_GELU_TANH, .bias = true, .before = true},
                               {.activation = TR_NN_SILU, .bias = true, .before = true},
                               {.activation = TR_NN_SILU, .bias = true},
                               {.activation = TR_NN_GELU_TANH, .slope = true},
                               {.activation = TR_NN_SILU, .slope = true},
                               {.bias = true, .gate = true},
                               {.residual = true},
                               {.bias = true, .gate = true, .residual = true},
                               {.bias = true, .gate = true, .residual = true, .in_place = true},
                               {.bias = true, .gate = true, .residual = true, .in_place = true, .norm = true},
                               {.bias = true, .norm = true}};
  problem whole = open_problem(one, k), parts = open_problem(other, k);
  for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) same_bits(&whole, &parts, &tails[i]);
  close_problem(&whole), close_problem(&parts);
}

static void rows_independent(tr_ctx *one, tr_ctx *other) {
  static const kind kinds[] = {
      {.dtype = TR_F64, .in = 24, .out = 40},
      {.dtype = TR_F32, .in = 24, .out = 40, .rows = TOKENS},
      {.dtype = TR_F32, .in = 33, .out = 27, .transposed = true},
      {.dtype = TR_F32, .products = TR_NN_TF32, .in = 24, .out = 40, .rows = 20},
      {.dtype = TR_F32, .products = TR_NN_TF32, .in = 33, .out = 27},
      {.dtype = TR_F32, .products = TR_NN_BF16, .in = 33, .out = 27, .rows = 1},
      {.dtype = TR_F32, .products = TR_NN_TF32, .in = 24, .out = 40, .rows = 1},
      {.dtype = TR_F32, .products = TR_NN_BF16, .in = 24, .out = 40, .half = true, .rows = 1},
      {.dtype = TR_F32, .products = TR_NN_BF16, .in = 40, .out = 24, .half = true},
      {.dtype = TR_F32, .products = TR_NN_BF16, .in = 33, .out = 27, .half = true},
      {.dtype = TR_F32, .in = 26, .out = 24},
      {.dtype = TR_F32,
       .products = TR_NN_BF16,
       .in = 40,
       .out = 24,
       .half = true,
       .transposed = true,
       .rows = 20}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (kinds[i].products == TR_NN_TF32 && !promises(one, TR_BACKEND_TF32)) continue;
    if (kinds[i].half && !promises(one, TR_BACKEND_BF16_ARRAYS)) continue;
    all_tails(one, other, &kinds[i]);
  }
}

/* y = gelu(1 x) at numbers that every type has, from where it is 0 to where it is x. */
static void gelu(tr_ctx *ctx, const kind *k, double bound) {
  enum { N = 8, R = 96 };
  double eye[N * N] = {0}, at[R * N], worst = 0;
  tr_array *w = array_of(ctx, k->dtype, N, N), *x = array_of(ctx, hidden(k), R, N),
           *y = array_of(ctx, hidden(k), R, N);
  for (int i = 0; i < N; i++) eye[i * N + i] = 1;
  for (int i = 0; i < R * N; i++) at[i] = ldexp(128 + i % 128, i / 128 - 8) * (i % 3 ? 1 : -1);
  CHECK_OK(ctx, tr_array_set_f64(w, eye));
  CHECK_OK(ctx, tr_array_set_f64(x, at));
  tr_nn_weight *weight = weight_for(ctx, k, w);
  CHECK_OK(ctx,
           tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .activation = TR_NN_GELU_TANH, .y = y}));
  double *got = values(y);
  for (int i = 0; i < R * N; i++) {
    const double v = at[i];
    const double want = 0.5 * v * (1 + tanh(sqrt(2 / acos(-1)) * (v + 0.044715 * v * v * v)));
    worst = fmax(worst, fabs(got[i] - want) / fmax(1, fabs(want)));
  }
  CHECK_NEAR(worst, 0, bound);
  free(got);
  tr_array_destroy(&w), tr_array_destroy(&x), tr_array_destroy(&y);
  tr_nn_weight_destroy(&weight);
}

/* More tiles than one call of a library takes; of whole numbers, so that every sum is exact. */
static void many_rows(tr_ctx *ctx) {
  enum { R = 16 * 32768 + 21, N = 4 };
  const kind k = {.dtype = TR_F32, .rows = 1};
  const float w[N * N] = {1, -2, 3, 4, 0, 5, -6, 7, 8, 9, 1, -1, 2, 0, 3, 1};
  float *host = malloc((size_t)R * N * sizeof *host), *got = malloc((size_t)R * N * sizeof *got);
  tr_array *x = array_of(ctx, TR_F32, R, N), *y = array_of(ctx, TR_F32, R, N),
           *values_of = array_of(ctx, TR_F32, N, N);
  for (int64_t i = 0; i < (int64_t)R * N; i++) host[i] = (float)(i % 1009);
  CHECK_OK(ctx, tr_array_upload(x, host));
  CHECK_OK(ctx, tr_array_upload(values_of, w));
  tr_nn_weight *weight = weight_for(ctx, &k, values_of);
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .y = y}));
  CHECK_OK(ctx, tr_array_download(y, got));
  int64_t wrong = 0;
  for (int64_t r = 0; r < R; r++)
    for (int o = 0; o < N; o++) {
      float want = 0;
      for (int i = 0; i < N; i++) want += host[r * N + i] * w[o * N + i];
      wrong += got[r * N + o] != want;
    }
  CHECK(wrong == 0);
  free(host), free(got);
  tr_array_destroy(&x), tr_array_destroy(&y), tr_array_destroy(&values_of);
  tr_nn_weight_destroy(&weight);
}

/* So many rows of a layer of small tiles, of 16, are the first of a batch, bit for bit; the launches. */
static int64_t launches(tr_ctx *ctx, tr_dtype dtype, int64_t rows) {
  enum { IN = 24, OUT = 40, ALL = 64 };
  const kind k = {.dtype = dtype, .rows = 1};
  tr_array *w = normals(ctx, dtype, OUT, IN, 1), *x = normals(ctx, dtype, ALL, IN, 2),
           *bias = normals(ctx, dtype, 1, OUT, 3), *y = array_of(ctx, dtype, ALL, OUT),
           *few = array_of(ctx, dtype, rows, OUT);
  tr_nn_weight *weight = weight_for(ctx, &k, w);
  const tr_array b = tr_view(bias, 0, 1, (int64_t[]){OUT}), part = tr_rows(x, 0, rows);
  device_counts from, to;
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .bias = &b, .y = y}));
  for (int i = 0; i < 2; i++) { /* the first call may try algorithms */
    (void)device_count(&from);
    CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = &part, .w = weight, .bias = &b, .y = few}));
    CHECK_OK(ctx, tr_wait(ctx));
    (void)device_count(&to);
  }
  char *want = bytes_of(y), *got = bytes_of(few);
  CHECK(memcmp(got, want, (size_t)few->count * tr_dtype_size(dtype)) == 0);
  free(want), free(got);
  tr_array_destroy(&w), tr_array_destroy(&x), tr_array_destroy(&bias);
  tr_array_destroy(&y), tr_array_destroy(&few);
  tr_nn_weight_destroy(&weight);
  return device_between(from, to).launches;
}

/* Rows that fill no tile are multiplied as they are, where the library can do it with the same bits: the
 * emulator's for 2 and 9 rows, while 5 are refused and 3 are summed in another order. Else they go to working
 * memory and back. */
static void few_rows(tr_ctx *ctx, tr_dtype dtype) {
  static const struct {
    int64_t rows, launches;
  } cases[] = {{16, 1}, {2, 1}, {9, 1}, {3, 3}, {5, 3}, {18, 2}, {57, 2}, {19, 4}, {21, 4}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const int64_t n = launches(ctx, dtype, cases[i].rows);
    CHECK(!emulated(ctx) || n == cases[i].launches);
  }
}

/* All rows in one matrix, as the variable of measurements has it: the same numbers, but the bits of a row
 * hang on how many there are, here in the emulator's library. */
static void told(int argc, char **argv, const char *tiles, bool one_matrix) {
  enum { IN = 24, OUT = 40, TILE = 16, ALL = 2 * TILE };
  setenv("TRANSIT_CUDA_TILES", tiles, 1);
  tr_ctx *ctx = check_context(argc, argv);
  tr_array *w = matrix(ctx, TR_F32, OUT, IN, 1), *x = matrix(ctx, TR_F32, ALL, IN, 2),
           *y = array_of(ctx, TR_F32, ALL, OUT), *few = array_of(ctx, TR_F32, TILE, OUT);
  tr_nn_weight *weight = weight_for(ctx, &(kind){.dtype = TR_F32, .rows = 1}, w);
  const tr_array part = tr_rows(x, 0, TILE), front = tr_rows(y, 0, TILE);
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .y = y}));
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = &part, .w = weight, .y = few}));
  double *got = values(few), *want = values(&front);
  CHECK(check_relative(got, want, few->count) < 1e-6);
  if (emulated(ctx)) CHECK((memcmp(got, want, (size_t)few->count * sizeof *got) != 0) == one_matrix);
  free(got), free(want);
  tr_array_destroy(&w), tr_array_destroy(&x), tr_array_destroy(&y), tr_array_destroy(&few);
  tr_nn_weight_destroy(&weight);
  tr_ctx_close(&ctx);
  unsetenv("TRANSIT_CUDA_TILES");
}

/* The emulator's library has none of so many outputs. */
static void refused(tr_ctx *ctx) {
  enum { OUT = (1 << 20) + 1 };
  if (strcmp(tr_ctx_backend(ctx)->name, "emulated") != 0) return;
  tr_array *w = array_of(ctx, TR_F32, 1, OUT), *x = array_of(ctx, TR_F32, 1, 1),
           *y = array_of(ctx, TR_F32, 1, OUT);
  CHECK_OK(ctx, tr_fill(1, w));
  CHECK_OK(ctx, tr_fill(1, x));
  tr_nn_weight *weight = weight_for(ctx, &(kind){.dtype = TR_F32}, w);
  CHECK_ERROR(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .transposed = true, .y = y}),
              TR_E_UNSUPPORTED,
              "a product in f32 of 1048577 outputs, 64 rows at a time and 1 inputs failed: "
              "CUBLAS_STATUS_NOT_SUPPORTED");
  tr_array_destroy(&w), tr_array_destroy(&x), tr_array_destroy(&y);
  tr_nn_weight_destroy(&weight);
}

int main(int argc, char **argv) {
  tr_ctx *one = check_context(argc, argv), *other = check_context(argc, argv);
  if (promises(one, TR_BACKEND_ROWS_INDEPENDENT)) rows_independent(one, other);
  gelu(one, &(kind){.dtype = TR_F64}, 1e-15);
  gelu(one, &(kind){.dtype = TR_F32}, 1e-6);
  gelu(one, &(kind){.dtype = TR_F32, .products = TR_NN_BF16}, 1e-3);
  if (promises(one, TR_BACKEND_TF32)) gelu(one, &(kind){.dtype = TR_F32, .products = TR_NN_TF32}, 1e-3);
  if (promises(one, TR_BACKEND_BF16_ARRAYS)) /* rounded to 8 bits, too */
    gelu(one, &(kind){.dtype = TR_F32, .products = TR_NN_BF16, .half = true}, 0x1p-8 + 1e-3);
  if (promises(one, TR_BACKEND_ROWS_INDEPENDENT)) few_rows(one, TR_F32), few_rows(one, TR_F64);
  many_rows(one);
  refused(one);
  tr_ctx_close(&one), tr_ctx_close(&other);
  told(argc, argv, "0", true), told(argc, argv, "1", false), told(argc, argv, "", false);
  return check_report();
}
