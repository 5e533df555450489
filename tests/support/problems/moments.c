#include "tests/support/problems/moments.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/problems/flow.h"

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

tr_status moments_unit(long index, tr_array *z) {
  double *c = calloc((size_t)z->count, sizeof *c);
  c[index] = 1;
  tr_status status = tr_array_set_f64(z, c);
  free(c);
  return status;
}

static tr_status unit_normal(long step, tr_array *z, void *user) {
  (void)user;
  return moments_unit(2 + step, z);
}

static tr_status unit_levy(long step, tr_array *z, void *user) {
  const int *steps = user;
  return moments_unit(2 + *steps + step, z);
}

static tr_status keep(int index, double t, const tr_array *x, void *user) {
  (void)index;
  (void)t;
  return tr_array_get_f64(x, user);
}

static tr_status run(tr_ctx *ctx, tr_sampler s, tr_quantity kind, double spread, int steps, moments *out) {
  bool passing = s.n_save > 0, levy = s.sde.method->caps & TR_SDE_LEVY;
  int n = 2 + steps * (levy ? 2 : 1);
  double *c = calloc((size_t)n, sizeof *c), *mean = calloc((size_t)n, sizeof *mean),
         *variance = malloc((size_t)n * sizeof *variance);
  tr_array *x;
  tr_brownian *path = NULL;
  double t0, t1;
  *out = (moments){0};
  mean[0] = MOMENTS_MU;
  for (int i = 0; i < n; i++) variance[i] = spread;
  CHECK_OK(ctx, tr_exact_create_gaussian(ctx, &s.interpolant, kind, n, mean, variance, &s.drift));
  CHECK_OK(ctx, tr_interval_sde(ctx, &s.interpolant, kind, s.sample_eps, 0, &t0, &t1));
  tr_coeffs at = tr_interpolant_at(&s.interpolant, t0);
  c[0] = at.alpha * MOMENTS_MU;
  c[1] = sqrt(at.alpha * at.alpha * spread + at.sigma * at.sigma);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, n}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, c));
  CHECK_OK(ctx, tr_brownian_create_given_levy(ctx, steps, unit_normal, unit_levy, &steps, &path));
  s.n_steps = steps + 1;
  s.path = path;
  s.out_user = c;
  tr_status status = tr_sample_sde(&s, NULL, x, &out->stats);
  if (!passing && status == TR_OK) CHECK_OK(ctx, tr_array_get_f64(x, c));
  out->mean = c[0];
  for (int i = 1; i < n; i++) out->variance += c[i] * c[i];
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
  free(c);
  free(mean);
  free(variance);
  return status;
}

tr_status moments_try(tr_ctx *ctx, tr_sampler s, tr_quantity kind, double spread, int steps, moments *out) {
  s.n_save = 0;
  return run(ctx, s, kind, spread, steps, out);
}

moments moments_run(tr_ctx *ctx, tr_sampler s, tr_quantity kind, double spread, int steps) {
  moments out;
  CHECK_OK(ctx, moments_try(ctx, s, kind, spread, steps, &out));
  return out;
}

moments moments_passing(tr_ctx *ctx, tr_sampler s, tr_quantity kind, double spread, int steps, double t) {
  s.save_times = &t;
  s.n_save = 1;
  s.on_output = keep;
  moments out;
  CHECK_OK(ctx, run(ctx, s, kind, spread, steps, &out));
  return out;
}

tr_sampler moments_sampler(tr_ctx *ctx, const char *path, const char *method, const char *last) {
  tr_sampler s;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  CHECK_OK(ctx, tr_last_step_find(ctx, last, &s.last));
  s.sde.method = flow_sde_method(ctx, method);
  s.sample_eps = 0;
  return s;
}

double moments_tweedie(const tr_interpolant *interpolant, double t1) {
  tr_coeffs at = tr_interpolant_at(interpolant, t1);
  double V = at.alpha * at.alpha * MOMENTS_C + at.sigma * at.sigma;
  return at.alpha * at.alpha * MOMENTS_C * MOMENTS_C / V;
}
