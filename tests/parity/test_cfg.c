/* Classifier-free guidance against the reference: one evaluation, and five Euler steps, on the first three
 * channels (the reference's way) and on all. */
/* TR_TEST_DEVICE */
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "transport/guidance.h"
#include "transport/sampler/sampler.h"

static void one_evaluation(tr_ctx *ctx) {
  tr_npz *npz = golden_open(ctx, "cfg");
  tr_drift *network = golden_network(ctx, TR_F64, TR_VELOCITY), *guided;
  tr_array *x = golden_array(npz, "x", TR_F64), *times = golden_array(npz, "t", TR_F64), *out;
  double t[8];
  int32_t labels[8];
  int n = golden_labels(ctx, npz, labels, 8);
  tr_guidance guidance = {golden_scalar(ctx, npz, "scale"), 3, 0, 1};
  CHECK_OK(ctx, tr_array_get_f64(times, t));
  CHECK_OK(ctx, tr_array_like(x, &out));
  CHECK_OK(ctx, tr_drift_create_guided(network, &guidance, &guided));
  CHECK_OK(ctx, tr_drift_eval(guided, (tr_times){n, t}, x, &(tr_cond){n, labels}, out));
  CHECK(guided->n_eval == 1 && network->n_eval == 1);
  CHECK_NEAR(golden_difference(npz, "out_first3", out), 0, 1e-10);
  tr_array_destroy(&x);
  tr_array_destroy(&times);
  tr_array_destroy(&out);
  tr_drift_destroy(&guided);
  tr_drift_destroy(&network);
  tr_npz_close(&npz);
}

static void euler(tr_ctx *ctx, const char *entry, int channels) {
  tr_npz *npz = golden_open(ctx, "euler_cfg");
  tr_drift *network = golden_network(ctx, TR_F64, TR_VELOCITY);
  tr_array *x = golden_array(npz, "z", TR_F64);
  tr_sampler s;
  tr_sample_stats stats;
  int32_t labels[8];
  tr_cond cond = {golden_labels(ctx, npz, labels, 8), labels};
  tr_guidance guidance = {golden_scalar(ctx, npz, "scale"), channels, 0, 1};
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_drift_create_guided(network, &guidance, &s.drift));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "euler", (const tr_module **)&s.ode.method));
  s.n_steps = (int)golden_scalar(ctx, npz, "num_steps");
  CHECK_OK(ctx, tr_sample_ode(&s, &cond, x, &stats));
  CHECK_NEAR(golden_difference(npz, entry, x), 0, 1e-10);
  CHECK(stats.nfe == s.n_steps - 1 && stats.clock == TR_CLOCK_T);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
  tr_drift_destroy(&network);
  tr_npz_close(&npz);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  one_evaluation(ctx);
  euler(ctx, "first3", 3);
  euler(ctx, "all", 0);
  tr_ctx_close(&ctx);
  return check_report();
}
