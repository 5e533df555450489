#include "tests/support/problems/flow.h"

double gaussian_mean(const gaussian *target, const tr_interpolant *interpolant, int i, double t) {
  return tr_interpolant_at(interpolant, t).alpha * target->mean[i];
}

double gaussian_variance(const gaussian *target, const tr_interpolant *interpolant, int i, double t) {
  tr_coeffs c = tr_interpolant_at(interpolant, t);
  return c.alpha * c.alpha * target->variance[i] + c.sigma * c.sigma;
}

double gaussian_flow(const gaussian *target, const tr_interpolant *interpolant, int i, double s, double x,
                     double t) {
  double ratio = gaussian_variance(target, interpolant, i, t) / gaussian_variance(target, interpolant, i, s);
  return gaussian_mean(target, interpolant, i, t) +
         sqrt(ratio) * (x - gaussian_mean(target, interpolant, i, s));
}

tr_sampler flow_sampler(tr_ctx *ctx, const char *path, tr_quantity kind, const gaussian *target) {
  tr_sampler s;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  CHECK_OK(ctx, tr_exact_create_gaussian(ctx, &s.interpolant, kind, target->n, target->mean, target->variance,
                                         &s.drift));
  return s;
}

const tr_ode_method *flow_ode_method(tr_ctx *ctx, const char *name) {
  const tr_module *module = NULL;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, name, &module));
  return (const tr_ode_method *)module;
}

const tr_sde_method *flow_sde_method(tr_ctx *ctx, const char *name) {
  const tr_module *module = NULL;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, name, &module));
  return (const tr_sde_method *)module;
}

void flow_sample_sde(tr_ctx *ctx, const tr_sampler *s, int rows, int n, double *out, tr_sample_stats *stats) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){rows, n}, &x));
  CHECK_OK(ctx, tr_sample_init(s, x));
  CHECK_OK(ctx, tr_sample_sde(s, NULL, x, stats));
  CHECK_OK(ctx, tr_array_get_f64(x, out));
  tr_array_destroy(&x);
}
