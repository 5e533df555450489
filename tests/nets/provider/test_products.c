/* Networks whose products have rounded operands, of every kind and in every direction: forward, products with
 * covectors and vectors, gradients of parameters are near those in f64, and not nearer than the rounding is.
 * On a device with bf16 arrays these are where products alone read. */
#include <stdlib.h>

#include "core/backend.h"
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

enum { ROWS = 3, RESULTS = 4 };

typedef struct {
  tr_array *of[RESULTS]; /* f, wJ, the gradient, Jv */
} results;

static tr_net *sit(tr_ctx *ctx, const tr_net_options *options) {
  return golden_net(ctx, options);
}

/* Of extents that are aligned in every type: parameters then have the same places. */
static tr_net *mlp(tr_ctx *ctx, const tr_net_options *options) {
  const tr_net_size sizes[] = {{"dim", 16},        {"hidden", 64},   {"depth", 3}, {"time_frequencies", 16},
                               {"num_classes", 3}, {"null_class", 3}};
  tr_net_config config = {0};
  tr_net *net;
  CHECK_OK(ctx, tr_net_configure_sizes(ctx, "mlp", sizeof sizes / sizeof *sizes, sizes, &config));
  CHECK_OK(ctx, tr_net_create_random(ctx, &config, options, TR_NET_RANDOM, 3, &net));
  tr_net_config_clear(&config);
  return net;
}

static tr_array *normals(tr_ctx *ctx, const tr_net *net, uint64_t seed) {
  int64_t shape[TR_MAX_DIMS];
  const int ndim = tr_net_states(tr_net_info_of(net), ROWS, shape);
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, tr_net_dtype(net), ndim, shape, &a));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = seed, .purpose = TR_RANDOM_TEST}, a));
  return a;
}

static results run(tr_ctx *ctx, tr_net *(*open)(tr_ctx *, const tr_net_options *), tr_dtype dtype,
                   tr_nn_products products) {
  static const double t[ROWS] = {0.2, 0.5, 0.8};
  static const int32_t labels[ROWS] = {0, 2, 1};
  const tr_times times = {ROWS, t};
  const tr_cond cond = {ROWS, labels};
  tr_net *net = open(ctx, &(tr_net_options){.dtype = dtype, .trained = true, .products = products});
  tr_array *x = normals(ctx, net, 5), *w = normals(ctx, net, 6);
  results r = {{normals(ctx, net, 7), normals(ctx, net, 8), NULL, normals(ctx, net, 9)}};
  tr_drift *drift;
  CHECK_OK(ctx, tr_params_like(tr_net_params(net), &r.of[2]));
  CHECK_OK(ctx, tr_fill(0, r.of[2]));
  CHECK_OK(ctx, tr_net_backward(net, times, x, &cond,
                                &(tr_net_backward_args){.want = TR_GRAD_INPUT | TR_GRAD_PARAMS,
                                                        .w = w,
                                                        .f = r.of[0],
                                                        .wJ = r.of[1],
                                                        .gradient = r.of[2]}));
  CHECK_OK(ctx, tr_drift_of_net(net, TR_VELOCITY, &drift));
  CHECK_OK(ctx, tr_drift_jvp(drift, times, x, &cond, w, r.of[3]));
  CHECK(drift->rel_noise == (products == TR_NN_BF16   ? 4e-3
                             : products == TR_NN_TF32 ? 1e-3
                             : dtype == TR_F32        ? 1e-7
                                                      : 0));
  tr_drift_destroy(&drift);
  tr_array_destroy(&x), tr_array_destroy(&w);
  tr_net_destroy(&net);
  return r;
}

static void clear(results *r) {
  for (int i = 0; i < RESULTS; i++) tr_array_destroy(&r->of[i]);
}

static double relative_rms(const tr_array *got, const tr_array *want) {
  double *a = values(got), *b = values(want), apart = check_rms(a, b, want->count);
  free(a), free(b);
  return apart;
}

static void near(tr_ctx *ctx, tr_net *(*open)(tr_ctx *, const tr_net_options *), tr_nn_products products,
                 double least, double most) {
  results wide = run(ctx, open, TR_F64, TR_NN_FULL), got = run(ctx, open, TR_F32, products);
  for (int i = 0; i < RESULTS; i++) {
    double apart = relative_rms(got.of[i], wide.of[i]);
    CHECK(apart > least && apart < most);
    if (!(apart > least && apart < most)) fprintf(stderr, "  result %d: %.2e\n", i, apart);
  }
  clear(&wide), clear(&got);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  tr_net *(*const kinds[])(tr_ctx *, const tr_net_options *) = {sit, mlp};
  for (int i = 0; i < 2; i++) {
    near(ctx, kinds[i], TR_NN_FULL, 1e-9, 1e-5);
    near(ctx, kinds[i], TR_NN_BF16, 3e-4, 1.5e-2);
    if (promises(ctx, TR_BACKEND_TF32)) near(ctx, kinds[i], TR_NN_TF32, 1e-5, 2e-3);
  }
  tr_ctx_close(&ctx);
  return check_report();
}
