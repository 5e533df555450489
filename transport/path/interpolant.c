#include "transport/path/interpolant.h"

#include <math.h>

#include "core/require_private.h"

#define BISECTIONS 200 /* more than the bits of a double: the loop ends when the interval stops shrinking */

static const tr_coeffs unknown = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};

tr_status tr_interpolant_find(tr_ctx *ctx, const char *name, tr_interpolant *out) {
  TR_REQUIRE(ctx, name, out);
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_INTERPOLANT, name, &module));
  *out = (tr_interpolant){(const tr_interpolant_type *)module, tr_module_defaults(module)};
  return TR_OK;
}

tr_status tr_interpolant_set(tr_ctx *ctx, tr_interpolant *interpolant, const char *param, double value) {
  TR_REQUIRE(ctx, interpolant, param);
  TR_REQUIRE(ctx, interpolant->type);
  return tr_module_set(ctx, &interpolant->type->info, &interpolant->values, param, value);
}

tr_status tr_interpolant_check(tr_ctx *ctx, const tr_interpolant *interpolant) {
  TR_REQUIRE(ctx, interpolant);
  TR_REQUIRE(ctx, interpolant->type);
  return tr_module_check(ctx, &interpolant->type->info, &interpolant->values);
}

bool tr_interpolant_same(const tr_interpolant *a, const tr_interpolant *b) {
  if (!a || !b) return false;
  return a->type == b->type && tr_values_equal(&a->type->info, &a->values, &b->values);
}

static void complete(double *field, double value) {
  if (isnan(*field)) *field = value;
}

tr_coeffs tr_interpolant_at(const tr_interpolant *interpolant, double t) {
  tr_coeffs c = unknown;
  if (!interpolant || !interpolant->type || !(t >= 0 && t <= 1)) return c;
  interpolant->type->at(interpolant->values.v, t, &c);
  c.t = t;
  complete(&c.sigma_dsigma, c.sigma * c.dsigma);
  complete(&c.W, c.dalpha * c.sigma - c.alpha * c.dsigma);
  complete(&c.inv_W, 1 / c.W);
  complete(&c.dalpha_W, c.dalpha * c.inv_W);
  complete(&c.dsigma_W, c.dsigma * c.inv_W);
  complete(&c.g2_W, c.alpha > 0 ? c.sigma * c.W / c.alpha : INFINITY);
  complete(&c.c, hypot(c.alpha, c.sigma));
  complete(&c.theta, atan2(c.alpha, c.sigma));
  return c;
}

static double bisect(const tr_interpolant *interpolant, double theta) {
  double low = 0, high = 1;
  for (int i = 0; i < BISECTIONS; i++) {
    double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    if (tr_interpolant_at(interpolant, middle).theta < theta)
      low = middle;
    else
      high = middle;
  }
  return high;
}

double tr_interpolant_time(const tr_interpolant *interpolant, double theta) {
  if (!interpolant || !interpolant->type) return NAN;
  if (theta <= tr_interpolant_at(interpolant, 0).theta) return 0;
  if (theta >= tr_interpolant_at(interpolant, 1).theta) return 1;
  double (*inverse)(const double *, double) = interpolant->type->time_of_angle;
  double t = inverse ? inverse(interpolant->values.v, theta) : bisect(interpolant, theta);
  return fmin(fmax(t, 0), 1);
}

double tr_coeffs_log_snr_step(const tr_coeffs *a, const tr_coeffs *b) {
  if (!a || !b) return NAN;
  return log(b->alpha / a->alpha) - log(b->sigma / a->sigma);
}

const char *tr_coeffs_singularity(const tr_coeffs *at) {
  if (!at) return "";
  if (at->alpha == 0) return "alpha = 0";
  if (at->sigma == 0) return isfinite(at->W) ? "sigma = 0" : "sigma = 0 and sigma' is infinite";
  return "a coefficient is infinite";
}
