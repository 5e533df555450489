/* The network's forward against the reference: 1e-10 in f64, 1e-5 in f32, 1e-3 in TF32, where there is, and
 * 2e-2 in bf16; rows with their own times and labels. */
/* TR_TEST_RESOURCES */
#include "core/backend.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"

static void forward(tr_ctx *ctx, tr_dtype dtype, tr_nn_products products, double tolerance) {
  static const char *const with[] = {[TR_NN_FULL] = "", [TR_NN_BF16] = ", bf16", [TR_NN_TF32] = ", TF32"};
  tr_npz *npz = golden_open(ctx, "forward");
  tr_net *net = golden_net(ctx, &(tr_net_options){.dtype = dtype, .products = products});
  tr_drift *network;
  CHECK_OK(ctx, tr_drift_take_net(&net, TR_VELOCITY, &network));
  tr_array *x = golden_array(npz, "x", dtype), *times = golden_array(npz, "t", TR_F64), *out;
  double t[8];
  int32_t labels[8];
  int n = golden_labels(ctx, npz, labels, 8);
  CHECK(times->count == n);
  CHECK_OK(ctx, tr_array_get_f64(times, t));
  CHECK_OK(ctx, tr_array_like(x, &out));
  CHECK_OK(ctx, tr_drift_eval(network, (tr_times){n, t}, x, &(tr_cond){n, labels}, out));
  double difference = golden_difference(npz, "out", out);
  CHECK_NEAR(difference, 0, tolerance);
  printf("forward in %s%s: %.1e\n", tr_dtype_name(dtype), with[products], difference);
  CHECK(network->n_eval == 1);
  tr_array_destroy(&x);
  tr_array_destroy(&times);
  tr_array_destroy(&out);
  tr_drift_destroy(&network);
  tr_npz_close(&npz);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  forward(ctx, TR_F64, TR_NN_FULL, 1e-10);
  forward(ctx, TR_F32, TR_NN_FULL, 1e-5);
  forward(ctx, TR_F32, TR_NN_BF16, 2e-2);
  if (promises(ctx, TR_BACKEND_TF32)) forward(ctx, TR_F32, TR_NN_TF32, 1e-3);
  tr_ctx_close(&ctx);
  return check_report();
}
