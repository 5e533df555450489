/* D = (n cos(pi t) + 1)^2 / 4: the norm stands inside the square, as in the SiT code, so it is no scale. */
#include "transport/diffusion/diffusion.h"
#include "transport/modules_private.h"

#include <math.h>

static double D(const tr_diffusion *d, const tr_coeffs *at) {
  double root = (d->norm * cos(TR_PI * at->t) + 1) / 2;
  return root * root;
}

/* For n = 1, D = sin^4(pi (1 - t) / 2) vanishes faster than sigma; otherwise D / sigma is infinite. */
static double D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  if (at->sigma == 0 && d->norm == 1) return 0;
  return D(d, at) / at->sigma;
}

static const tr_diffusion_type type = {
    .info = {.name = "decreasing", .summary = "D = (n cos(pi t) + 1)^2 / 4"}, .D = D, .D_sigma = D_sigma};
const tr_module *const tr_diffusion_decreasing = &type.info;
