/* The generalised variance-preserving path alpha = sin(pi t / 2), sigma = cos(pi t / 2); W = pi / 2.
 * (Albergo and Vanden-Eijnden, arXiv 2209.15571; "GVP" in the SiT code.) */
#include "transport/modules_private.h"
#include "transport/path/interpolant.h"

#include <math.h>

/* Each half of the interval is measured from its own end, so that both ends are exact and nothing cancels. */
static void at(const double *params, double t, tr_coeffs *out) {
  (void)params;
  const double half_pi = TR_PI / 2;
  out->alpha = t <= 0.5 ? sin(half_pi * t) : cos(half_pi * (1 - t));
  out->sigma = t <= 0.5 ? cos(half_pi * t) : sin(half_pi * (1 - t));
  out->dalpha = half_pi * out->sigma;
  out->dsigma = -half_pi * out->alpha;
  out->W = half_pi;
  out->c = 1;
  out->theta = half_pi * t;
}

static double time_of_angle(const double *params, double theta) {
  (void)params;
  return theta / (TR_PI / 2);
}

static const tr_interpolant_type type = {
    .info = {.name = "GVP", .summary = "alpha = sin(pi t / 2), sigma = cos(pi t / 2)"},
    .at = at,
    .time_of_angle = time_of_angle,
    .train_eps = 1e-3,
    .sample_eps = 1e-3,
};
const tr_module *const tr_interpolant_gvp = &type.info;
