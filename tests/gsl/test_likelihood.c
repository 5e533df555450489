/* Log-likelihoods against GSL: a density of the plane integrates to 1 by GSL's adaptive quadrature, and
 * errors over 1000 inputs, in units of their error bars, follow Student's t and the standard normal by
 * chi-squared; error bars that are a quarter too small are noticed. */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_integration.h>
#include <stdlib.h>

#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/problems/mixtures.h"
#include "transport/likelihood/likelihood.h"

typedef struct {
  tr_ctx *ctx;
  tr_sampler sampler;
  tr_density density;
  gsl_integration_workspace *inner;
  tr_array *x; /* (1, 2) */
  double first;
  long solves;
} plane;

static tr_sampler reverse_sampler(tr_ctx *ctx, const char *path, double rtol) {
  tr_sampler s;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  s.reverse = true;
  s.sample_eps = 0;
  s.ode.rtol = s.ode.atol = rtol;
  s.seed = 23;
  return s;
}

static double density_at(double second, void *user) {
  plane *p = user;
  const double at[2] = {p->first, second};
  double logp = NAN, se;
  p->solves++;
  CHECK_OK(p->ctx, tr_array_set_f64(p->x, at));
  CHECK_OK(p->ctx, tr_sample_density(&p->sampler, &p->density, NULL, p->x, &logp, &se, NULL));
  return exp(logp);
}

static double line_at(double first, void *user) {
  plane *p = user;
  gsl_function f = {density_at, p};
  double result, error;
  p->first = first;
  CHECK(gsl_integration_qag(&f, -5, 5, 1e-5, 1e-4, 100, GSL_INTEG_GAUSS15, p->inner, &result, &error) == 0);
  return result;
}

static void integrates_to_one(tr_ctx *ctx) {
  plane p = {.ctx = ctx, .sampler = reverse_sampler(ctx, "GVP", 1e-5)};
  gsl_integration_workspace *outer = gsl_integration_workspace_alloc(100);
  gsl_function f = {line_at, &p};
  double result, error;
  p.inner = gsl_integration_workspace_alloc(100);
  p.sampler.drift = mixture_random(ctx, &p.sampler.interpolant, TR_VELOCITY, 2, 2, 0.3, 4);
  CHECK_OK(ctx, tr_density_defaults(ctx, &p.density));
  CHECK_OK(ctx, tr_trace_find(ctx, "exact", &p.density.trace));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, 2}, &p.x));
  CHECK(gsl_integration_qag(&f, -5, 5, 1e-4, 1e-3, 100, GSL_INTEG_GAUSS15, outer, &result, &error) == 0);
  CHECK_NEAR(result, 1, 1e-3);
  if (getenv("TR_TEST_PRINT")) printf("integral %.7f +- %.1g in %ld solves\n", result, error, p.solves);
  tr_array_destroy(&p.x);
  tr_drift_destroy(&p.sampler.drift);
  gsl_integration_workspace_free(p.inner);
  gsl_integration_workspace_free(outer);
}

enum { ROWS = 1000, D = 8, R = 32, BINS = 25 };

static double student(double z) {
  return gsl_cdf_tdist_P(z, R - 1);
}

/* The probability of a larger chi-squared if the law of z has this distribution function. */
static double chi_squared(const double *z, double factor, double (*cdf)(double)) {
  int count[BINS] = {0};
  double sum = 0, expected = (double)ROWS / BINS;
  for (int i = 0; i < ROWS; i++) count[(int)fmin(BINS - 1, BINS * cdf(factor * z[i]))]++;
  for (int k = 0; k < BINS; k++) sum += (count[k] - expected) * (count[k] - expected) / expected;
  return gsl_cdf_chisq_Q(sum, BINS - 1);
}

static void error_bars(tr_ctx *ctx) {
  tr_sampler s = reverse_sampler(ctx, "Linear", 1e-5);
  tr_density density;
  static double z[ROWS], se[ROWS], truth[ROWS];
  s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, D, 3, 0.1, 2);
  CHECK_OK(ctx, tr_density_defaults(ctx, &density));
  density.n_probes = R;
  tr_array *x = mixture_points(ctx, ROWS, D, 1);
  mixture_log_density(s.drift, 1, x, truth);
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, z, se, NULL));
  for (int i = 0; i < ROWS; i++) z[i] = (z[i] - truth[i]) / se[i];
  if (getenv("TR_TEST_PRINT"))
    printf("chi-squared: p %.3g (Student), %.3g (normal), %.3g (bars a quarter too small)\n",
           chi_squared(z, 1, student), chi_squared(z, 1, gsl_cdf_ugaussian_P),
           chi_squared(z, 4.0 / 3, student));
  CHECK(chi_squared(z, 1, student) > 1e-3);
  CHECK(chi_squared(z, 1, gsl_cdf_ugaussian_P) > 1e-3);
  CHECK(chi_squared(z, 4.0 / 3, student) < 1e-6);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  integrates_to_one(ctx);
  error_bars(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
