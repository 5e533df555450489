/* Matrix products with operands in bf16 against the contract of core/nn/nn.h carried out on the host: what it
 * says is rounded is rounded here, by core/dtype.h, and everything is summed in double. Then results differ
 * by the rounding of f32 sums. The f64 results without any rounding are near, to what bf16 resolves. */
#include "core/nn/nn.h"

#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

#define OF_SUMS 3e-6 /* relative rms of sums in f32 of rounded operands */
#define OF_BF16 8e-3 /* what rounding the operands does to a sum, at most */
/* Where what is rounded was itself computed in f32: some of it falls to the other side. */
#define OF_MADE 3e-4
/* The same where what is rounded again has other last bits, and the softmax's terms another c: some numbers
 * go the other way. core.nn_attention holds them to double with the c that is used. */
#define OF_OTHERS 2e-3

/* The values of a, each rounded to bf16. The caller frees. */
static double *rounded(const tr_array *a) {
  double *v = values(a);
  uint16_t *halves = malloc((size_t)a->count * sizeof *halves);
  CHECK(tr_dtype_from_f64(TR_BF16, a->count, v, halves) == a->count);
  tr_dtype_to_f64(TR_BF16, a->count, halves, v);
  free(halves);
  return v;
}

static double round_one(double v) {
  uint16_t half;
  (void)tr_dtype_from_f64(TR_BF16, 1, &v, &half);
  tr_dtype_to_f64(TR_BF16, 1, &half, &v);
  return v;
}

static tr_array *zeros(tr_ctx *ctx, int64_t rows, int64_t cols) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){rows, cols}, &a));
  CHECK_OK(ctx, tr_fill(0, a));
  return a;
}

static tr_nn_weight *bf16_weight(const tr_array *w) {
  const tr_nn_weight_spec spec = {
      .out = w->shape[0], .in = w->shape[1], .storage = TR_BF16, .compute = TR_F32, .products = TR_NN_BF16};
  tr_nn_weight *weight;
  CHECK_OK(w->ctx, tr_nn_weight_create(w->ctx, &spec, &weight));
  CHECK_OK(w->ctx, tr_nn_weight_set(weight, w));
  return weight;
}

/* want (R, out) = x (R, in) W', or with W (in, out) in its place. */
static double *product(const double *x, const double *w, int64_t R, int64_t in, int64_t out,
                       bool transposed) {
  double *y = calloc((size_t)(R * out), sizeof *y);
  for (int64_t r = 0; r < R; r++)
    for (int64_t o = 0; o < out; o++)
      for (int64_t i = 0; i < in; i++)
        y[r * out + o] += x[r * in + i] * (transposed ? w[i * out + o] : w[o * in + i]);
  return y;
}

static void near(const tr_array *y, const double *want, double bound) {
  double *got = values(y);
  CHECK(check_relative(got, want, y->count) < bound);
  free(got);
}

/* Near to what the processor gives, or on another backend to `other`. */
static void near_either(const tr_array *y, const double *want, const double *other, double bound) {
  double *got = values(y);
  const bool free_to = !promises(y->ctx, TR_BACKEND_PROCESSOR_BITS);
  CHECK(check_relative(got, want, y->count) < bound ||
        (free_to && check_relative(got, other, y->count) < bound));
  free(got);
}

/* A layer and its transpose, against rounded and against full operands; weights set in each type. */
static void linear(tr_ctx *ctx, int64_t R, int64_t in, int64_t out, bool transposed) {
  tr_array *x = matrix(ctx, TR_F32, R, in, 1), *y = zeros(ctx, R, out);
  tr_array *w = matrix(ctx, TR_F32, transposed ? in : out, transposed ? out : in, 2), *wide;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, w->shape, &wide));
  double *fx = values(x), *fw = values(w), *hx = rounded(x), *hw = rounded(w);
  double *want = product(hx, hw, R, in, out, transposed), *full = product(fx, fw, R, in, out, transposed);
  CHECK_OK(ctx, tr_array_set_f64(wide, fw));
  tr_nn_weight *weight = bf16_weight(w);
  const tr_nn_linear_args args = {.x = x, .w = weight, .transposed = transposed, .y = y};
  CHECK_OK(ctx, tr_nn_linear(&args));
  near(y, want, OF_SUMS);
  near(y, full, OF_BF16);
  double *got = values(y);
  CHECK_OK(ctx, tr_nn_weight_set(weight, wide));
  CHECK_OK(ctx, tr_nn_linear(&args));
  double *again = values(y);
  CHECK(memcmp(got, again, (size_t)y->count * sizeof *got) == 0);
  double *const all[] = {fx, fw, hx, hw, want, full, got, again};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  tr_array_destroy(&x), tr_array_destroy(&y), tr_array_destroy(&w), tr_array_destroy(&wide);
  tr_nn_weight_destroy(&weight);
}

/* A row has the same bits in any company and on any number of threads. */
static void rows_independent(tr_ctx *ctx, int64_t in, int64_t out) {
  if (!promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  enum { ROWS = 67 };
  tr_array *x = matrix(ctx, TR_F32, ROWS, in, 1), *w = matrix(ctx, TR_F32, out, in, 2),
           *y = zeros(ctx, ROWS, out);
  tr_nn_weight *weight = bf16_weight(w);
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .y = y}));
  double *all = values(y);
  for (int64_t n = 1; n < ROWS; n += 11) {
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, 1 + (int)n % 3));
    tr_array part = tr_rows(x, ROWS - n, n), result = tr_rows(y, ROWS - n, n);
    CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = &part, .w = weight, .y = &result}));
    double *got = values(&result);
    CHECK(memcmp(got, all + (ROWS - n) * out, (size_t)(n * out) * sizeof *got) == 0);
    free(got);
  }
  free(all);
  tr_array_destroy(&x), tr_array_destroy(&w), tr_array_destroy(&y);
  tr_nn_weight_destroy(&weight);
}

static tr_status add_gradient(const tr_array *x, const tr_array *dy, tr_array *dw, tr_array *db) {
  return tr_nn_gradient_of_linear(
      &(tr_nn_gradient_of_linear_args){.x = x, .dy = dy, .dw = dw, .db = db, .products = TR_NN_BF16});
}

/* dW of rounded operands, db of full ones, added to what is there; a batch cut at an odd row, on other
 * threads, has the bits of the whole. */
static void gradient_of_linear(tr_ctx *ctx, int64_t R, int64_t in, int64_t out) {
  tr_array *x = matrix(ctx, TR_F32, R, in, 1), *dy = matrix(ctx, TR_F32, R, out, 2),
           *dw = matrix(ctx, TR_F32, out, in, 3), *b = zeros(ctx, 1, out),
           *cut = matrix(ctx, TR_F32, out, in, 3);
  tr_array db = tr_view(b, 0, 1, &out);
  double *hx = rounded(x), *hy = rounded(dy), *fy = values(dy), *want = values(dw);
  double *sums = calloc((size_t)out, sizeof *sums);
  for (int64_t r = 0; r < R; r++)
    for (int64_t o = 0; o < out; o++) {
      sums[o] += fy[r * out + o];
      for (int64_t i = 0; i < in; i++) want[o * in + i] += hy[r * out + o] * hx[r * in + i];
    }
  CHECK_OK(ctx, add_gradient(x, dy, dw, &db));
  near(dw, want, OF_SUMS);
  near(b, sums, OF_SUMS);
  if (R > 3 && promises(ctx, TR_BACKEND_SUMS_IN_ORDER)) {
    tr_array x1 = tr_rows(x, 0, 3), x2 = tr_rows(x, 3, R - 3), y1 = tr_rows(dy, 0, 3),
             y2 = tr_rows(dy, 3, R - 3);
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, 3));
    CHECK_OK(ctx, add_gradient(&x1, &y1, cut, NULL));
    CHECK_OK(ctx, add_gradient(&x2, &y2, cut, NULL));
    double *whole = values(dw), *pieces = values(cut);
    CHECK(memcmp(whole, pieces, (size_t)dw->count * sizeof *whole) == 0);
    free(whole), free(pieces);
  }
  double *const all[] = {hx, hy, fy, want, sums};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  tr_array **const arrays[] = {&x, &dy, &dw, &b, &cut};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

/* ---- attention ---- */

enum { SAMPLES = 2, HEADS = 2 };

/* One head of one sample on the host, of rounded q, k, v, with strides of 3 D; p (T, T): the softmax, e: what
 * multiplies v, and sums (T) of it before it was rounded. */
typedef struct {
  int64_t T, H, D, row, column;
  double *p, *e, *sums;
} head;

static head open_head(const double *qkv, int64_t T, int64_t H, int64_t D, int64_t n, int64_t h) {
  head o = {T,
            H,
            D,
            n * T,
            h * H,
            calloc((size_t)(T * T), sizeof(double)),
            calloc((size_t)(T * T), sizeof(double)),
            calloc((size_t)T, sizeof(double))};
  for (int64_t i = 0; i < T; i++) {
    double most = -INFINITY;
    for (int64_t j = 0; j < T; j++) {
      double s = 0;
      for (int64_t c = 0; c < H; c++)
        s += qkv[(o.row + i) * 3 * D + o.column + c] * qkv[(o.row + j) * 3 * D + D + o.column + c];
      o.p[i * T + j] = s / sqrt((double)H);
      most = fmax(most, o.p[i * T + j]);
    }
    for (int64_t j = 0; j < T; j++) o.e[i * T + j] = exp(o.p[i * T + j] - most), o.sums[i] += o.e[i * T + j];
    for (int64_t j = 0; j < T; j++) {
      o.p[i * T + j] = o.e[i * T + j] / o.sums[i];
      o.e[i * T + j] = round_one(o.e[i * T + j]);
    }
  }
  return o;
}

static void close_head(head *o) {
  free(o->p), free(o->e), free(o->sums);
}

static void host_forward(const head *o, const double *qkv, double *y) {
  for (int64_t i = 0; i < o->T; i++)
    for (int64_t c = 0; c < o->H; c++) {
      double sum = 0;
      for (int64_t j = 0; j < o->T; j++)
        sum += o->e[i * o->T + j] * qkv[(o->row + j) * 3 * o->D + 2 * o->D + o->column + c];
      y[(o->row + i) * o->D + o->column + c] = sum / o->sums[i];
    }
}

/* dqkv of rounded dy. */
static void host_backward(const head *o, const double *qkv, const double *dy, double *dqkv) {
  const int64_t T = o->T, D = o->D, W = 3 * o->D;
  for (int64_t i = 0; i < T; i++) {
    double *dp = calloc((size_t)T, sizeof *dp), sum = 0;
    for (int64_t j = 0; j < T; j++) {
      for (int64_t c = 0; c < o->H; c++)
        dp[j] += dy[(o->row + i) * D + o->column + c] * qkv[(o->row + j) * W + 2 * D + o->column + c];
      sum += o->p[i * T + j] * dp[j];
    }
    for (int64_t j = 0; j < T; j++) {
      const double ds = round_one(o->p[i * T + j] * (dp[j] - sum) / sqrt((double)o->H));
      const double p = round_one(o->p[i * T + j]);
      for (int64_t c = o->column; c < o->column + o->H; c++) {
        dqkv[(o->row + i) * W + c] += ds * qkv[(o->row + j) * W + D + c];
        dqkv[(o->row + j) * W + D + c] += ds * qkv[(o->row + i) * W + c];
        dqkv[(o->row + j) * W + 2 * D + c] += p * dy[(o->row + i) * D + c];
      }
    }
    free(dp);
  }
}

/* y = J v of rounded v; of_terms: what is rounded is not divided by the sum of terms before. */
static void host_tangent(const head *o, const double *qkv, const double *v, bool of_terms, double *y) {
  const int64_t T = o->T, D = o->D, W = 3 * o->D;
  for (int64_t i = 0; i < T; i++) {
    double *ds = calloc((size_t)T, sizeof *ds), sum = 0;
    const double f = of_terms ? o->sums[i] : 1;
    for (int64_t j = 0; j < T; j++) {
      for (int64_t c = o->column; c < o->column + o->H; c++)
        ds[j] += v[(o->row + i) * W + c] * qkv[(o->row + j) * W + D + c] +
                 qkv[(o->row + i) * W + c] * v[(o->row + j) * W + D + c];
      sum += o->p[i * T + j] * ds[j];
    }
    for (int64_t j = 0; j < T; j++) {
      const double p = o->p[i * T + j], dp = round_one(f * p * (ds[j] - sum) / sqrt((double)o->H)) / f;
      for (int64_t c = o->column; c < o->column + o->H; c++)
        y[(o->row + i) * D + c] +=
            dp * qkv[(o->row + j) * W + 2 * D + c] + round_one(f * p) / f * v[(o->row + j) * W + 2 * D + c];
    }
    free(ds);
  }
}

/* The three passes, with statistics and without, against the host and against products in full. */
static void attention(tr_ctx *ctx, int64_t T, int64_t H) {
  const int64_t D = HEADS * H, rows = SAMPLES * T;
  tr_array *qkv = matrix(ctx, TR_F32, rows, 3 * D, 1), *v = matrix(ctx, TR_F32, rows, 3 * D, 2),
           *dy = matrix(ctx, TR_F32, rows, D, 3), *y = zeros(ctx, rows, D), *Jv = zeros(ctx, rows, D),
           *dqkv = zeros(ctx, rows, 3 * D), *stats = zeros(ctx, SAMPLES * HEADS, T);
  double *hq = rounded(qkv), *hv = rounded(v), *hy = rounded(dy);
  double *want = calloc((size_t)y->count, sizeof *want), *back = calloc((size_t)qkv->count, sizeof *back),
         *tangent = calloc((size_t)y->count, sizeof *tangent),
         *of_terms = calloc((size_t)y->count, sizeof *of_terms);
  for (int64_t i = 0; i < SAMPLES * HEADS; i++) {
    head o = open_head(hq, T, H, D, i / HEADS, i % HEADS);
    host_forward(&o, hq, want);
    host_backward(&o, hq, hy, back);
    host_tangent(&o, hq, hv, false, tangent);
    host_tangent(&o, hq, hv, true, of_terms);
    close_head(&o);
  }
  for (int with = 0; with < 2; with++)
    for (int full = 0; full < 2; full++) {
      const tr_nn_products products = full ? TR_NN_FULL : TR_NN_BF16;
      const double bound = full                                       ? 2 * OF_BF16
                           : promises(ctx, TR_BACKEND_PROCESSOR_BITS) ? OF_MADE
                                                                      : OF_OTHERS;
      CHECK_OK(ctx, tr_nn_attention(&(tr_nn_attention_args){.qkv = qkv,
                                                            .samples = SAMPLES,
                                                            .heads = HEADS,
                                                            .products = products,
                                                            .y = y,
                                                            .stats = with ? stats : NULL}));
      CHECK_OK(ctx, tr_nn_attention_backward(&(tr_nn_attention_backward_args){.qkv = qkv,
                                                                              .samples = SAMPLES,
                                                                              .heads = HEADS,
                                                                              .y = with ? y : NULL,
                                                                              .stats = with ? stats : NULL,
                                                                              .dy = dy,
                                                                              .dqkv = dqkv,
                                                                              .products = products}));
      CHECK_OK(ctx,
               tr_nn_attention_jvp(&(tr_nn_attention_jvp_args){
                   .qkv = qkv, .v = v, .samples = SAMPLES, .heads = HEADS, .products = products, .y = Jv}));
      near(y, want, bound);
      near(dqkv, back, with && !full ? OF_BF16 : bound);
      near_either(Jv, tangent, of_terms, bound);
    }
  double *const all[] = {hq, hv, hy, want, back, tangent, of_terms};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  tr_array **const arrays[] = {&qkv, &v, &dy, &y, &Jv, &dqkv, &stats};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

/* ---- single numbers ---- */

/* 1 x 1 products: ties go to even, infinity and NaN stay. */
static void one(tr_ctx *ctx, float x, float w, float want) {
  tr_array *a = zeros(ctx, 1, 1), *b = zeros(ctx, 1, 1), *y = zeros(ctx, 1, 1);
  CHECK_OK(ctx, tr_array_upload(a, &x));
  CHECK_OK(ctx, tr_array_upload(b, &w));
  tr_nn_weight *weight = bf16_weight(b);
  float got;
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = a, .w = weight, .y = y}));
  CHECK_OK(ctx, tr_array_download(y, &got));
  CHECK(isnan(want) ? isnan(got) : got == want);
  tr_array_destroy(&a), tr_array_destroy(&b), tr_array_destroy(&y);
  tr_nn_weight_destroy(&weight);
}

static void numbers(tr_ctx *ctx) {
  one(ctx, 3, -5, -15);
  one(ctx, 1 + 0x1p-8F, 1, 1);                            /* a tie, to the even one below */
  one(ctx, 1 + 3 * 0x1p-8F, 1, 1 + 0x1p-6F);              /* and above */
  one(ctx, 1 + 0x1p-8F + 0x1p-20F, 1, 1 + 0x1p-7F);       /* past the tie */
  one(ctx, 1, 1 + 3 * 0x1p-8F, 1 + 0x1p-6F);              /* of the weight */
  one(ctx, INFINITY, 1, INFINITY), one(ctx, NAN, 1, NAN); /* not finite */
  one(ctx, 1, -INFINITY, -INFINITY), one(ctx, 1, NAN, NAN);
}

static void refused(tr_ctx *ctx) {
  tr_nn_weight *w;
  const tr_nn_weight_spec bad[] = {
      {.out = 2, .in = 2, .storage = TR_F32, .compute = TR_F32, .products = TR_NN_BF16},
      {.out = 2, .in = 2, .storage = TR_BF16, .compute = TR_F64, .products = TR_NN_BF16},
      {.out = 2, .in = 2, .storage = TR_F32, .compute = TR_F32, .products = (tr_nn_products)7}};
  for (int i = 0; i < 3; i++) CHECK_ERROR(ctx, tr_nn_weight_create(ctx, &bad[i], &w), TR_E_ARG, "products");
  tr_array *a = matrix(ctx, TR_F64, 2, 2, 1), *qkv = matrix(ctx, TR_F64, 2, 6, 1),
           *b = matrix(ctx, TR_F64, 2, 2, 3);
  CHECK_ERROR(ctx,
              tr_nn_gradient_of_linear(
                  &(tr_nn_gradient_of_linear_args){.x = a, .dy = a, .dw = b, .products = TR_NN_BF16}),
              TR_E_ARG, "these are for f32");
  CHECK_ERROR(ctx,
              tr_nn_attention(&(tr_nn_attention_args){
                  .qkv = qkv, .samples = 1, .heads = 1, .products = TR_NN_BF16, .y = b}),
              TR_E_ARG, "these are for f32");
  tr_array_destroy(&a), tr_array_destroy(&qkv), tr_array_destroy(&b);
}

/* ---- levels of the processor ---- */

enum { LEVEL_ROWS = 37, LEVEL_IN = 130, LEVEL_OUT = 75, LEVEL_RESULTS = 3 };

/* A layer, a gradient and attention in a context of its own; NULL: the processor is below the level. */
static double *results_at(const char *level, const char *bf16, int64_t *n) {
  tr_ctx *ctx;
  setenv("TRANSIT_CPU", level, 1);
  setenv("TRANSIT_BF16", bf16, 1);
  if (tr_ctx_open("cpu", 1, &ctx, NULL) != TR_OK) return NULL;
  tr_array *x = matrix(ctx, TR_F32, LEVEL_ROWS, LEVEL_IN, 1),
           *w = matrix(ctx, TR_F32, LEVEL_OUT, LEVEL_IN, 2), *y = zeros(ctx, LEVEL_ROWS, LEVEL_OUT),
           *dw = zeros(ctx, LEVEL_OUT, LEVEL_IN), *qkv = matrix(ctx, TR_F32, LEVEL_ROWS, 60, 3),
           *o = zeros(ctx, LEVEL_ROWS, 20);
  tr_nn_weight *weight = bf16_weight(w);
  CHECK_OK(ctx, tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .y = y}));
  CHECK_OK(ctx, add_gradient(x, y, dw, NULL));
  CHECK_OK(ctx, tr_nn_attention(&(tr_nn_attention_args){
                    .qkv = qkv, .samples = 1, .heads = 2, .products = TR_NN_BF16, .y = o}));
  const tr_array *const parts[LEVEL_RESULTS] = {y, dw, o};
  double *all = malloc((size_t)(y->count + dw->count + o->count) * sizeof *all);
  *n = 0;
  for (int i = 0; i < LEVEL_RESULTS; i++) {
    CHECK_OK(ctx, tr_array_get_f64(parts[i], all + *n));
    *n += parts[i]->count;
  }
  tr_array **const arrays[] = {&x, &w, &y, &dw, &qkv, &o};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
  tr_nn_weight_destroy(&weight);
  tr_ctx_close(&ctx);
  return all;
}

/* What the processor has, and what it has not, gives the same up to the rounding of sums (and of what is
 * rounded afterwards: the gradient's dy is the layer's result). */
static void levels_agree(void) {
  static const struct {
    const char *level, *bf16;
  } others[] = {{"avx2", ""}, {"avx512", "converted"}, {"avx512", ""}};
  int64_t n;
  double *plain = results_at("baseline", "", &n);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    double *other = results_at(others[i].level, others[i].bf16, &n);
    CHECK(!other || check_relative(other, plain, n) < OF_MADE);
    free(other);
  }
  free(plain);
  unsetenv("TRANSIT_CPU"), unsetenv("TRANSIT_BF16");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  static const int64_t sizes[][3] = {{1, 1, 1},    {2, 3, 5},     {7, 16, 32},  {33, 17, 64},
                                     {65, 64, 65}, {130, 129, 1}, {20, 700, 3}, {300, 40, 130}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const int64_t *s = sizes[i];
    linear(ctx, s[0], s[1], s[2], false);
    linear(ctx, s[0], s[1], s[2], true);
    gradient_of_linear(ctx, s[0], s[1], s[2]);
  }
  rows_independent(ctx, 33, 70);
  rows_independent(ctx, 1100, 20);
  static const int64_t heads[][2] = {{1, 4}, {5, 3}, {16, 8}, {33, 20}};
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) attention(ctx, heads[i][0], heads[i][1]);
  numbers(ctx);
  refused(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  levels_agree();
  return check_report();
}
