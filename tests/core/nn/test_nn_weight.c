/* Weights: every storage with every compute type, set from every type, both ways through; against sums in
 * double of the rounded values, and to the bit against a weight that is kept as it computes. Their memory,
 * and that setting one anew reaches both ways. */
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

static tr_array *array_of(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t cols, const double *host) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){rows, cols}, &a));
  CHECK_OK(ctx, tr_array_set_f64(a, host));
  return a;
}

static tr_nn_weight *empty_weight(tr_ctx *ctx, int64_t out, int64_t in, tr_dtype storage, tr_dtype compute) {
  tr_nn_weight *w;
  CHECK_OK(ctx,
           tr_nn_weight_create(
               ctx, &(tr_nn_weight_spec){.out = out, .in = in, .storage = storage, .compute = compute}, &w));
  return w;
}

/* values, each rounded to the type of an array and then to the storage */
static void round_values(int64_t n, tr_dtype given, tr_dtype storage, double *values) {
  double one;
  for (int64_t i = 0; i < n; i++) {
    char bits[8];
    tr_dtype_from_f64(given, 1, &values[i], bits);
    tr_dtype_to_f64(given, 1, bits, &one);
    tr_dtype_from_f64(storage, 1, &one, bits);
    tr_dtype_to_f64(storage, 1, bits, &values[i]);
  }
}

typedef struct {
  tr_ctx *ctx;
  tr_dtype storage, compute, given; /* given: of the array that the weight is set from */
  int64_t rows, out, in;
} problem;

/* y (rows, wide) of x (rows, deep): the sums, and no worse than their rounding. */
static void check_product(const problem *p, const double *w, bool transposed, const tr_array *x,
                          const tr_array *y) {
  int64_t deep = transposed ? p->out : p->in, wide = transposed ? p->in : p->out;
  double *hx = values(x), *got = values(y), unit = p->compute == TR_F32 ? 0x1p-24 : 0x1p-53, worst = 0;
  for (int64_t r = 0; r < p->rows; r++)
    for (int64_t o = 0; o < wide; o++) {
      long double sum = 0, size = 0;
      for (int64_t i = 0; i < deep; i++) {
        long double term = (long double)hx[r * deep + i] * w[transposed ? i * p->in + o : o * p->in + i];
        sum += term, size += fabsl(term);
      }
      double error = (double)fabsl((long double)got[r * wide + o] - sum);
      worst = fmax(worst, error / (unit * (double)size * sqrt((double)deep + 1)));
    }
  CHECK(worst < 4);
  free(hx), free(got);
}

/* Both ways; `plain` has the rounded values in the compute type, and gives the same bits. */
static void check_both_ways(const problem *p, const double *rounded, tr_nn_weight *w) {
  tr_array *exact = array_of(p->ctx, p->compute, p->out, p->in, rounded);
  tr_nn_weight *plain = weight_of(exact, p->compute);
  for (int transposed = 0; transposed < 2; transposed++) {
    tr_array *x = matrix(p->ctx, p->compute, p->rows, transposed ? p->out : p->in, 7);
    tr_array *y = matrix(p->ctx, p->compute, p->rows, transposed ? p->in : p->out, 8);
    tr_nn_linear_args args = {.x = x, .w = w, .transposed = transposed, .y = y};
    CHECK_OK(p->ctx, tr_nn_linear(&args));
    check_product(p, rounded, transposed, x, y);
    double *got = values(y);
    args.w = plain;
    CHECK_OK(p->ctx, tr_fill(0, y));
    CHECK_OK(p->ctx, tr_nn_linear(&args));
    double *want = values(y);
    CHECK(memcmp(got, want, (size_t)y->count * sizeof *got) == 0);
    free(got), free(want);
    tr_array_destroy(&x), tr_array_destroy(&y);
  }
  tr_nn_weight_destroy(&plain);
  tr_array_destroy(&exact);
}

/* Set, used, and set anew to other values. */
static void products(const problem *p) {
  tr_nn_weight *w = empty_weight(p->ctx, p->out, p->in, p->storage, p->compute);
  for (uint32_t number = 1; number < 3; number++) {
    tr_array *normals = matrix(p->ctx, TR_F64, p->out, p->in, number);
    double *host = values(normals);
    tr_array *given = array_of(p->ctx, p->given, p->out, p->in, host);
    CHECK_OK(p->ctx, tr_nn_weight_set(w, given));
    tr_array_destroy(&given);
    round_values(p->out * p->in, p->given, p->storage, host);
    check_both_ways(p, host, w);
    free(host);
    tr_array_destroy(&normals);
  }
  tr_nn_weight_destroy(&w);
}

static void all_types(tr_ctx *ctx, int64_t rows, int64_t out, int64_t in) {
  static const tr_dtype computes[] = {TR_F32, TR_F64}, givens[] = {TR_F32, TR_F64, TR_BF16};
  for (int c = 0; c < 2; c++)
    for (int half = 0; half < 2; half++)
      for (int g = 0; g < (out * in < 10000 ? 3 : 1); g++)
        products(&(problem){.ctx = ctx,
                            .storage = half ? TR_BF16 : computes[c],
                            .compute = computes[c],
                            .given = givens[g],
                            .rows = rows,
                            .out = out,
                            .in = in});
}

/* With all that may follow a product, W in the place of W^T. */
static void transposed_epilogue(tr_ctx *ctx) {
  enum { R = 6, IN = 35, OUT = 21 };
  tr_array *x = matrix(ctx, TR_F64, R, OUT, 1), *w = matrix(ctx, TR_F64, OUT, IN, 2),
           *y = matrix(ctx, TR_F64, R, IN, 3);
  tr_array *gate = matrix(ctx, TR_F64, 2, IN, 4), *row = matrix(ctx, TR_F64, 1, IN, 5);
  tr_array bias = tr_view(row, 0, 1, (int64_t[]){IN});
  tr_nn_weight *weight = weight_of(w, TR_F64);
  double *hx = values(x), *hw = values(w), *hg = values(gate), *hb = values(row), *want = values(y);
  CHECK_OK(
      ctx,
      tr_nn_linear(&(tr_nn_linear_args){
          .x = x, .w = weight, .transposed = true, .bias = &bias, .gate = {gate, 0}, .residual = y, .y = y}));
  double *got = values(y);
  for (int r = 0; r < R; r++)
    for (int i = 0; i < IN; i++) {
      double sum = hb[i];
      for (int o = 0; o < OUT; o++) sum += hx[r * OUT + o] * hw[o * IN + i];
      want[r * IN + i] += sum * hg[r / 3 * IN + i];
    }
  CHECK(check_relative(got, want, R * IN) < 1e-14);
  double *const all[] = {hx, hw, hg, hb, want, got};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  tr_nn_weight_destroy(&weight);
  tr_array **const arrays[] = {&x, &w, &y, &gate, &row};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

/* On the processor bf16 takes half of what f32 does and a quarter of f64, and the way back as much again,
 * once it was gone. A device reads the same values both ways, and holds them in the type in which it
 * multiplies. */
static void memory(tr_ctx *ctx) {
  const bool device = !promises(ctx, TR_BACKEND_SUMS_IN_ORDER);
  const int layouts = device ? 1 : 2;
  enum { OUT = 96, IN = 64 };
  static const struct {
    tr_dtype storage, compute;
    int64_t bytes;
  } cases[] = {{TR_F32, TR_F32, 4}, {TR_F64, TR_F64, 8}, {TR_BF16, TR_F32, 2}, {TR_BF16, TR_F64, 2}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tr_array *w = matrix(ctx, cases[i].compute, OUT, IN, 1), *x = matrix(ctx, cases[i].compute, 3, OUT, 2);
    tr_array *y = matrix(ctx, cases[i].compute, 3, IN, 3);
    const int64_t bytes = device ? (int64_t)tr_dtype_size(cases[i].compute) : cases[i].bytes;
    int64_t before = tr_ctx_memory(ctx), once = OUT * IN * bytes;
    tr_nn_weight *weight = weight_of(w, cases[i].storage);
    CHECK(tr_ctx_memory(ctx) == before + once);
    const tr_nn_linear_args back = {.x = x, .w = weight, .transposed = true, .y = y};
    CHECK_OK(ctx, tr_nn_linear(&back));
    CHECK(tr_ctx_memory(ctx) == before + layouts * once);
    int64_t allocations = tr_ctx_counts(ctx).allocations;
    CHECK_OK(ctx, tr_nn_linear(&back));
    CHECK_OK(ctx, tr_nn_weight_set(weight, w));
    CHECK_OK(ctx, tr_nn_linear(&back));
    CHECK(tr_ctx_counts(ctx).allocations == allocations && tr_ctx_memory(ctx) == before + layouts * once);
    tr_nn_weight_destroy(&weight);
    CHECK(weight == NULL && tr_ctx_memory(ctx) == before);
    tr_nn_weight_destroy(&weight);
    tr_array_destroy(&w), tr_array_destroy(&x), tr_array_destroy(&y);
  }
}

static void refused(tr_ctx *ctx) {
  static const struct {
    tr_nn_weight_spec spec;
    const char *word;
  } bad[] = {{{.out = 2, .in = 3, .storage = TR_F32, .compute = TR_F64}, "f32 to compute in f64"},
             {{.out = 2, .in = 3, .storage = TR_F64, .compute = TR_F32}, "f64 to compute in f32"},
             {{.out = 2, .in = 3, .storage = TR_BF16, .compute = TR_BF16}, "compute in bf16"},
             {{.out = 2, .in = 3, .storage = TR_I32, .compute = TR_I32}, "i32"},
             {{.out = 0, .in = 3, .storage = TR_F32, .compute = TR_F32}, "0 outputs"},
             {{.out = 2, .in = -1, .storage = TR_F32, .compute = TR_F32}, "-1 inputs"}};
  tr_nn_weight *w;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_ERROR(ctx, tr_nn_weight_create(ctx, &bad[i].spec, &w), TR_E_ARG, bad[i].word);
    CHECK(w == NULL);
  }
  tr_array *few = matrix(ctx, TR_F32, 2, 4, 1), *turned = matrix(ctx, TR_F32, 3, 2, 2), *whole;
  tr_array *x = matrix(ctx, TR_F32, 5, 3, 3), *y = matrix(ctx, TR_F32, 5, 2, 4),
           *wide = matrix(ctx, TR_F64, 5, 2, 5);
  CHECK_OK(ctx, tr_array_create(ctx, TR_I32, 2, (int64_t[]){2, 3}, &whole));
  w = empty_weight(ctx, 2, 3, TR_BF16, TR_F32);
  CHECK(tr_nn_weight_spec_of(w)->out == 2 && tr_nn_weight_spec_of(w)->storage == TR_BF16);
  CHECK_ERROR(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = w, .y = y}), TR_E_ARG, "never set");
  CHECK_ERROR(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .y = y}), TR_E_ARG,
              "w of a linear layer is missing");
  CHECK_ERROR(ctx, tr_nn_weight_set(w, few), TR_E_SHAPE, "f32 (2, 4)");
  CHECK_ERROR(ctx, tr_nn_weight_set(w, turned), TR_E_SHAPE, "2 rows and 6 in all");
  CHECK_ERROR(ctx, tr_nn_weight_set(w, whole), TR_E_SHAPE, "i32");
  tr_array good = tr_view(few, 1, 3, (int64_t[]){2, 1, 3}); /* more extents behind the first: as in a file */
  CHECK_OK(ctx, tr_nn_weight_set(w, &good));
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = w, .y = y}));
  CHECK_ERROR(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = y, .w = w, .y = x}), TR_E_SHAPE, "linear layer");
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = y, .w = w, .transposed = true, .y = x}));
  CHECK_ERROR(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = wide, .w = w, .y = wide}), TR_E_SHAPE,
              "computes in f32");
  tr_nn_weight_destroy(&w);
  tr_array **const arrays[] = {&few, &turned, &whole, &x, &y, &wide};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  static const int64_t shapes[][3] = {{1, 1, 1},     {3, 5, 70},   {2, 33, 129},  {17, 131, 64},
                                      {40, 64, 64},  {7, 8, 1100}, {5, 1100, 8},  {19, 200, 515},
                                      {530, 40, 24}, {16, 32, 32}, {16, 31, 513}, {4, 257, 1030}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, 1 + (int)i % 3));
    all_types(ctx, shapes[i][0], shapes[i][1], shapes[i][2]);
  }
  transposed_epilogue(ctx);
  memory(ctx);
  refused(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
