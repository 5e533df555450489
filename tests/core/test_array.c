/* Arrays: shapes and their limits, views, conversion and rounding, copies. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "tests/support/check.h"

static void shapes(tr_ctx *ctx) {
  static const struct {
    int ndim;
    int64_t shape[6];
    const char *word;
  } bad[] = {{0, {0}, "0 dimensions"},
             {6, {1, 1, 1, 1, 1, 1}, "6 dimensions"},
             {-1, {0}, "-1 dimensions"},
             {2, {3, -1}, "-1 of dimension 1"},
             {2, {INT64_MAX, 2}, "overflows"},
             {1, {INT64_MAX}, "overflows"},
             {3, {1 << 30, 1 << 30, 8}, "overflows"}};
  tr_array *a;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_ERROR(ctx, tr_array_create(ctx, TR_F32, bad[i].ndim, bad[i].shape, &a), TR_E_SHAPE, bad[i].word);
    CHECK(a == NULL);
  }
  for (tr_dtype dtype = TR_F16; dtype < TR_N_DTYPES; dtype++) {
    if (dtype == TR_I32) continue;
    CHECK_ERROR(ctx, tr_array_create(ctx, dtype, 1, (int64_t[]){1}, &a), TR_E_SHAPE, tr_dtype_name(dtype));
    CHECK(a == NULL);
  }
  CHECK_ERROR(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){(int64_t)1 << 58}, &a), TR_E_MEM, "memory");
  CHECK(a == NULL);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 5, (int64_t[]){2, 1, 3, 1, 2}, &a));
  char text[80], small[8];
  CHECK(a->count == 12 && a->owned &&
        strcmp(tr_array_describe(a, text, sizeof text), "f64 (2, 1, 3, 1, 2)") == 0);
  CHECK(strcmp(tr_array_describe(a, small, sizeof small), "f64 (2,") == 0);
  tr_array *b;
  CHECK_OK(ctx, tr_array_like(a, &b));
  CHECK(tr_array_same_shape(a, b) && b->dtype == TR_F64 && b->data != a->data);
  tr_array_destroy(&b);
  CHECK(b == NULL);
  tr_array_destroy(&b);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, (int64_t[]){2, 1, 3, 2}, &b));
  CHECK(!tr_array_same_shape(a, b));
  tr_array_destroy(&b);
  tr_array_destroy(&a);
}

static void types(tr_ctx *ctx) {
  tr_array *a;
  CHECK_ERROR(ctx, tr_array_create(ctx, TR_U8, 1, (int64_t[]){2}, &a), TR_E_SHAPE, "an array of u8");
  CHECK_ERROR(ctx, tr_array_create(ctx, (tr_dtype)77, 1, (int64_t[]){2}, &a), TR_E_ARG, "no element type 77");
  CHECK_ERROR(ctx, tr_array_create(ctx, (tr_dtype)-1, 1, (int64_t[]){2}, &a), TR_E_ARG, "no element type -1");
  CHECK(a == NULL);
}

static void empty(tr_ctx *ctx) {
  tr_array *a, *b;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){0, 3}, &a));
  CHECK(a->count == 0 && a->data != NULL);
  CHECK_OK(ctx, tr_array_upload(a, NULL));
  CHECK_OK(ctx, tr_array_download(a, NULL));
  CHECK_OK(ctx, tr_array_set_f64(a, NULL));
  CHECK_OK(ctx, tr_array_get_f64(a, NULL));
  CHECK_OK(ctx, tr_array_like(a, &b));
  CHECK_OK(ctx, tr_array_copy(a, b));
  tr_array_destroy(&b);
  tr_array none = tr_rows(a, 0, 0); /* has no elements, but is no empty view */
  CHECK(none.data != NULL && none.count == 0);
  CHECK_OK(ctx, tr_array_upload(&none, NULL));
  tr_array_destroy(&a);
}

/* Bytes of arrays, and the most there have been; a view holds none. */
static void memory(tr_ctx *ctx) {
  const int64_t before = tr_ctx_memory(ctx), large = tr_ctx_memory_peak(ctx) / 8 + 1000;
  tr_array *a, *b;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, &large, &a));
  CHECK(tr_ctx_memory(ctx) == before + 8 * large && tr_ctx_memory_peak(ctx) == before + 8 * large);
  CHECK_OK(ctx, tr_array_create(ctx, TR_BF16, 2, (int64_t[]){3, 5}, &b));
  tr_array view = tr_rows(a, 0, large);
  CHECK(view.data == a->data && !view.owned);
  CHECK(tr_ctx_memory(ctx) == before + 8 * large + 30);
  tr_array_destroy(&a);
  CHECK(tr_ctx_memory(ctx) == before + 30 && tr_ctx_memory_peak(ctx) == before + 8 * large + 30);
  tr_array_destroy(&b);
  CHECK(tr_ctx_memory(ctx) == before);
}

static void views(tr_ctx *ctx) {
  tr_array *a;
  double x[24], got[24];
  for (int i = 0; i < 24; i++) x[i] = i;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 3, (int64_t[]){4, 3, 2}, &a));
  CHECK_OK(ctx, tr_array_set_f64(a, x));
  tr_array v = tr_rows(a, 1, 2);
  CHECK(v.ndim == 3 && v.shape[0] == 2 && v.shape[1] == 3 && v.count == 12 && !v.owned);
  CHECK_OK(ctx, tr_array_get_f64(&v, got));
  CHECK(memcmp(got, x + 6, 12 * sizeof *got) == 0);
  tr_array w = tr_view(&v, 5, 1, (int64_t[]){7}); /* a view of a view */
  CHECK_OK(ctx, tr_array_get_f64(&w, got));
  CHECK(got[0] == 11 && got[6] == 17);
  CHECK_OK(ctx, tr_array_set_f64(&w, (double[]){-1, -1, -1, -1, -1, -1, -1})); /* writes into the parent */
  CHECK_OK(ctx, tr_array_get_f64(a, got));
  CHECK(got[10] == 10 && got[11] == -1 && got[17] == -1 && got[18] == 18);
  v = tr_rows(a, 4, 0);
  CHECK(v.count == 0 && v.ndim == 3 && v.shape[0] == 0 && v.data);
  tr_array_destroy(&a);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){3, 0}, &a)); /* rows without elements are rows */
  v = tr_rows(a, 1, 2);
  CHECK(v.shape[0] == 2 && v.count == 0 && v.data);
  tr_array_destroy(&a);
  CHECK(!tr_ctx_failed(ctx));
}

/* The view is empty, and the context says why. */
static void check_empty(tr_ctx *ctx, tr_array v, const char *word) {
  CHECK(v.ctx == ctx && v.ndim == 0 && v.count == 0 && v.data == NULL && !v.owned);
  CHECK_ERROR(ctx, tr_array_check(&v), TR_E_SHAPE, word);
}

static void views_that_do_not_fit(tr_ctx *ctx) {
  tr_array *a, *none;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 3, (int64_t[]){4, 3, 2}, &a));
  check_empty(ctx, tr_view(a, 0, 1, (int64_t[]){25}), "25 elements at 0");
  check_empty(ctx, tr_view(a, 20, 1, (int64_t[]){5}), "fit");
  check_empty(ctx, tr_view(a, -1, 1, (int64_t[]){1}), "fit");
  check_empty(ctx, tr_view(a, INT64_MAX, 1, (int64_t[]){1}), "fit");
  check_empty(ctx, tr_view(a, 0, 1, (int64_t[]){-1}), "negative");
  check_empty(ctx, tr_view(a, 0, 6, (int64_t[]){1, 1, 1, 1, 1, 1}), "6 dimensions");
  static const int64_t rows[][2] = {{0, 5}, {4, 1}, {-1, 1}, {2, -1}, {INT64_MAX, 1}, {1, INT64_MAX}, {5, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_empty(ctx, tr_rows(a, rows[i][0], rows[i][1]), "rows from row");
  tr_array_destroy(&a);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){3, 0}, &a));
  check_empty(ctx, tr_rows(a, 0, 4), "4 rows from row 0");
  tr_array_destroy(&a);
  tr_array nowhere = tr_rows(NULL, 0, 1);
  CHECK(nowhere.ctx == NULL && nowhere.data == NULL && tr_array_check(&nowhere) == TR_E_ARG);
  CHECK(tr_array_check(NULL) == TR_E_ARG && tr_array_like(NULL, &none) == TR_E_ARG && none == NULL);
}

/* Every operation refuses an empty view, and the error that is kept is that of the view. */
static void empty_operands(tr_ctx *ctx) {
  tr_array *a, *made;
  double host[4] = {0}, sum;
  float bytes[4];
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){2, 2}, &a));
  CHECK_OK(ctx, tr_array_set_f64(a, host));
  for (int i = 0; i < 17; i++) {
    tr_array v = tr_rows(a, 2, 7), w = tr_rows(&v, 0, 0);
    const tr_status status[] = {tr_array_set_small(&v, host),
                                tr_array_upload(&v, host),
                                tr_array_download(&v, bytes),
                                tr_array_set_f64(&v, host),
                                tr_array_get_f64(&v, host),
                                tr_array_copy(&v, &w),
                                tr_array_copy(a, &v),
                                tr_array_like(&v, &made),
                                tr_array_like_stacked(&v, 2, &made),
                                tr_fill(0, &v),
                                tr_axpby(1, &v, 1, &v, &v),
                                tr_axpby(1, &v, 1, a, a),
                                tr_reduce(TR_SUM, &v, NULL, NULL, &sum),
                                tr_reduce(TR_MAX_ABS, &v, NULL, NULL, &sum),
                                tr_randn(&(tr_random_address){.purpose = TR_RANDOM_TEST}, &v),
                                tr_blend_channels(1, 1, a, 1, &v, a),
                                tr_dot_rows(1, &v, &v, 0, &v)};
    CHECK_ERROR(ctx, status[i], TR_E_SHAPE, "7 rows from row 2 do not fit into 2");
  }
  tr_array_destroy(&a);
}

/* One value through an array of this type and back. */
static double through(tr_ctx *ctx, tr_dtype dtype, double value) {
  tr_array *a;
  double got = -1;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 1, (int64_t[]){1}, &a));
  CHECK_OK(ctx, tr_array_set_f64(a, &value));
  CHECK_OK(ctx, tr_array_get_f64(a, &got));
  tr_array_destroy(&a);
  return got;
}

static void rounding(tr_ctx *ctx) {
  static const double same[] = {0.0, -0.0, 1, -2.5, INFINITY, -INFINITY, 0x1p-126};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++)
    for (tr_dtype dtype = TR_F32; dtype <= TR_BF16; dtype++) {
      double got = through(ctx, dtype, same[i]);
      CHECK(memcmp(&got, &same[i], sizeof got) == 0);
    }
  for (tr_dtype dtype = TR_F32; dtype <= TR_BF16; dtype++) CHECK(isnan(through(ctx, dtype, NAN)));
  CHECK(through(ctx, TR_F64, 0.1) == 0.1);
  CHECK(through(ctx, TR_F32, 0.1) == (double)0.1f);
  static const struct {
    double value, want;
  } bf16[] = {{0.1, 0x1.9ap-4},
              {1 + 0x1p-8, 1},                          /* a tie goes to the even one */
              {1 + 3 * 0x1p-8, 1 + 0x1p-6},             /* and so does this */
              {1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-7},       /* above a tie by less than f32 can hold */
              {1 + 3 * 0x1p-8 - 0x1p-40, 1 + 0x1p-7},   /* below one */
              {-(1 + 0x1p-8 + 0x1p-40), -(1 + 0x1p-7)}, /* the same below zero */
              {-(1 + 3 * 0x1p-8 - 0x1p-40), -(1 + 0x1p-7)},
              {0x1.fep127, 0x1.fep127}, /* the largest */
              {0x1.ffp127, INFINITY},   /* a tie with what would come next */
              {0x1.feffffp127, 0x1.fep127},
              {1e300, INFINITY},
              {0x1p-133, 0x1p-133}, /* the smallest subnormal */
              {0x1p-134, 0},        /* half of it: a tie with zero */
              {0x1p-134 + 0x1p-160, 0x1p-133},
              {-0x1p-200, -0.0}};
  for (size_t i = 0; i < sizeof bf16 / sizeof *bf16; i++) {
    double got = through(ctx, TR_BF16, bf16[i].value);
    CHECK_NEAR(got == bf16[i].want ? 0 : got - bf16[i].want, 0, 0);
    CHECK(signbit(got) == signbit(bf16[i].want));
  }
}

/* Every bf16 survives the way to double and back. */
static void all_bf16(tr_ctx *ctx) {
  static uint16_t bits[65536], back[65536];
  static double values[65536];
  tr_array *a;
  for (int i = 0; i < 65536; i++) bits[i] = (uint16_t)i;
  CHECK_OK(ctx, tr_array_create(ctx, TR_BF16, 1, (int64_t[]){65536}, &a));
  CHECK_OK(ctx, tr_array_upload(a, bits));
  CHECK_OK(ctx, tr_array_get_f64(a, values));
  CHECK_OK(ctx, tr_array_set_f64(a, values));
  CHECK_OK(ctx, tr_array_download(a, back));
  int changed = 0;
  for (int i = 0; i < 65536; i++) changed += bits[i] != back[i] && !isnan(values[i]);
  CHECK(changed == 0);
  CHECK(isnan(values[0x7F81]) && values[0x7F80] == INFINITY);
  tr_array_destroy(&a);
}

static void integers(tr_ctx *ctx) {
  static const double good[] = {INT32_MIN, INT32_MAX, 0, -1},
                      bad[] = {0.5, 2147483648.0, -2147483649.0, NAN, INFINITY, -INFINITY, 1e300};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(through(ctx, TR_I32, good[i]) == good[i]);
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, TR_I32, 1, (int64_t[]){1}, &a));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ERROR(ctx, tr_array_set_f64(a, &bad[i]), TR_E_ARG, "32-bit integer");
  tr_array_destroy(&a);
}

static void copies(tr_ctx *ctx) {
  tr_array *a, *b, *c;
  tr_ctx *other;
  float x[6] = {1, 2, 3, 4, 5, 6}, got[6];
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){2, 3}, &a));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){6}, &b));
  CHECK_OK(ctx, tr_array_upload(a, x));
  CHECK_OK(ctx, tr_array_copy(a, b)); /* equal counts, other shapes */
  CHECK_OK(ctx, tr_array_download(b, got));
  CHECK(memcmp(got, x, sizeof x) == 0);
  CHECK_OK(ctx, tr_array_copy(a, a));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){6}, &c));
  CHECK_ERROR(ctx, tr_array_copy(a, c), TR_E_SHAPE, "f32 (2, 3) to f64 (6)");
  tr_array_destroy(&c);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){5}, &c));
  CHECK_ERROR(ctx, tr_array_copy(a, c), TR_E_SHAPE, NULL);
  tr_array_destroy(&c);
  CHECK_OK(NULL, tr_ctx_open(tr_ctx_resource(ctx), 1, &other, NULL));
  CHECK_OK(other, tr_array_create(other, TR_F32, 1, (int64_t[]){6}, &c));
  CHECK_ERROR(other, tr_array_copy(a, c), TR_E_SHAPE, "contexts");
  tr_array_destroy(&c);
  tr_ctx_close(&other);
  tr_array_destroy(&b);
  tr_array_destroy(&a);
}

/* 4096 bytes are few, one element more is not. */
static void small(tr_ctx *ctx) {
  enum { FEW = TR_SMALL_BYTES / 8 };
  double host[FEW + 1], got[FEW];
  tr_array *a;
  for (int i = 0; i <= FEW; i++) host[i] = i;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){FEW + 1}, &a));
  CHECK_ERROR(ctx, tr_array_set_small(a, host), TR_E_ARG, "at most 4096");
  tr_array few = tr_rows(a, 0, FEW);
  CHECK_OK(ctx, tr_array_set_small(&few, host));
  memset(host, 0, sizeof host);
  CHECK_OK(ctx, tr_array_download(&few, got));
  CHECK(got[1] == 1 && got[FEW - 1] == FEW - 1);
  tr_array_destroy(&a);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  shapes(ctx);
  types(ctx);
  empty(ctx);
  views(ctx);
  views_that_do_not_fit(ctx);
  empty_operands(ctx);
  rounding(ctx);
  all_bf16(ctx);
  integers(ctx);
  copies(ctx);
  small(ctx);
  memory(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
