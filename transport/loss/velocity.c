/* The error of the velocity: for noise and score w = (W / alpha)^2. */
#include "transport/loss/loss.h"
#include "transport/modules_private.h"

static double at(const tr_coeffs *c, double velocity, double noise) {
  (void)c, (void)noise;
  return velocity * velocity;
}

static const tr_loss_weight type = {.info = {.name = "velocity", .summary = "the error of the velocity"},
                                    .at = at};
const tr_module *const tr_loss_velocity = &type.info;
