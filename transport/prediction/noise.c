/* p = e, the noise E[x0 | x]: m = (x - sigma e) / alpha, v = (alpha'/alpha) x - (W/alpha) e. At alpha = 0,
 * e = x whatever the data: nothing else can be had there. */
#include "transport/modules_private.h"
#include "transport/prediction/prediction.h"

static void estimate(const tr_coeffs *c, tr_affine *m, tr_affine *e, tr_affine *v) {
  *m = (tr_affine){1 / c->alpha, -c->sigma / c->alpha};
  *e = (tr_affine){0, 1};
  *v = (tr_affine){c->dalpha / c->alpha, -c->W / c->alpha};
}

static void target(const tr_coeffs *c, tr_target *out) {
  (void)c;
  *out = (tr_target){1, 0, 1};
}

static const tr_prediction_type type = {
    .info = {.name = "noise", .summary = "the network gives the noise e = E[x0 | x]"},
    .tag = TR_NOISE,
    .estimate = estimate,
    .target = target,
};
const tr_module *const tr_prediction_noise = &type.info;
