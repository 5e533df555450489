/* The linear path alpha = t, sigma = 1 - t; W = 1. (Lipman et al., arXiv 2210.02747; Liu et al.,
 * arXiv 2209.03003; "Linear" in the SiT code.) */
#include "transport/modules_private.h"
#include "transport/path/interpolant.h"

#include <math.h>

static void at(const double *params, double t, tr_coeffs *out) {
  (void)params;
  out->alpha = t;
  out->sigma = 1 - t;
  out->dalpha = 1;
  out->dsigma = -1;
  out->W = 1;
}

static double time_of_angle(const double *params, double theta) {
  (void)params;
  return sin(theta) / (sin(theta) + cos(theta));
}

static const tr_interpolant_type type = {
    .info = {.name = "Linear", .summary = "alpha = t, sigma = 1 - t"},
    .at = at,
    .time_of_angle = time_of_angle,
    .train_eps = 1e-3,
    .sample_eps = 1e-3,
};
const tr_module *const tr_interpolant_linear = &type.info;
