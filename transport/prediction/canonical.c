/* p = F, the canonical field dy/dtheta of y = x / c, c = sqrt(alpha^2 + sigma^2), over theta = atan2(alpha,
 * sigma): m = sin(theta) y + cos(theta) F, e = cos(theta) y - sin(theta) F, v = (c'/c) x + (W/c) F. Where
 * alpha^2 + sigma^2 = 1 this is minus the v of Salimans and Ho, arXiv 2202.00512. Nothing is 0/0 at an end.
 */
#include "transport/modules_private.h"
#include "transport/prediction/prediction.h"

static void estimate(const tr_coeffs *at, tr_affine *m, tr_affine *e, tr_affine *v) {
  double c = at->c, sine = at->alpha / c, cosine = at->sigma / c;
  *m = (tr_affine){sine / c, cosine};
  *e = (tr_affine){cosine / c, -sine};
  *v = (tr_affine){(at->alpha * at->dalpha + at->sigma_dsigma) / (c * c), at->W / c};
}

static void target(const tr_coeffs *at, tr_target *out) {
  *out = (tr_target){1, at->sigma / at->c, -at->alpha / at->c};
}

static const tr_prediction_type type = {
    .info = {.name = "canonical",
             .summary = "the network gives F = cos(theta) m - sin(theta) e, theta = atan2(alpha, sigma)"},
    .tag = TR_CANONICAL,
    .estimate = estimate,
    .target = target,
    .finite_at_ends = true,
};
const tr_module *const tr_prediction_canonical = &type.info;
