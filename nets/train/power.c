#include "nets/train/power.h"

#include <math.h>
#include <stddef.h>

#include "core/require_private.h"

double tr_power_sigma_rel(double gamma) {
  return gamma >= 0 ? sqrt((gamma + 1) / (gamma + 3)) / (gamma + 2) : NAN;
}

tr_status tr_power_gamma(tr_ctx *ctx, double sigma_rel, double *gamma) {
  TR_REQUIRE(ctx, gamma);
  if (!(sigma_rel >= TR_SIGMA_REL_LEAST && sigma_rel <= TR_SIGMA_REL_MOST))
    return TR_FAIL(ctx, TR_E_ARG, "an average of relative width %g: use %g to %.6g", sigma_rel,
                   TR_SIGMA_REL_LEAST, TR_SIGMA_REL_MOST);
  /* The width falls as gamma grows, and is below 1 / gamma. Halved until no number lies between. */
  double low = 0, high = 1 / sigma_rel;
  for (double middle = high / 2; middle > low && middle < high; middle = low + (high - low) / 2)
    *(tr_power_sigma_rel(middle) >= sigma_rel ? &low : &high) = middle;
  *gamma = low;
  return TR_OK;
}

double tr_power_keep(double gamma, int64_t step) {
  return step >= 1 ? exp((gamma + 1) * log1p(-1 / (double)step)) : NAN;
}

static int is_profile(const tr_power_profile *p) {
  return p && p->step > 0 && isfinite(p->step) && p->gamma >= 0 && p->gamma <= TR_POWER_MOST;
}

/* (ga + 1) (gb + 1) m^(ga + gb + 1) / ((ga + gb + 1) Ta^(ga + 1) Tb^(gb + 1)), m the smaller of both ends. */
double tr_power_dot(const tr_power_profile *a, const tr_power_profile *b) {
  if (!is_profile(a) || !is_profile(b)) return NAN;
  const double m = fmin(a->step, b->step);
  return (a->gamma + 1) / (a->gamma + b->gamma + 1) * (b->gamma + 1) * pow(m / a->step, a->gamma) *
         pow(m / b->step, b->gamma) * (m / a->step) / b->step;
}
