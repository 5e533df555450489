/* p = v, the velocity E[dx_t/dt | x]: m = (sigma v - sigma' x) / W, e = (alpha' x - alpha v) / W. */
#include "transport/modules_private.h"
#include "transport/prediction/prediction.h"

static void estimate(const tr_coeffs *c, tr_affine *m, tr_affine *e, tr_affine *v) {
  *m = (tr_affine){-c->dsigma_W, c->sigma * c->inv_W};
  *e = (tr_affine){c->dalpha_W, -c->alpha * c->inv_W};
  *v = (tr_affine){0, 1};
}

static void target(const tr_coeffs *c, tr_target *out) {
  *out = (tr_target){1, c->dalpha, c->dsigma};
}

static const tr_prediction_type type = {
    .info = {.name = "velocity", .summary = "the network gives the velocity v = alpha' m + sigma' e"},
    .tag = TR_VELOCITY,
    .estimate = estimate,
    .target = target,
    .finite_at_ends = true,
    .unweighted = true,
};
const tr_module *const tr_prediction_velocity = &type.info;
