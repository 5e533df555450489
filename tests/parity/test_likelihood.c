/* Log-likelihoods against the reference, for all nine path x prediction pairs: ln p and latents to 1e-6 with
 * the reference's probe held, over the reference's own intervals (repaired for VP, REFERENCE 11), in f64. */
/* TR_TEST_DEVICE */
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "transport/likelihood/likelihood.h"

static double largest_logp, largest_latent; /* differences of all runs, relative */

static void pair(tr_ctx *ctx, const char *path, const char *prediction, const char *method) {
  char name[64];
  snprintf(name, sizeof name, "ode_%s_%s", path, prediction);
  tr_npz *npz = golden_open(ctx, name);
  tr_sampler s = golden_sampler(ctx, path, prediction, method);
  tr_density density;
  tr_sample_stats stats;
  int32_t labels[4];
  double logp[4] = {0}, se[4], want[4] = {0}, scale = 0;
  tr_cond cond = {golden_labels(ctx, npz, labels, 4), labels};
  s.reverse = true;
  CHECK_OK(ctx, tr_density_defaults(ctx, &density));
  tr_array *x = golden_array(npz, "data", TR_F64), *probe = golden_array(npz, "probe", TR_F64);
  tr_array *reference = golden_array(npz, "logp", TR_F64);
  CHECK_OK(ctx, tr_array_get_f64(reference, want));
  density.n_probes = 1;
  density.probes = probe;
  density.tolerance = 1e-6;
  CHECK_OK(ctx, tr_sample_density(&s, &density, &cond, x, logp, se, &stats));
  double latents = golden_difference(npz, "latent", x), worst = 0;
  for (int64_t i = 0; i < cond.n; i++) {
    scale = fmax(scale, fabs(want[i]));
    worst = fmax(worst, fabs(logp[i] - want[i]) / fabs(want[i]));
    CHECK(isnan(se[i]));
  }
  CHECK(scale > 1);
  CHECK_NEAR(latents, 0, 1e-6);
  CHECK_NEAR(worst, 0, 1e-6);
  largest_logp = fmax(largest_logp, worst);
  largest_latent = fmax(largest_latent, latents);
  CHECK(stats.nfe == stats.n_vjp && stats.nfe == stats.ode.n_rhs); /* one forward, one backward each */
  if (!(worst <= 1e-6) || !(latents <= 1e-6)) fprintf(stderr, "  in %s by %s\n", name, method);
  tr_array_destroy(&x);
  tr_array_destroy(&probe);
  tr_array_destroy(&reference);
  tr_drift_destroy(&s.drift);
  tr_npz_close(&npz);
}

/* Several probes: one forward and one backward each a right-hand side, whatever their number. */
static void work(tr_ctx *ctx, int probes) {
  tr_npz *npz = golden_open(ctx, "ode_Linear_velocity");
  tr_sampler s = golden_sampler(ctx, "Linear", "velocity", "cvode-adams");
  tr_density density;
  tr_sample_stats stats;
  int32_t labels[4];
  double logp[4], se[4];
  tr_cond cond = {golden_labels(ctx, npz, labels, 4), labels};
  s.reverse = true;
  s.ode.rtol = 1e-3;
  CHECK_OK(ctx, tr_density_defaults(ctx, &density));
  density.n_probes = probes;
  tr_array *x = golden_array(npz, "data", TR_F64);
  CHECK_OK(ctx, tr_sample_density(&s, &density, &cond, x, logp, se, &stats));
  CHECK(stats.nfe == stats.ode.n_rhs && stats.n_vjp == probes * stats.ode.n_rhs);
  for (int64_t i = 0; i < cond.n; i++) CHECK(se[i] > 0);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
  tr_npz_close(&npz);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  golden_pairs(ctx, pair);
  printf("largest difference of ln p %.1e, of latents %.1e\n", largest_logp, largest_latent);
  work(ctx, 2);
  work(ctx, 5);
  tr_ctx_close(&ctx);
  return check_report();
}
