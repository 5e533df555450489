#include "tests/support/moments.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/flow.h"

const char *const moments_paths[3] = {"Linear", "GVP", "VP"};
const char *const moments_forms[MOMENTS_FORMS] = {
    "constant", "SBDM", "sigma", "linear", "decreasing", "increasing-decreasing", "KL-eta", "kappa", "table"};

tr_diffusion moments_form(tr_ctx *ctx, const char *name, tr_table **table) {
  static const double t[] = {0, 0.3, 0.6, 1}, loss[] = {0.4, 0.2, 0.3, 0.6}, D[] = {0.5, 1, 0.4, 0};
  static const double lambda[] = {-6, -1, 2, 6}, kappa[] = {0, 0.4, 1, 0.2};
  tr_diffusion d = {0};
  *table = NULL;
  CHECK_OK(ctx, tr_diffusion_find(ctx, name, &d));
  d.norm = 0.8;
  if (strcmp(name, "KL-eta") == 0) {
    CHECK_OK(ctx, tr_table_create(ctx, 4, t, loss, table));
    CHECK_OK(ctx, tr_diffusion_set(ctx, &d, "eta", 0.5));
  }
  if (strcmp(name, "kappa") == 0) CHECK_OK(ctx, tr_table_create(ctx, 4, lambda, kappa, table));
  if (strcmp(name, "table") == 0) CHECK_OK(ctx, tr_table_create(ctx, 4, t, D, table));
  d.table = *table;
  return d;
}

static tr_status unit_normal(long step, tr_array *z, void *user) {
  (void)user;
  double *c = calloc((size_t)z->count, sizeof *c);
  c[2 + step] = 1;
  tr_status status = tr_array_set_f64(z, c);
  free(c);
  return status;
}

moments moments_run(tr_ctx *ctx, tr_sampler s, tr_quantity kind, double spread, int steps) {
  int n = steps + 2;
  double *c = calloc((size_t)n, sizeof *c), *mean = calloc((size_t)n, sizeof *mean),
         *variance = malloc((size_t)n * sizeof *variance);
  moments out = {0};
  tr_array *x;
  tr_brownian *path = NULL;
  double t0, t1;
  mean[0] = MOMENTS_MU;
  for (int i = 0; i < n; i++) variance[i] = spread;
  CHECK_OK(ctx, tr_exact_create_gaussian(ctx, &s.interpolant, kind, n, mean, variance, &s.drift));
  CHECK_OK(ctx, tr_interval_sde(ctx, &s.interpolant, kind, s.sample_eps, 0, &t0, &t1));
  tr_coeffs at = tr_interpolant_at(&s.interpolant, t0);
  c[0] = at.alpha * MOMENTS_MU;
  c[1] = sqrt(at.alpha * at.alpha * spread + at.sigma * at.sigma);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, n}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, c));
  CHECK_OK(ctx, tr_brownian_create_given(ctx, steps, unit_normal, NULL, &path));
  s.n_steps = steps + 1;
  s.path = path;
  CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, &out.stats));
  CHECK_OK(ctx, tr_array_get_f64(x, c));
  out.mean = c[0];
  for (int i = 1; i < n; i++) out.variance += c[i] * c[i];
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
  free(c);
  free(mean);
  free(variance);
  return out;
}

tr_sampler moments_sampler(tr_ctx *ctx, const char *path, const char *method, const char *last) {
  tr_sampler s;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  CHECK_OK(ctx, tr_last_step_find(ctx, last, &s.last));
  s.sde = flow_sde_method(ctx, method);
  s.sample_eps = 0;
  return s;
}

double moments_tweedie(const tr_interpolant *interpolant, double t1) {
  tr_coeffs at = tr_interpolant_at(interpolant, t1);
  double V = at.alpha * at.alpha * MOMENTS_C + at.sigma * at.sigma;
  return at.alpha * at.alpha * MOMENTS_C * MOMENTS_C / V;
}
