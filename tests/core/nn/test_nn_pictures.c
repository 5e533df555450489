/* Operations on pictures against numbers found by hand, and group norm, the affine map and pooling against
 * their definition, with the bits of a sample alone. Convolutions: test_nn_conv2d.c. */
#include <float.h>
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/pictures/plain.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

static tr_array *filled(tr_ctx *ctx, int ndim, const int64_t *shape, const double *values) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, ndim, shape, &a));
  if (values) CHECK_OK(ctx, tr_array_set_f64(a, values));
  return a;
}

static void expect(tr_ctx *ctx, const tr_array *a, const double *want) {
  double got[64];
  CHECK_OK(ctx, tr_array_get_f64(a, got));
  for (int64_t i = 0; i < a->count; i++) CHECK_NEAR(got[i], want[i], 1e-14);
}

static const double nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void convolution(tr_ctx *ctx) {
  const double kernel[] = {0, 1, 0, 1, 0, 0, 0, 0, 0}; /* what is above, and what is to the left */
  const double want[] = {0, 1, 2, 1, 6, 8, 4, 12, 14};
  tr_array *x = filled(ctx, 4, (int64_t[]){1, 3, 3, 1}, nine), *y = filled(ctx, 4, x->shape, NULL);
  tr_array *values = filled(ctx, 4, (int64_t[]){1, 1, 3, 3}, kernel);
  tr_nn_weight *w;
  CHECK_OK(
      ctx,
      tr_nn_weight_create(
          ctx, &(tr_nn_weight_spec){.out = 1, .in = 9, .storage = TR_F64, .compute = TR_F64, .taps = 9}, &w));
  CHECK_OK(ctx, tr_nn_weight_set(w, values));
  CHECK_OK(ctx,
           tr_nn_conv2d(&(tr_nn_conv2d_args){.x = x, .w = w, .window = {{3, 3}, 1, {1, 1}, {1, 1}}, .y = y}));
  expect(ctx, y, want);
  tr_nn_weight_destroy(&w);
  tr_array *const all[] = {x, y, values};
  for (int i = 0; i < 3; i++) tr_array_destroy(&(tr_array *){all[i]});
}

static void norm(tr_ctx *ctx) {
  const double one[] = {1}, two[] = {2}, values[] = {1, 3}, want[] = {1, 0}, normed[] = {1, 3};
  tr_array *x = filled(ctx, 4, (int64_t[]){1, 2, 1, 1}, values), *gamma = filled(ctx, 1, (int64_t[]){1}, one);
  tr_array *beta = filled(ctx, 1, (int64_t[]){1}, two), *affine = filled(ctx, 3, (int64_t[]){1, 2, 1}, NULL);
  CHECK_OK(ctx, tr_nn_group_norm(&(tr_nn_group_norm_args){
                    .x = x, .groups = 1, .gamma = gamma, .beta = beta, .affine = affine}));
  expect(ctx, affine, want); /* mean 2, variance 1 */
  CHECK_OK(ctx, tr_nn_affine(&(tr_nn_affine_args){.x = x, .affine = affine, .y = x}));
  expect(ctx, x, normed);
  tr_array *const all[] = {x, gamma, beta, affine};
  for (int i = 0; i < 4; i++) tr_array_destroy(&(tr_array *){all[i]});
}

static void sizes(tr_ctx *ctx) {
  const double most[] = {5, 6, 8, 9}, corner[] = {1, 2.5, 5.5, 7};
  tr_array *x = filled(ctx, 4, (int64_t[]){1, 3, 3, 1}, nine);
  tr_array *y = filled(ctx, 4, (int64_t[]){1, 2, 2, 1}, NULL);
  CHECK_OK(ctx, tr_nn_pool2d(&(tr_nn_pool2d_args){.x = x, .window = {{2, 2}, 1, {0, 0}, {0, 0}}, .y = y}));
  expect(ctx, y, most);
  CHECK_OK(ctx, tr_nn_resize2d(&(tr_nn_resize2d_args){.x = x, .scale = 1, .y = y}));
  expect(ctx, y, corner);
  tr_array_destroy(&x), tr_array_destroy(&y);
}

/* ---- against the definition ---- */

static const int64_t pictures[][4] = {{2, 5, 7, 12}, {1, 64, 40, 64}, {3, 17, 17, 40},
                                      {1, 1, 1, 6},  {2, 9, 130, 6},  {1, 3, 3, 520}};
enum { PICTURES = sizeof pictures / sizeof *pictures };

static double rounding(tr_dtype dtype) {
  return dtype == TR_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
}

static void near(const tr_array *got, double *want, double tolerance) {
  double *host = values(got);
  CHECK(check_relative(host, want, got->count) <= tolerance);
  free(host), free(want);
}

/* A mean far above the deviation takes no digits. */
static void norms(tr_ctx *ctx, tr_dtype dtype, const int64_t *shape, double mean) {
  tr_array *x = tensor(ctx, dtype, 4, shape, 1),
           *affine = tensor(ctx, dtype, 3, (int64_t[]){shape[0], 2, shape[3]}, 2);
  tr_array *gamma = tensor(ctx, dtype, 1, &shape[3], 3), *beta = tensor(ctx, dtype, 1, &shape[3], 4);
  tr_array *ones = tensor(ctx, dtype, 4, shape, 1);
  CHECK_OK(ctx, tr_fill(mean, ones));
  CHECK_OK(ctx, tr_lincomb(2, (double[]){1, 1}, (const tr_array *const[]){x, ones}, x));
  const tr_nn_group_norm_args args = {
      .x = x, .groups = 2, .gamma = gamma, .beta = beta, .eps = 1e-6, .affine = affine};
  double *want = plain_group_norm(&args);
  CHECK_OK(ctx, tr_nn_group_norm(&args));
  near(affine, want, dtype == TR_F32 ? 2e-7 : 1e-12);
  tr_array **all[] = {&x, &affine, &gamma, &beta, &ones};
  for (int i = 0; i < 5; i++) tr_array_destroy(all[i]);
}

static void affine_maps(tr_ctx *ctx, tr_dtype dtype, const int64_t *shape) {
  tr_array *x = tensor(ctx, dtype, 4, shape, 1), *y = tensor(ctx, dtype, 4, shape, 2);
  tr_array *affine = tensor(ctx, dtype, 3, (int64_t[]){shape[0], 2, shape[3]}, 3);
  for (int act = TR_NN_IDENTITY; act <= TR_NN_RELU; act++) {
    const tr_nn_affine_args args = {.x = x, .affine = affine, .activation = (tr_nn_activation)act, .y = y};
    double *want = plain_affine(&args);
    CHECK_OK(ctx, tr_nn_affine(&args));
    near(y, want, 8 * rounding(dtype));
  }
  tr_array_destroy(&x), tr_array_destroy(&y), tr_array_destroy(&affine);
}

static void poolings(tr_ctx *ctx, tr_dtype dtype, const int64_t *shape) {
  static const tr_nn_window windows[] = {{{3, 3}, 1, {1, 1}, {1, 1}},
                                         {{3, 3}, 2, {0, 0}, {0, 0}},
                                         {{2, 3}, 3, {1, 2}, {0, 1}},
                                         {{1, 1}, 2, {0, 0}, {0, 0}}};
  tr_array *x = tensor(ctx, dtype, 4, shape, 1);
  for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
    for (int pool = TR_NN_POOL_MAX; pool <= TR_NN_POOL_MEAN; pool++) {
      const int64_t result[] = {shape[0], tr_nn_window_extent(&windows[i], 0, shape[1]),
                                tr_nn_window_extent(&windows[i], 1, shape[2]), shape[3] + 5};
      if (result[1] * result[2] == 0) continue;
      tr_array *y = tensor(ctx, dtype, 4, result, 2);
      const tr_nn_pool2d_args args = {
          .x = x, .pool = (tr_nn_pool)pool, .window = windows[i], .y = y, .first = 2};
      double *want = plain_pool2d(&args);
      CHECK_OK(ctx, tr_nn_pool2d(&args));
      near(y, want, pool == TR_NN_POOL_MAX ? 0 : 8 * rounding(dtype));
      tr_array_destroy(&y);
    }
  tr_array_destroy(&x);
}

/* The largest of numbers of which one is none is none, wherever it stands. */
static void none(tr_ctx *ctx) {
  for (int at = 0; at < 4; at++) {
    double four[] = {1, -2, 3, 0}, got;
    four[at] = NAN;
    tr_array *x = filled(ctx, 4, (int64_t[]){1, 2, 2, 1}, four),
             *y = filled(ctx, 4, (int64_t[]){1, 1, 1, 1}, NULL);
    CHECK_OK(ctx, tr_nn_pool2d(&(tr_nn_pool2d_args){.x = x, .window = {{2, 2}, 1, {0, 0}, {0, 0}}, .y = y}));
    CHECK_OK(ctx, tr_array_get_f64(y, &got));
    CHECK(got != got);
    tr_array_destroy(&x), tr_array_destroy(&y);
  }
}

/* Samples alone, and on other numbers of threads, have the bits they have together on one. */
static void independent(tr_ctx *ctx, tr_dtype dtype) {
  const int64_t shape[] = {3, 70, 60, 32};
  tr_array *x = tensor(ctx, dtype, 4, shape, 1), *gamma = tensor(ctx, dtype, 1, &shape[3], 3);
  tr_array *affine = tensor(ctx, dtype, 3, (int64_t[]){3, 2, 32}, 2),
           *alone = tensor(ctx, dtype, 3, (int64_t[]){3, 2, 32}, 2);
  tr_nn_group_norm_args args = {
      .x = x, .groups = 4, .gamma = gamma, .beta = gamma, .eps = 1e-6, .affine = affine};
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 1));
  CHECK_OK(ctx, tr_nn_group_norm(&args));
  for (int n = 0; n < 3; n++) {
    tr_array some = tr_rows(x, n, 1), result = tr_rows(alone, n, 1);
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, 2 + n));
    args.x = &some, args.affine = &result;
    CHECK_OK(ctx, tr_nn_group_norm(&args));
  }
  double *together = values(affine), *apart = values(alone);
  CHECK(memcmp(together, apart, (size_t)affine->count * sizeof *apart) == 0);
  free(together), free(apart);
  tr_array **all[] = {&x, &gamma, &affine, &alone};
  for (int i = 0; i < 4; i++) tr_array_destroy(all[i]);
}

static void refused(tr_ctx *ctx) {
  tr_array *x = filled(ctx, 4, (int64_t[]){1, 3, 3, 1}, nine),
           *y = filled(ctx, 4, (int64_t[]){1, 2, 2, 1}, NULL);
  tr_array *one = filled(ctx, 1, (int64_t[]){1}, NULL), *two = filled(ctx, 1, (int64_t[]){2}, NULL);
  tr_array *affine = filled(ctx, 3, (int64_t[]){1, 2, 1}, NULL);
  tr_nn_pool2d_args pool = {.x = x, .window = {{2, 2}, 1, {0, 0}, {0, 0}}, .y = y, .pool = (tr_nn_pool)5};
  CHECK_ERROR(ctx, tr_nn_pool2d(&pool), TR_E_ARG, "kind 5");
  pool.pool = TR_NN_POOL_MEAN, pool.first = 1;
  CHECK_ERROR(ctx, tr_nn_pool2d(&pool), TR_E_SHAPE, NULL);
  pool.first = 0, pool.window.before[0] = 2;
  CHECK_ERROR(ctx, tr_nn_pool2d(&pool), TR_E_ARG, "fewer pixels are added");
  tr_nn_group_norm_args norm_of = {.x = x, .groups = 2, .gamma = one, .beta = one, .affine = affine};
  CHECK_ERROR(ctx, tr_nn_group_norm(&norm_of), TR_E_SHAPE, NULL);
  norm_of.groups = 1, norm_of.gamma = two;
  CHECK_ERROR(ctx, tr_nn_group_norm(&norm_of), TR_E_SHAPE, NULL);
  CHECK_ERROR(ctx, tr_nn_affine(&(tr_nn_affine_args){.x = x, .affine = affine, .y = y}), TR_E_SHAPE, NULL);
  tr_array **all[] = {&x, &y, &one, &two, &affine};
  for (int i = 0; i < 5; i++) tr_array_destroy(all[i]);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  convolution(ctx);
  norm(ctx);
  sizes(ctx);
  for (int i = 0; i < 2 * PICTURES; i++) {
    const tr_dtype dtype = i % 2 ? TR_F32 : TR_F64;
    norms(ctx, dtype, pictures[i / 2], 0);
    norms(ctx, dtype, pictures[i / 2], 1000);
    affine_maps(ctx, dtype, pictures[i / 2]);
    poolings(ctx, dtype, pictures[i / 2]);
  }
  none(ctx);
  if (promises(ctx, TR_BACKEND_ROWS_INDEPENDENT))
    for (int f32 = 0; f32 < 2; f32++) independent(ctx, f32 ? TR_F32 : TR_F64);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
