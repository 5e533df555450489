/* End points of the probability-flow ODE against the reference, for all nine path x prediction pairs and both
 * directions: 1e-6 of the largest entry at rtol 1e-9 in f64, over the reference's own intervals. */
/* TR_TEST_DEVICE */
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "transport/sampler/sampler.h"

static double largest; /* difference of all runs */

static void one_run(tr_ctx *ctx, tr_npz *npz, tr_sampler *s, const tr_cond *cond, bool reverse,
                    const char *what) {
  const char *start = reverse ? "data" : "z", *end = reverse ? "back" : "x";
  tr_array *x = golden_array(npz, start, TR_F64);
  tr_sample_stats stats;
  s->reverse = reverse;
  CHECK_OK(ctx, tr_sample_ode(s, cond, x, &stats));
  double difference = golden_difference(npz, end, x);
  CHECK_NEAR(difference, 0, 1e-6);
  largest = fmax(largest, difference);
  if (!(difference <= 1e-6)) fprintf(stderr, "  in %s, %s\n", what, reverse ? "reverse" : "forward");
  CHECK(stats.nfe > 0 && stats.t_end == stats.t1);
  tr_array_destroy(&x);
}

static void pair(tr_ctx *ctx, const char *path, const char *prediction, const char *method) {
  char name[64];
  snprintf(name, sizeof name, "ode_%s_%s", path, prediction);
  tr_npz *npz = golden_open(ctx, name);
  tr_sampler s = golden_sampler(ctx, path, prediction, method);
  int32_t labels[4];
  tr_cond cond = {golden_labels(ctx, npz, labels, 4), labels};
  one_run(ctx, npz, &s, &cond, false, name);
  one_run(ctx, npz, &s, &cond, true, name);
  tr_drift_destroy(&s.drift);
  tr_npz_close(&npz);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  golden_pairs(ctx, pair);
  printf("largest difference of an end point: %.1e\n", largest);
  tr_ctx_close(&ctx);
  return check_report();
}
