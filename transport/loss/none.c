/* w = 1: the plain error of what is predicted (of the noise, for a score). */
#include "transport/loss/loss.h"
#include "transport/modules_private.h"

static double at(const tr_coeffs *c, double velocity, double noise) {
  (void)c, (void)velocity, (void)noise;
  return 1;
}

static const tr_loss_weight type = {.info = {.name = "none", .summary = "w = 1"}, .at = at};
const tr_module *const tr_loss_none = &type.info;
