/* Times and labels: embeddings to the bit of their formula in double (a device has cosines of its own, to
 * their rounding), conditions against plain sums; one for all rows and one a row; and what is refused. */
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

static tr_array *times_of(tr_ctx *ctx, int64_t n, const double *t) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, &n, &a));
  CHECK_OK(ctx, tr_array_upload(a, t));
  return a;
}

static bool is_embedded(tr_ctx *ctx, tr_dtype dtype, double got, double want) {
  const double rounded = dtype == TR_F32 ? (double)(float)want : want;
  return promises(ctx, TR_BACKEND_SUMS_IN_ORDER) ? got == rounded
                                                 : fabs(got - want) <= (dtype == TR_F32 ? 6e-8 : 1e-15);
}

static void embedding(tr_ctx *ctx, tr_dtype dtype, int64_t width, bool common) {
  enum { N = 5 };
  const double times[N] = {0.37, 0, 1, 1e-3, 0.999};
  const int64_t half = width / 2;
  tr_array *t = times_of(ctx, common ? 1 : N, times), *y = matrix(ctx, dtype, N, width, 1);
  CHECK_OK(ctx, tr_nn_embed_times(&(tr_nn_embed_times_args){.t = t, .y = y}));
  double *got = values(y);
  bool same = true;
  for (int64_t r = 0; r < N; r++)
    for (int64_t c = 0; c < width; c++) {
      double angle = times[common ? 0 : r] * exp(-log(10000.0) * (double)(c % half) / (double)half);
      double want = c >= 2 * half ? 0 : c < half ? cos(angle) : sin(angle);
      same = same && is_embedded(ctx, dtype, got[r * width + c], want);
    }
  CHECK(same);
  free(got);
  tr_array_destroy(&t);
  tr_array_destroy(&y);
}

/* e and the labels one for all, or one a row. */
static void condition(tr_ctx *ctx, tr_dtype dtype, int64_t D, bool one_time, bool one_label, bool classes) {
  enum { N = 4, K = 3 };
  const int32_t labels[N] = {2, 0, 2, 1};
  tr_array *e = matrix(ctx, dtype, one_time ? 1 : N, D, 1), *table = matrix(ctx, dtype, K, D, 2);
  tr_array *given = labels_of(ctx, one_label ? 1 : N, labels), *y = matrix(ctx, dtype, N, D, 3);
  CHECK_OK(ctx, tr_nn_condition(&(tr_nn_condition_args){
                    .e = e, .table = classes ? table : NULL, .labels = classes ? given : NULL, .y = y}));
  double *he = values(e), *ht = values(table), *got = values(y), *want = values(y);
  for (int64_t r = 0; r < N; r++)
    for (int64_t c = 0; c < D; c++) {
      double v = he[(one_time ? 0 : r) * D + c] + (classes ? ht[labels[one_label ? 0 : r] * D + c] : 0);
      want[r * D + c] = v / (1 + exp(-v));
    }
  CHECK(check_relative(got, want, N * D) < (dtype == TR_F64 ? 1e-14 : 1e-6));
  free(he), free(ht), free(got), free(want);
  tr_array **const arrays[] = {&e, &table, &given, &y};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

static void refused(tr_ctx *ctx) {
  const double times[3] = {0, 0.5, 1};
  tr_array *t = times_of(ctx, 3, times), *single = matrix(ctx, TR_F32, 3, 1, 9);
  tr_array *y = matrix(ctx, TR_F32, 4, 6, 1), *three = matrix(ctx, TR_F32, 3, 6, 2);
  tr_array *table = matrix(ctx, TR_F32, 2, 6, 3), *narrow = matrix(ctx, TR_F32, 2, 5, 4);
  tr_array *good = labels_of(ctx, 3, (const int32_t[]){0, 1, 1}),
           *bad = labels_of(ctx, 3, (const int32_t[]){0, 2, 1});
  tr_array *negative = labels_of(ctx, 1, (const int32_t[]){-1}),
           *two = labels_of(ctx, 2, (const int32_t[]){0, 1});
  tr_array column = tr_view(single, 0, 1, (int64_t[]){3});
  CHECK_ERROR(ctx, tr_nn_embed_times(&(tr_nn_embed_times_args){.t = t, .y = y}), TR_E_SHAPE,
              "embedding of times");
  CHECK_ERROR(ctx, tr_nn_embed_times(&(tr_nn_embed_times_args){.t = &column, .y = three}), TR_E_SHAPE,
              "always f64");
  CHECK_ERROR(ctx, tr_nn_embed_times(&(tr_nn_embed_times_args){.t = t, .y = t}), TR_E_SHAPE,
              "2 dimensions of f64");
  const struct {
    tr_nn_condition_args args;
    tr_status status;
    const char *word;
  } cases[] = {
      {{three, table, bad, three}, TR_E_ARG, "class label 2 is not one of 0 to 1"},
      {{three, table, negative, three}, TR_E_ARG, "class label -1"},
      {{three, table, two, three}, TR_E_SHAPE, "extents"},
      {{three, table, NULL, three}, TR_E_SHAPE, "extents"},
      {{three, NULL, good, three}, TR_E_SHAPE, "extents"},
      {{three, table, &column, three}, TR_E_SHAPE, "labels of conditioning is f32 (3): 1 dimension of i32"},
      {{three, narrow, good, three}, TR_E_SHAPE, "extents"},
      {{table, table, good, three}, TR_E_SHAPE, "extents"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (cases[i].status == TR_E_ARG && !promises(ctx, TR_BACKEND_SUMS_IN_ORDER)) continue; /* not looked at */
    CHECK_ERROR(ctx, tr_nn_condition(&cases[i].args), cases[i].status, cases[i].word);
  }
  tr_array **const arrays[] = {&t, &single, &y, &three, &table, &narrow, &good, &bad, &negative, &two};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  for (int i = 0; i < 2; i++) {
    tr_dtype dtype = i ? TR_F64 : TR_F32;
    static const int64_t widths[] = {2, 7, 256};
    for (int common = 0; common < 2; common++)
      for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) embedding(ctx, dtype, widths[k], common);
    for (int kind = 0; kind < 8; kind++) condition(ctx, dtype, 5 + 19 * kind, kind & 1, kind & 2, kind & 4);
  }
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
