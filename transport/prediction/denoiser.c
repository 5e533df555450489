/* p = m, the denoiser E[x1 | x]: e = (x - alpha m) / sigma, v = (sigma'/sigma) x + (W/sigma) m. At sigma = 0,
 * m = x / alpha whatever the data: nothing else can be had there. */
#include "transport/modules_private.h"
#include "transport/prediction/prediction.h"

static void estimate(const tr_coeffs *c, tr_affine *m, tr_affine *e, tr_affine *v) {
  *m = (tr_affine){0, 1};
  *e = (tr_affine){1 / c->sigma, -c->alpha / c->sigma};
  *v = (tr_affine){c->dsigma / c->sigma, c->W / c->sigma};
}

static void target(const tr_coeffs *c, tr_target *out) {
  (void)c;
  *out = (tr_target){1, 1, 0};
}

static const tr_prediction_type type = {
    .info = {.name = "denoiser",
             .aliases = "data",
             .summary = "the network gives the denoiser m = E[x1 | x]"},
    .tag = TR_DENOISER,
    .estimate = estimate,
    .target = target,
};
const tr_module *const tr_prediction_denoiser = &type.info;
