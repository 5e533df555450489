/* Attention, its backward and its forward mode against the host for the sizes that networks have, and for
 * what lies beside them: tokens around the sizes of tiles, heads that no tile has just so. Nothing but the
 * results is written, and a sample's bits depend on nothing but the sample. */
#include "core/nn/nn.h"

#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "tests/support/check.h"
#include "tests/support/problems/attention.h"

/* TR_TEST_RESOURCES */

#define GUARD    3 /* rows on either side of a result */
#define SENTINEL 123

/* What is compared: the type of arrays, and of products. `known`: of a backward that is given y, which in
 * bf16 has the rounding of its terms in it, and in arrays of bf16 its own. */
typedef struct {
  tr_dtype dtype;
  tr_nn_products products;
  double bound, known; /* of max |difference| / max |value|; bf16: of the root of mean squares */
} kind;

static const kind f32 = {TR_F32, TR_NN_FULL, 5e-6, 5e-6}, f64 = {TR_F64, TR_NN_FULL, 1e-14, 1e-14},
                  /* what is rounded was computed in f32: some of it falls to the other side */
    bf16 = {TR_F32, TR_NN_BF16, 4e-4, 8e-3},
                  /* and every result is rounded */
    halves = {TR_BF16, TR_NN_BF16, 3e-3, 2e-2};

/* That of statistics. */
static tr_dtype type_of_sums(const kind *k) {
  return k->dtype == TR_F64 ? TR_F64 : TR_F32;
}

/* (rows, cols) of numbers that look random, of about this size, the same for the same `number`; rounded to
 * bf16 where products are. The caller frees. */
static double *numbers(int64_t rows, int64_t cols, uint32_t number, double size, bool rounded) {
  double *v = malloc((size_t)(rows * cols) * sizeof *v);
  uint32_t state = number * 2654435761U + 12345;
  for (int64_t i = 0; i < rows * cols; i++) {
    double sum = -2;
    for (int k = 0; k < 4; k++) state = state * 1664525U + 1013904223U, sum += (state >> 8) * 0x1p-24;
    v[i] = (float)(sum * 1.7 * size);
  }
  if (rounded) round_to_bf16(v, rows * cols);
  return v;
}

static tr_array *array_of(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t cols, const double *v) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){rows, cols}, &a));
  CHECK_OK(ctx, tr_array_set_f64(a, v));
  return a;
}

/* A result with rows on both sides that nobody may write. */
typedef struct {
  tr_array *whole, part;
} result;

static result result_of(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t cols) {
  const int64_t all = (rows + 2 * GUARD) * cols;
  double *v = malloc((size_t)all * sizeof *v);
  for (int64_t i = 0; i < all; i++) v[i] = SENTINEL;
  result r = {.whole = array_of(ctx, dtype, rows + 2 * GUARD, cols, v)};
  r.part = tr_rows(r.whole, GUARD, rows);
  free(v);
  return r;
}

/* The values of a result, whose guards are as they were. The caller frees. */
static double *close_result(result *r) {
  const int64_t guard = GUARD * r->whole->shape[1], n = r->part.count;
  double *v = malloc((size_t)r->whole->count * sizeof *v);
  CHECK_OK(r->whole->ctx, tr_array_get_f64(r->whole, v));
  bool kept = true;
  for (int64_t i = 0; i < guard; i++) kept = kept && v[i] == SENTINEL && v[guard + n + i] == SENTINEL;
  CHECK(kept);
  memmove(v, v + guard, (size_t)n * sizeof *v);
  tr_array_destroy(&r->whole);
  return v;
}

static double distance(const kind *k, const double *got, const double *want, int64_t n) {
  return k->products == TR_NN_BF16 ? check_rms(got, want, n) : check_relative(got, want, n);
}

/* ---- forward ---- */

/* Terms are rounded with whatever constant of their row the backend takes: the largest score of all, or of as
 * many as it looks at first, one of `firsts` (0: all). */
static double nearest(const kind *k, attention_problem p, const int64_t firsts[4], const double *qkv,
                      const double *got, double *want, double *stats) {
  double best = INFINITY;
  for (int i = 0; i < 4 && (i == 0 || (p.rounded && firsts[i] && firsts[i] < p.T)); i++) {
    p.first = firsts[i];
    attention_forward(&p, qkv, want, stats);
    best = fmin(best, distance(k, got, want, p.N * p.T * p.heads * p.size));
  }
  return best;
}

static void forward(tr_ctx *ctx, const kind *k, const attention_problem *p, const double *hq,
                    const tr_array *qkv) {
  const int64_t rows = p->N * p->T, D = p->heads * p->size, count = p->N * p->heads * p->T;
  result y = result_of(ctx, k->dtype, rows, D), again = result_of(ctx, k->dtype, rows, D),
         stats = result_of(ctx, type_of_sums(k), p->N * p->heads, p->T);
  tr_nn_attention_args args = {.qkv = qkv,
                               .samples = p->N,
                               .heads = (int)p->heads,
                               .products = k->products,
                               .y = &y.part,
                               .stats = &stats.part};
  CHECK_OK(ctx, tr_nn_attention(&args));
  args.y = &again.part, args.stats = NULL;
  CHECK_OK(ctx, tr_nn_attention(&args));
  double *got = close_result(&y), *twice = close_result(&again), *logs = close_result(&stats);
  double *want = malloc((size_t)(rows * D) * sizeof *want), *sums = malloc((size_t)count * sizeof *sums);
  CHECK(memcmp(got, twice, (size_t)(rows * D) * sizeof *got) == 0);
  CHECK(nearest(k, *p, (const int64_t[4]){0, 32, 64}, hq, got, want, sums) < k->bound);
  CHECK(check_relative(logs, sums, count) < (k->dtype == TR_F64 ? 1e-14 : 2e-6));
  double *const all[] = {got, twice, logs, want, sums};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* ---- backward ---- */

/* Gradients behind one attention, with the y and the statistics that the backend made, or without. */
static void backward(tr_ctx *ctx, const kind *k, const attention_problem *p, const double *hq,
                     const tr_array *qkv) {
  const int64_t probes = p->T > 100 ? 1 : 2;
  const int64_t rows = p->N * p->T, D = p->heads * p->size, count = rows * 3 * D;
  double *hy = numbers(probes * rows, D, 2, 1, p->rounded), *want = malloc((size_t)count * sizeof *want);
  tr_array *dy = array_of(ctx, k->dtype, probes * rows, D, hy), *y, *stats;
  CHECK_OK(ctx, tr_array_create(ctx, k->dtype, 2, (int64_t[]){rows, D}, &y));
  CHECK_OK(ctx, tr_array_create(ctx, type_of_sums(k), 2, (int64_t[]){p->N * p->heads, p->T}, &stats));
  CHECK_OK(ctx, tr_nn_attention(&(tr_nn_attention_args){.qkv = qkv,
                                                        .samples = p->N,
                                                        .heads = (int)p->heads,
                                                        .products = k->products,
                                                        .y = y,
                                                        .stats = stats}));
  for (int given = 0; given < 2; given++) {
    result dqkv = result_of(ctx, k->dtype, probes * rows, 3 * D);
    CHECK_OK(ctx, tr_nn_attention_backward(&(tr_nn_attention_backward_args){.qkv = qkv,
                                                                            .samples = p->N,
                                                                            .heads = (int)p->heads,
                                                                            .y = given ? y : NULL,
                                                                            .stats = given ? stats : NULL,
                                                                            .dy = dy,
                                                                            .dqkv = &dqkv.part,
                                                                            .products = k->products}));
    double *got = close_result(&dqkv);
    for (int64_t i = 0; i < probes; i++) {
      attention_gradient(p, hq, hy + i * rows * D, want);
      CHECK(distance(k, got + i * count, want, count) < (given ? k->known : k->bound));
    }
    free(got);
  }
  free(hy), free(want);
  tr_array_destroy(&dy), tr_array_destroy(&y), tr_array_destroy(&stats);
}

/* ---- forward mode ---- */

/* The softmax and its tangent are rounded, or terms with the constants that the first keys give. */
static double nearest_tangent(const kind *k, attention_problem p, const double *hq, const double *hv,
                              const double *got, double *want) {
  double best = INFINITY;
  for (p.first = 0; p.first <= (p.rounded ? 16 : 0); p.first += 16) {
    attention_tangent(&p, hq, hv, want);
    best = fmin(best, distance(k, got, want, p.N * p.T * p.heads * p.size));
  }
  return best;
}

static void tangent(tr_ctx *ctx, const kind *k, const attention_problem *p, const double *hq,
                    const tr_array *qkv) {
  const int64_t rows = p->N * p->T, D = p->heads * p->size;
  double *hv = numbers(rows, 3 * D, 3, 1, p->rounded), *want = malloc((size_t)(rows * D) * sizeof *want),
         *logs = malloc((size_t)(p->heads * rows) * sizeof *logs);
  tr_array *v = array_of(ctx, k->dtype, rows, 3 * D, hv);
  result Jv = result_of(ctx, k->dtype, rows, D), again = result_of(ctx, k->dtype, rows, D),
         y = result_of(ctx, k->dtype, rows, D);
  tr_nn_attention_jvp_args args = {.qkv = qkv,
                                   .v = v,
                                   .samples = p->N,
                                   .heads = (int)p->heads,
                                   .products = k->products,
                                   .y = &Jv.part,
                                   .value = &y.part};
  CHECK_OK(ctx, tr_nn_attention_jvp(&args));
  args.y = &again.part, args.value = NULL;
  CHECK_OK(ctx, tr_nn_attention_jvp(&args));
  double *got = close_result(&Jv), *twice = close_result(&again), *value = close_result(&y);
  CHECK(memcmp(got, twice, (size_t)(rows * D) * sizeof *got) == 0);
  CHECK(nearest(k, *p, (const int64_t[4]){0, 16, 32, 64}, hq, value, want, logs) < k->bound);
  CHECK(nearest_tangent(k, *p, hq, hv, got, want) < k->bound);
  double *const all[] = {got, twice, value, hv, want, logs};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  tr_array_destroy(&v);
}

static bool on_a_gpu(const tr_ctx *ctx) {
  const char *name = tr_ctx_backend(ctx)->name;
  return strcmp(name, "cuda") == 0 || strcmp(name, "emulated") == 0;
}

/* `large`: the size of q, k and v. GPUs have wide heads forward only. */
static void attention(tr_ctx *ctx, const kind *k, int64_t N, int64_t T, int64_t heads, int64_t size,
                      double large) {
  const bool rounded = k->products == TR_NN_BF16;
  const attention_problem p = {.N = N, .T = T, .heads = heads, .size = size, .rounded = rounded};
  double *hq = numbers(N * T, 3 * heads * size, 1, large, rounded);
  tr_array *qkv = array_of(ctx, k->dtype, N * T, 3 * heads * size, hq);
  const bool all = size <= 128 || !on_a_gpu(ctx);
  forward(ctx, k, &p, hq, qkv);
  if (all) backward(ctx, k, &p, hq, qkv);
  if (all) tangent(ctx, k, &p, hq, qkv);
  tr_array_destroy(&qkv);
  free(hq);
}

/* ---- samples ---- */

enum { FORWARD, BACKWARD, TANGENT };

/* What comes of samples, with qkv for tangents, too. The caller frees. */
static double *of_samples(tr_ctx *ctx, const kind *k, const tr_array *qkv, const tr_array *dy,
                          int64_t samples, int heads, int pass) {
  const int64_t rows = qkv->shape[0], D = qkv->shape[1] / 3;
  result y = result_of(ctx, k->dtype, rows, pass == BACKWARD ? 3 * D : D);
  const tr_nn_products products = k->products;
  const tr_nn_attention_args forward = {
      .qkv = qkv, .samples = samples, .heads = heads, .products = products, .y = &y.part};
  const tr_nn_attention_backward_args backward = {
      .qkv = qkv, .samples = samples, .heads = heads, .products = products, .dy = dy, .dqkv = &y.part};
  const tr_nn_attention_jvp_args tangent = {
      .qkv = qkv, .v = qkv, .samples = samples, .heads = heads, .products = products, .y = &y.part};
  CHECK_OK(ctx, pass == FORWARD    ? tr_nn_attention(&forward)
                : pass == BACKWARD ? tr_nn_attention_backward(&backward)
                                   : tr_nn_attention_jvp(&tangent));
  return close_result(&y);
}

/* The second of three samples alone has the bits that it has in company. */
static void samples_independent(tr_ctx *ctx, const kind *k, int64_t T, int64_t heads, int64_t size) {
  if (!promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  const int64_t D = heads * size;
  double *hq = numbers(3 * T, 3 * D, 1, 1, false), *hy = numbers(3 * T, D, 2, 1, false);
  tr_array *qkv = array_of(ctx, k->dtype, 3 * T, 3 * D, hq), one = tr_rows(qkv, T, T);
  tr_array *dy = array_of(ctx, k->dtype, 3 * T, D, hy), dy_of_one = tr_rows(dy, T, T);
  const int passes = size > 128 && on_a_gpu(ctx) ? BACKWARD : TANGENT + 1;
  for (int pass = FORWARD; pass < passes; pass++) {
    double *together = of_samples(ctx, k, qkv, dy, 3, (int)heads, pass),
           *apart = of_samples(ctx, k, &one, &dy_of_one, 1, (int)heads, pass);
    const int64_t n = T * (pass == BACKWARD ? 3 * D : D);
    CHECK(memcmp(together + n, apart, (size_t)n * sizeof *apart) == 0);
    free(together), free(apart);
  }
  free(hq), free(hy);
  tr_array_destroy(&qkv), tr_array_destroy(&dy);
}

/* More tokens than are summed at a time, and heads of more than one panel, whole and not. */
static void wide_heads(tr_ctx *ctx, const kind *k, int64_t T, int64_t heads, int64_t size) {
  const attention_problem p = {.N = 2, .T = T, .heads = heads, .size = size};
  double *hq = numbers(2 * T, 3 * heads * size, 1, 1, false);
  tr_array *qkv = array_of(ctx, k->dtype, 2 * T, 3 * heads * size, hq);
  for (int threads = 1; threads < 4; threads += 2) {
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
    forward(ctx, k, &p, hq, qkv);
    samples_independent(ctx, k, T / 5, heads, size);
  }
  free(hq);
  tr_array_destroy(&qkv);
}

/* Heads too wide for a backward of a GPU; the processor has no such bound. */
static void too_wide(tr_ctx *ctx) {
  if (!on_a_gpu(ctx)) return;
  double *v = numbers(2, 3 * 136, 1, 1, false);
  tr_array *qkv = array_of(ctx, TR_F32, 2, 3 * 136, v), *y = array_of(ctx, TR_F32, 2, 136, v),
           *dqkv = array_of(ctx, TR_F32, 2, 3 * 136, v);
  CHECK_ERROR(ctx,
              tr_nn_attention_backward(&(tr_nn_attention_backward_args){
                  .qkv = qkv, .samples = 1, .heads = 1, .dy = y, .dqkv = dqkv}),
              TR_E_UNSUPPORTED, "at most 128");
  CHECK_ERROR(ctx,
              tr_nn_attention_jvp(
                  &(tr_nn_attention_jvp_args){.qkv = qkv, .v = dqkv, .samples = 1, .heads = 1, .y = y}),
              TR_E_UNSUPPORTED, "at most 128");
  free(v);
  tr_array_destroy(&qkv), tr_array_destroy(&y), tr_array_destroy(&dqkv);
}

int main(int argc, char **argv) {
  static const kind *const kinds[] = {&f32, &f64, &bf16, &halves};
  tr_ctx *ctx = check_context(argc, argv);
  for (int i = 0; i < (promises(ctx, TR_BACKEND_BF16_ARRAYS) ? 4 : 3); i++) {
    const kind *k = kinds[i];
    attention(ctx, k, 2, 1, 2, 24, 1);
    attention(ctx, k, 2, 16, 3, 16, 1);
    attention(ctx, k, 1, 17, 2, 32, 1);
    attention(ctx, k, 1, 64, 1, 40, 1);
    attention(ctx, k, 1, 100, 1, 64, 1);
    attention(ctx, k, 1, 256, 1, 72, 1);
    attention(ctx, k, 1, 70, 1, 80, 2);
    attention(ctx, k, 1, 33, 1, 96, 1);
    attention(ctx, k, 1, 65, 1, 128, 1);
    attention(ctx, k, 1, 16, 2, 30, 1);
    attention(ctx, k, 1, 81, 1, 3, 3);
    attention(ctx, k, 1, 97, 1, 32, 3);
    attention(ctx, k, 1, 70, 1, 136, 1);
    attention(ctx, k, 1, 33, 2, 150, 2);
    attention(ctx, k, 2, 1, 1, 512, 1);
    attention(ctx, k, 1, 20, 1, 1024, 1);
    samples_independent(ctx, k, 17, 2, 24);
    samples_independent(ctx, k, 60, 1, 136);
    samples_independent(ctx, k, 70, 1, 72);
  }
  if (!emulated(ctx)) { /* large */
    wide_heads(ctx, &f32, 530, 1, 200);
    wide_heads(ctx, &f64, 390, 2, 129);
  }
  too_wide(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
