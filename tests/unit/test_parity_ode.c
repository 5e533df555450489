/* End points of the probability-flow ODE against the reference, for all nine path x prediction pairs and both
 * directions: 1e-6 of the largest entry at rtol 1e-9 in f64, over the reference's own intervals. */
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "transport/register.h"
#include "transport/sampler.h"

static const char *const methods[] = {"cvode-adams", "dopri5"};

static void one_run(tr_ctx *ctx, tr_npz *npz, tr_sampler *s, const tr_cond *cond, bool reverse,
                    const char *what) {
  const char *start = reverse ? "data" : "z", *end = reverse ? "back" : "x";
  tr_array *x = golden_array(npz, start, TR_F64);
  tr_sample_stats stats;
  s->reverse = reverse;
  CHECK_OK(ctx, tr_sample_ode(s, cond, x, &stats));
  double difference = golden_difference(npz, end, x);
  CHECK_NEAR(difference, 0, 1e-6);
  if (!(difference <= 1e-6)) fprintf(stderr, "  in %s, %s\n", what, reverse ? "reverse" : "forward");
  CHECK(stats.nfe > 0 && stats.t_end == stats.t1);
  tr_array_destroy(&x);
}

static void pair(tr_ctx *ctx, const char *path, const char *prediction, const char *method) {
  char name[64];
  snprintf(name, sizeof name, "ode_%s_%s", path, prediction);
  tr_npz *npz = golden_open(ctx, name);
  const tr_prediction_type *kind;
  tr_sampler s;
  int32_t labels[4];
  tr_cond cond = {golden_labels(ctx, npz, labels, 4), labels};
  CHECK_OK(ctx, tr_prediction_find(ctx, prediction, &kind));
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, method, (const tr_module **)&s.ode.method));
  s.drift = golden_network(ctx, TR_F64, kind->tag);
  s.ode.rtol = 1e-9;
  s.ode.atol = 1e-9;
  one_run(ctx, npz, &s, &cond, false, name);
  one_run(ctx, npz, &s, &cond, true, name);
  tr_drift_destroy(&s.drift);
  tr_npz_close(&npz);
}

int main(int argc, char **argv) {
  static const char *const paths[] = {"Linear", "GVP", "VP"}, *const predictions[] = {"velocity", "noise",
                                                                                      "score"};
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int p = 0; p < 3; p++)
    for (int q = 0; q < 3; q++) pair(ctx, paths[p], predictions[q], methods[(p + q) % 2]);
  tr_ctx_close(&ctx);
  return check_report();
}
