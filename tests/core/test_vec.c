/* Vector operations: exact values, NaN and infinity, segments, aliasing, the same sum for any number of
 * threads, neighbours left alone, bad arguments. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "tests/support/check.h"

/* A vector in the middle of a larger array whose other elements hold a sentinel. */
typedef struct {
  tr_array *whole, part[1]; /* an array of one, to be a pointer where it is used */
} fenced;

#define FENCE    3
#define SENTINEL -12345.0

static fenced make(tr_ctx *ctx, tr_dtype dtype, int64_t n, const double *values) {
  fenced f;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 1, (int64_t[]){n + 2 * FENCE}, &f.whole));
  CHECK_OK(ctx, tr_fill(SENTINEL, f.whole));
  *f.part = tr_view(f.whole, FENCE, 1, &n);
  if (values) CHECK_OK(ctx, tr_array_set_f64(f.part, values));
  return f;
}

static void destroy(fenced *f) {
  double *all = malloc((size_t)f->whole->count * sizeof *all);
  CHECK_OK(f->whole->ctx, tr_array_get_f64(f->whole, all));
  for (int i = 0; i < FENCE; i++) CHECK(all[i] == SENTINEL && all[f->whole->count - 1 - i] == SENTINEL);
  free(all);
  tr_array_destroy(&f->whole);
}

static void lincomb(tr_ctx *ctx, tr_dtype dtype) {
  enum { N = 5 };
  const double a[N] = {1, 2, -3, 0.5, 8}, b[N] = {4, -1, 2, 2, -16};
  double got[N];
  fenced x = make(ctx, dtype, N, a), y = make(ctx, dtype, N, b), z = make(ctx, dtype, N, NULL);
  CHECK_OK(ctx, tr_axpby(2, x.part, -0.5, y.part, z.part));
  CHECK_OK(ctx, tr_array_get_f64(z.part, got));
  for (int i = 0; i < N; i++) CHECK(got[i] == 2 * a[i] - 0.5 * b[i]);
  CHECK_OK(ctx, tr_axpby(1, x.part, 1, y.part, x.part)); /* into an operand */
  CHECK_OK(ctx, tr_axpby(1, x.part, 1, y.part, y.part));
  CHECK_OK(ctx, tr_array_get_f64(y.part, got));
  for (int i = 0; i < N; i++) CHECK(got[i] == a[i] + 2 * b[i]);
  CHECK_OK(ctx, tr_scale(-2, x.part, x.part));
  CHECK_OK(ctx, tr_array_get_f64(x.part, got));
  for (int i = 0; i < N; i++) CHECK(got[i] == -2 * (a[i] + b[i]));
  const tr_array *many[TR_LINCOMB_MAX];
  double ones[TR_LINCOMB_MAX + 1];
  CHECK_OK(ctx, tr_fill(0.25, x.part));
  for (int i = 0; i <= TR_LINCOMB_MAX; i++) ones[i] = 1 + i;
  for (int i = 0; i < TR_LINCOMB_MAX; i++) many[i] = x.part;
  CHECK_OK(ctx, tr_lincomb(TR_LINCOMB_MAX, ones, many, z.part));
  CHECK_OK(ctx, tr_array_get_f64(z.part, got));
  CHECK(got[0] == 0.25 * 136 && got[N - 1] == 0.25 * 136);
  CHECK_ERROR(ctx, tr_lincomb(TR_LINCOMB_MAX + 1, ones, many, z.part), TR_E_ARG, "17 terms");
  CHECK_ERROR(ctx, tr_lincomb(0, ones, many, z.part), TR_E_ARG, "0 terms");
  destroy(&x), destroy(&y), destroy(&z);
}

/* Sums in double, rounded once: in f32 arithmetic 2^24 + 1 - 2^24 would be 0. */
static void rounded_once(tr_ctx *ctx) {
  fenced big = make(ctx, TR_F32, 1, (double[]){0x1p24}), one = make(ctx, TR_F32, 1, (double[]){1});
  double got;
  CHECK_OK(ctx, tr_lincomb(3, (double[]){1, 1, -1}, (const tr_array *const[]){big.part, one.part, big.part},
                           one.part));
  CHECK_OK(ctx, tr_array_get_f64(one.part, &got));
  CHECK(got == 1);
  CHECK_OK(ctx, tr_array_set_f64(big.part, (double[]){INFINITY}));
  CHECK_OK(ctx, tr_axpby(1, one.part, 0, big.part, one.part)); /* 0 x inf is NaN */
  CHECK_OK(ctx, tr_array_get_f64(one.part, &got));
  CHECK(isnan(got));
  destroy(&big), destroy(&one);
}

static void maps(tr_ctx *ctx, tr_dtype dtype) {
  enum { N = 4 };
  const double a[N] = {1, -2, 0.25, 0}, b[N] = {4, -1, 2, -8};
  static const struct {
    tr_map_op op;
    double c, want[N];
  } cases[] = {{TR_MAP_CONST, 2.5, {2.5, 2.5, 2.5, 2.5}}, {TR_MAP_MUL, 0, {4, 2, 0.5, -0.0}},
               {TR_MAP_DIV, 0, {0.25, 2, 0.125, -0.0}},   {TR_MAP_ABS, 0, {1, 2, 0.25, 0}},
               {TR_MAP_INV, 0, {1, -0.5, 4, INFINITY}},   {TR_MAP_ADDC, 1.5, {2.5, -0.5, 1.75, 1.5}}};
  fenced x = make(ctx, dtype, N, a), y = make(ctx, dtype, N, b), z = make(ctx, dtype, N, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double got[N];
    CHECK_OK(ctx, tr_map(cases[i].op, cases[i].c, x.part, y.part, z.part));
    CHECK_OK(ctx, tr_array_get_f64(z.part, got));
    CHECK(memcmp(got, cases[i].want, sizeof got) == 0);
  }
  CHECK_ERROR(ctx, tr_map(TR_MAP_MUL, 0, x.part, NULL, z.part), TR_E_ARG, "operand");
  CHECK_ERROR(ctx, tr_map(TR_MAP_INV, 0, NULL, NULL, z.part), TR_E_ARG, "operand");
  CHECK_ERROR(ctx, tr_map((tr_map_op)77, 0, x.part, y.part, z.part), TR_E_ARG, "77");
  destroy(&x), destroy(&y), destroy(&z);
}

static void reductions(tr_ctx *ctx, tr_dtype dtype) {
  enum { N = 6 };
  const double a[N] = {1, -5, 2, 0.5, 4, -3}, b[N] = {2, 1, -1, 4, 0.25, 2};
  const tr_segments parts = {3, {2, 2, N}}; /* the second is empty */
  static const struct {
    tr_reduce_op op;
    double whole, part[3];
  } cases[] = {{TR_SUM_XY, -8, {-3, 0, -5}},
               {TR_SUM_XW2, 74, {29, 0, 45}},
               {TR_MAX_ABS, 5, {5, 0, 4}},
               {TR_MIN, -5, {-5, INFINITY, -3}},
               {TR_SUM, -0.5, {-4, 0, 3.5}}};
  fenced x = make(ctx, dtype, N, a), y = make(ctx, dtype, N, b);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double got[4] = {0, 0, 0, SENTINEL};
    CHECK_OK(ctx, tr_reduce(cases[i].op, x.part, y.part, NULL, got));
    CHECK(got[0] == cases[i].whole);
    CHECK_OK(ctx, tr_reduce(cases[i].op, x.part, y.part, &parts, got));
    CHECK(memcmp(got, cases[i].part, sizeof cases[i].part) == 0 && got[3] == SENTINEL);
  }
  double got[4];
  static const tr_segments bad[] = {{1, {5}},          {2, {4, 3}}, {2, {-1, N}},
                                    {5, {1, 2, 3, 4}}, {-1, {N}},   {1, {7}}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ERROR(ctx, tr_reduce(TR_SUM, x.part, NULL, &bad[i], got), TR_E_ARG, "segments");
  CHECK_ERROR(ctx, tr_reduce(TR_SUM_XY, x.part, NULL, NULL, got), TR_E_ARG, "operand");
  CHECK_ERROR(ctx, tr_reduce((tr_reduce_op)9, x.part, y.part, NULL, got), TR_E_ARG, "9");
  destroy(&x), destroy(&y);
}

/* A NaN anywhere shows in every reduction, whatever stands beside it. */
static void not_a_number(tr_ctx *ctx, tr_dtype dtype) {
  enum { N = 9000 }; /* more than one chunk */
  static double x[N];
  double worst;
  fenced v = make(ctx, dtype, N, NULL);
  static const int places[] = {0, 1, 4095, 4096, N - 1};
  for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
    for (int i = 0; i < N; i++) x[i] = i % 7 - 3;
    x[places[p]] = NAN;
    CHECK_OK(ctx, tr_array_set_f64(v.part, x));
    for (tr_reduce_op op = TR_SUM_XY; op <= TR_SUM; op++) {
      double got = 0;
      CHECK_OK(ctx, tr_reduce(op, v.part, v.part, NULL, &got));
      CHECK(isnan(got));
    }
    x[places[p]] = -INFINITY;
    CHECK_OK(ctx, tr_array_set_f64(v.part, x));
    CHECK_OK(ctx, tr_reduce(TR_MAX_ABS, v.part, NULL, NULL, &worst));
    CHECK(worst == INFINITY);
  }
  CHECK_OK(ctx, tr_fill(-1, v.part));
  CHECK_OK(ctx, tr_reduce(TR_MAX_ABS, v.part, NULL, NULL, &worst));
  CHECK(worst == 1);
  destroy(&v);
}

/* Large enough to be shared among threads; bit for bit the same for any number of them. */
static void thread_free(tr_ctx *ctx) {
  enum { N = 200001 };
  double *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y), sum[3];
  int counts[] = {1, 2, 5}, before = tr_ctx_threads(ctx);
  for (int i = 0; i < N; i++) x[i] = sin(i) * 1e3;
  fenced v = make(ctx, TR_F64, N, x), w = make(ctx, TR_F64, N, NULL);
  for (int k = 0; k < 3; k++) {
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, counts[k]));
    CHECK_OK(ctx, tr_reduce(TR_SUM, v.part, NULL, NULL, &sum[k]));
    CHECK_OK(ctx, tr_axpby(1.5, v.part, 0, v.part, w.part));
    CHECK_OK(ctx, tr_array_get_f64(w.part, y));
    bool same = true;
    for (int i = 0; i < N; i++) same = same && y[i] == 1.5 * x[i];
    CHECK(same);
  }
  CHECK(sum[0] == sum[1] && sum[1] == sum[2]);
  double exact = 0; /* sum of sin(i): sin(n/2) sin((n+1)/2) / sin(1/2) with n = N - 1 */
  exact = 1e3 * sin((N - 1) / 2.0) * sin(N / 2.0) / sin(0.5);
  CHECK_NEAR(sum[0], exact, 1e-6);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, before));
  destroy(&v), destroy(&w);
  free(x);
  free(y);
}

static void mismatches(tr_ctx *ctx) {
  tr_array *a, *b, *i32, *empty;
  tr_ctx *other_ctx;
  double out;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){4}, &a));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){4}, &b));
  CHECK_ERROR(ctx, tr_scale(1, a, b), TR_E_SHAPE, "f32 (4) and f64 (4)");
  CHECK_ERROR(ctx, tr_reduce(TR_SUM_XY, a, b, NULL, &out), TR_E_SHAPE, "types");
  tr_array_destroy(&b);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){5}, &b));
  CHECK_ERROR(ctx, tr_map(TR_MAP_MUL, 0, a, b, a), TR_E_SHAPE, "counts");
  CHECK_OK(ctx, tr_array_create(ctx, TR_I32, 1, (int64_t[]){4}, &i32));
  CHECK_ERROR(ctx, tr_fill(1, i32), TR_E_SHAPE, "not i32");
  CHECK_ERROR(ctx, tr_reduce(TR_SUM, i32, NULL, NULL, &out), TR_E_SHAPE, "not i32");
  tr_array_destroy(&b);
  CHECK_OK(NULL, tr_ctx_open(tr_ctx_resource(ctx), 1, &other_ctx, NULL));
  CHECK_OK(other_ctx, tr_array_create(other_ctx, TR_F32, 1, (int64_t[]){4}, &b));
  CHECK_ERROR(ctx, tr_scale(1, b, a), TR_E_SHAPE, "contexts");
  tr_array_destroy(&b);
  tr_ctx_close(&other_ctx);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){0, 4}, &empty));
  CHECK_OK(ctx, tr_fill(1, empty));
  CHECK_OK(ctx, tr_reduce(TR_SUM, empty, NULL, NULL, &out));
  CHECK(out == 0);
  CHECK_OK(ctx, tr_reduce(TR_MAX_ABS, empty, NULL, NULL, &out));
  CHECK(out == 0);
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.purpose = TR_RANDOM_TEST}, empty));
  tr_array_destroy(&empty);
  tr_array_destroy(&i32);
  tr_array_destroy(&a);
}

static void random_addresses(tr_ctx *ctx) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){2, 3}, &a));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.sample = ((uint64_t)1 << 48) - 2}, a));
  static const tr_random_address bad[] = {{.sample = ((uint64_t)1 << 48) - 1},
                                          {.sample = (uint64_t)1 << 48},
                                          {.sample = UINT64_MAX},
                                          {.sample = UINT64_MAX - 1},
                                          {.purpose = 65536}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ERROR(ctx, tr_randn(&bad[i], a), TR_E_ARG, "out of range");
  tr_array_destroy(&a);
}

/* With the bits of draws that are added a term at a time. */
static void sums_of_normals(tr_ctx *ctx, tr_dtype dtype) {
  enum { ROWS = 3, N = 5, TERMS = 7 };
  const tr_random_address address = {.seed = 5, .purpose = TR_RANDOM_TEST, .sample = 11};
  const int64_t shape[2] = {ROWS, N};
  tr_array *a, *b, *want, *z[2], *other;
  tr_randn_term term[TERMS];
  double x[ROWS * N], y[ROWS * N];
  for (int i = 0; i < 5; i++)
    CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, shape, (tr_array * *[]){&a, &b, &want, &z[0], &z[1]}[i]));
  for (int k = 0; k < TERMS; k++)
    term[k] = (tr_randn_term){(uint32_t)(3 * k + 1), {{0.3 * k - 1, 1. / (k + 1)}, {sin(k), -0.7 * k}}};
  tr_randn_sums_args args = {address, TR_RANDOM_TREE, TERMS, term, {z[0], z[1]}};
  CHECK_OK(ctx, tr_randn_sums(&args));
  for (int s = 0; s < 2; s++) {
    for (int k = 0; k < TERMS; k++) {
      tr_random_address at = address;
      const double factor[3] = {term[k].factor[s][0], term[k].factor[s][1], 1};
      at.step = term[k].step;
      CHECK_OK(ctx, tr_randn(&at, a));
      at.purpose = TR_RANDOM_TREE;
      CHECK_OK(ctx, tr_randn(&at, b));
      CHECK_OK(ctx, tr_lincomb(k ? 3 : 2, factor, (const tr_array *const[]){a, b, want}, want));
    }
    CHECK_OK(ctx, tr_array_get_f64(want, x));
    CHECK_OK(ctx, tr_array_get_f64(z[s], y));
    CHECK(memcmp(x, y, sizeof x) == 0);
  }
  CHECK_OK(ctx, tr_fill(0, z[0]));
  args.z[1] = NULL;
  CHECK_OK(ctx, tr_randn_sums(&args));
  args.z[0] = z[1], args.z[1] = z[0]; /* another order: the second sum does not depend on the first */
  CHECK_OK(ctx, tr_array_get_f64(z[0], x));
  CHECK_OK(ctx, tr_randn_sums(&args));
  CHECK_OK(ctx, tr_array_get_f64(z[1], y));
  CHECK(memcmp(x, y, sizeof x) == 0);
  args.n = 0;
  CHECK_ERROR(ctx, tr_randn_sums(&args), TR_E_ARG, "0 terms");
  args.n = TR_RANDN_TERMS + 1;
  CHECK_ERROR(ctx, tr_randn_sums(&args), TR_E_ARG, "65 terms");
  args.n = 1, args.second = 65536;
  CHECK_ERROR(ctx, tr_randn_sums(&args), TR_E_ARG, "out of range");
  args.second = 0, args.address.sample = UINT64_MAX;
  CHECK_ERROR(ctx, tr_randn_sums(&args), TR_E_ARG, "out of range");
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){N, ROWS}, &other));
  args.address.sample = 0, args.z[1] = other;
  CHECK_ERROR(ctx, tr_randn_sums(&args), TR_E_SHAPE, "equal shapes");
  tr_array_destroy(&other);
  for (int i = 0; i < 5; i++) tr_array_destroy((tr_array **[]){&a, &b, &want, &z[0], &z[1]}[i]);
}

static void products_of_rows(tr_ctx *ctx, tr_dtype dtype) {
  enum { ROWS = 3, N = 4 };
  const double a[ROWS * N] = {1, 2, 3, 4, -1, 0, 1, 0, 2, 2, 2, 2},
                        b[ROWS * N] = {1, 1, 1, 1, 5, 6, 7, 8, 0, 1, 2, 3};
  double got[ROWS];
  fenced x = make(ctx, dtype, ROWS * N, a), y = make(ctx, dtype, ROWS * N, b),
         z = make(ctx, dtype, ROWS, NULL);
  CHECK_OK(ctx, tr_dot_rows(-2, x.part, y.part, 0.5, z.part));
  CHECK_OK(ctx, tr_array_get_f64(z.part, got));
  CHECK(got[0] == -19.5 && got[1] == -3.5 && got[2] == -23.5);
  CHECK_ERROR(ctx, tr_dot_rows(1, x.part, z.part, 0, z.part), TR_E_SHAPE, "rows");
  tr_array *five;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 1, (int64_t[]){5}, &five));
  CHECK_ERROR(ctx, tr_dot_rows(1, x.part, y.part, 0, five), TR_E_SHAPE, "one element a row");
  tr_array_destroy(&five);
  destroy(&x), destroy(&y), destroy(&z);
}

/* A result that lies across an operand would be read before and after it is written. */
static void across(tr_ctx *ctx) {
  tr_array *all;
  double out[4];
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){4, 2}, &all));
  CHECK_OK(ctx, tr_array_set_f64(all, (double[]){0, 1, 2, 3, 4, 5, 6, 7}));
  tr_array x = tr_rows(all, 0, 2), z = tr_rows(all, 1, 2), apart = tr_rows(all, 2, 2),
           one = tr_rows(all, 1, 1);
  CHECK_ERROR(ctx, tr_scale(2, &x, &z), TR_E_ARG, "lies across");
  CHECK_ERROR(ctx, tr_scale(2, &z, &x), TR_E_ARG, "lies across");
  CHECK_ERROR(ctx, tr_axpby(1, &apart, 2, &x, &z), TR_E_ARG, "lies across");
  CHECK_ERROR(ctx, tr_map(TR_MAP_MUL, 0, &x, &z, &z), TR_E_ARG, "lies across");
  CHECK_ERROR(ctx, tr_blend_channels(1, 1, &x, 1, &apart, &z), TR_E_ARG, "lies across");
  CHECK_ERROR(ctx, tr_dot_rows(1, &x, &x, 0, &one), TR_E_ARG, "lies across");
  CHECK_ERROR(ctx, tr_array_copy(&x, &z), TR_E_ARG, "lies across");
  CHECK_OK(ctx, tr_axpby(1, &x, 1, &apart, &apart));
  CHECK_OK(ctx, tr_reduce(TR_SUM_XY, &x, &z, NULL, out)); /* nothing is written */
  CHECK(out[0] == 29);
  tr_array_destroy(&all);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  for (tr_dtype dtype = TR_F32; dtype <= TR_F64; dtype++) {
    lincomb(ctx, dtype);
    maps(ctx, dtype);
    reductions(ctx, dtype);
    not_a_number(ctx, dtype);
    products_of_rows(ctx, dtype);
    sums_of_normals(ctx, dtype);
  }
  rounded_once(ctx);
  thread_free(ctx);
  mismatches(ctx);
  random_addresses(ctx);
  across(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
