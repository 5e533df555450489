/* Operations on pictures against numbers found by hand. */
#include "core/nn/nn.h"
#include "tests/support/check.h"

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

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  convolution(ctx);
  norm(ctx);
  sizes(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
