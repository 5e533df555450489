#include "transport/diffusion/diffusion.h"

#include <float.h>
#include <math.h>

#include "core/require_private.h"
#include "transport/exact/quadrature_private.h"

#define CHECK_POINTS         65 /* where tr_diffusion_check looks at D */
#define QUADRATURE_TOLERANCE 1e-14
#define QUADRATURE_DEPTH     48

tr_status tr_diffusion_find(tr_ctx *ctx, const char *name, tr_diffusion *out) {
  TR_REQUIRE(ctx, name, out);
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_DIFFUSION, name, &module));
  *out = (tr_diffusion){
      .type = (const tr_diffusion_type *)module, .norm = 1, .values = tr_module_defaults(module)};
  return TR_OK;
}

tr_status tr_diffusion_set(tr_ctx *ctx, tr_diffusion *diffusion, const char *param, double value) {
  TR_REQUIRE(ctx, diffusion, param);
  TR_REQUIRE(ctx, diffusion->type);
  return tr_module_set(ctx, &diffusion->type->info, &diffusion->values, param, value);
}

static tr_status check_given(tr_ctx *ctx, const tr_diffusion *diffusion) {
  const tr_diffusion_type *type = diffusion->type;
  if (!isfinite(diffusion->norm) || diffusion->norm < 0)
    return TR_FAIL(ctx, TR_E_ARG, "the norm of the diffusion is %g: use a finite number >= 0",
                   diffusion->norm);
  TR_TRY(tr_module_check(ctx, &type->info, &diffusion->values));
  if ((type->caps & TR_DIFFUSION_TABLE) && !diffusion->table)
    return TR_FAIL(ctx, TR_E_ARG, "the diffusion form %s needs a table of %s", type->info.name,
                   type->table_of);
  if (!(type->caps & (TR_DIFFUSION_TABLE | TR_DIFFUSION_TABLE_OPTIONAL)) && diffusion->table)
    return TR_FAIL(ctx, TR_E_ARG, "the diffusion form %s takes no table", type->info.name);
  return TR_OK;
}

tr_status tr_diffusion_check(tr_ctx *ctx, const tr_diffusion *diffusion, const tr_interpolant *interpolant) {
  TR_REQUIRE(ctx, diffusion, interpolant);
  TR_REQUIRE(ctx, diffusion->type);
  TR_TRY(tr_interpolant_check(ctx, interpolant));
  TR_TRY(check_given(ctx, diffusion));
  if (diffusion->type->check) TR_TRY(diffusion->type->check(ctx, diffusion));
  for (int i = 0; i < CHECK_POINTS; i++) {
    double t = i / (CHECK_POINTS - 1.0);
    tr_coeffs at = tr_interpolant_at(interpolant, t);
    double D = tr_diffusion_D(diffusion, &at);
    if (!(D >= 0))
      return TR_FAIL(ctx, TR_E_ARG, "the diffusion form %s gives D = %g at t = %g: it must not be negative",
                     diffusion->type->info.name, D, t);
  }
  return TR_OK;
}

double tr_diffusion_D(const tr_diffusion *diffusion, const tr_coeffs *at) {
  if (!diffusion || !diffusion->type || !at) return NAN;
  return diffusion->type->D(diffusion, at);
}

double tr_diffusion_D_sigma(const tr_diffusion *diffusion, const tr_coeffs *at) {
  if (!diffusion || !diffusion->type || !at) return NAN;
  if (diffusion->type->D_sigma) return diffusion->type->D_sigma(diffusion, at);
  return diffusion->type->D(diffusion, at) / at->sigma;
}

double tr_diffusion_kappa(const tr_diffusion *diffusion, const tr_coeffs *at) {
  if (!diffusion || !diffusion->type || !at) return NAN;
  if (diffusion->type->kappa) return diffusion->type->kappa(diffusion, at);
  return diffusion->type->D(diffusion, at) / at->g2_W;
}

/* ---- integrals over a step: adaptive, on the host, in double ---- */

typedef struct {
  const tr_diffusion *diffusion;
  const tr_interpolant *interpolant;
  double (*density)(const tr_diffusion *, const tr_coeffs *);
} integrand;

static double density_at(double t, const void *user) {
  const integrand *f = user;
  tr_coeffs at = tr_interpolant_at(f->interpolant, t);
  return f->density(f->diffusion, &at);
}

static double gauss(const integrand *f, double a, double b) {
  return tr_gauss(density_at, f, a, b);
}

/* Halves the interval until both halves agree with the whole, to the tolerance or to what the rounding of the
 * nodes themselves (one part in (b - a) / b of the digits) leaves of the integrand. */
static double refine(const integrand *f, double a, double b, double whole, double tolerance, int depth) {
  double middle = (a + b) / 2, left = gauss(f, a, middle), right = gauss(f, middle, b);
  double noise = 16 * DBL_EPSILON * fmax(fabs(a), fabs(b)) / (b - a) * fabs(whole);
  if (depth == 0 || !(fabs(left + right - whole) > tolerance + noise)) return left + right;
  return refine(f, a, middle, left, tolerance, depth - 1) + refine(f, middle, b, right, tolerance, depth - 1);
}

static double integrate(const integrand *f, double a, double b) {
  double whole = gauss(f, a, b);
  return refine(f, a, b, whole, QUADRATURE_TOLERANCE * fabs(whole), QUADRATURE_DEPTH);
}

static double noise_density(const tr_diffusion *diffusion, const tr_coeffs *at) {
  return 2 * tr_diffusion_D(diffusion, at);
}

static double churn_density(const tr_diffusion *diffusion, const tr_coeffs *at) {
  return tr_diffusion_D(diffusion, at) / (at->sigma * at->sigma);
}

double tr_diffusion_variance(const tr_diffusion *diffusion, const tr_interpolant *interpolant, double a,
                             double b) {
  if (!diffusion || !diffusion->type || !interpolant) return NAN;
  tr_coeffs from = tr_interpolant_at(interpolant, a), to = tr_interpolant_at(interpolant, b);
  if (!isfinite(tr_diffusion_D(diffusion, &from)) || !isfinite(tr_diffusion_D(diffusion, &to)))
    return INFINITY;
  return integrate(&(integrand){diffusion, interpolant, noise_density}, a, b);
}

double tr_diffusion_churn(const tr_diffusion *diffusion, const tr_interpolant *interpolant, double a,
                          double b) {
  if (!diffusion || !diffusion->type || !interpolant) return NAN;
  tr_coeffs from = tr_interpolant_at(interpolant, a), to = tr_interpolant_at(interpolant, b);
  if (to.sigma == 0) return INFINITY;
  if (diffusion->type->churn) return diffusion->type->churn(diffusion, &from, &to);
  if (!isfinite(tr_diffusion_D(diffusion, &from))) return INFINITY;
  return integrate(&(integrand){diffusion, interpolant, churn_density}, a, b);
}

/* ---- the drift v + D s, in whichever of its three forms is finite ---- */

static bool set_if_finite(tr_affine a, tr_affine *out) {
  *out = a;
  return isfinite(a.x) && isfinite(a.p);
}

bool tr_sde_drift_of(const tr_prediction_type *prediction, const tr_diffusion *diffusion, const tr_coeffs *at,
                     tr_affine *out) {
  if (!prediction || !diffusion || !at || !out) return false;
  tr_affine v, e, s;
  *out = (tr_affine){NAN, NAN};
  if (!tr_affine_of(prediction, at, TR_VELOCITY, &v)) return false;
  double q = tr_diffusion_D_sigma(diffusion, at);
  if (tr_affine_of(prediction, at, TR_NOISE, &e) &&
      set_if_finite((tr_affine){v.x - q * e.x, v.p - q * e.p}, out))
    return true;
  double D = tr_diffusion_D(diffusion, at);
  if (tr_affine_of(prediction, at, TR_SCORE, &s) &&
      set_if_finite((tr_affine){v.x + D * s.x, v.p + D * s.p}, out))
    return true;
  double kappa = tr_diffusion_kappa(diffusion, at);
  return set_if_finite((tr_affine){v.x + kappa * (v.x - at->dalpha / at->alpha), v.p + kappa * v.p}, out);
}

tr_status tr_sde_drift(tr_ctx *ctx, const tr_interpolant *interpolant, const tr_prediction_type *prediction,
                       const tr_diffusion *diffusion, double t, tr_affine *out) {
  TR_REQUIRE(ctx, interpolant, prediction, diffusion, out);
  TR_REQUIRE(ctx, interpolant->type, prediction->info.name, diffusion->type);
  tr_coeffs at = tr_interpolant_at(interpolant, t);
  if (tr_sde_drift_of(prediction, diffusion, &at, out)) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_ARG,
      "the drift v + D s of the form %s is infinite for a %s prediction at t = %.10g of %s, where %s",
      diffusion->type->info.name, prediction->info.name, t, interpolant->type->info.name,
      tr_coeffs_singularity(&at));
}
