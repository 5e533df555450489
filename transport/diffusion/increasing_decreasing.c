/* D = n sin^2(pi t). The SiT code misspells its name; that spelling is accepted. */
#include "transport/diffusion/diffusion.h"
#include "transport/modules_private.h"

#include <math.h>

static double D(const tr_diffusion *d, const tr_coeffs *at) {
  double sine = sin(TR_PI * (at->t < 0.5 ? at->t : 1 - at->t));
  return d->norm * sine * sine;
}

/* sin^2 vanishes faster than sigma. */
static double D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  return at->sigma > 0 ? D(d, at) / at->sigma : 0;
}

static const tr_diffusion_type type = {
    .info = {.name = "increasing-decreasing",
             .aliases = "inccreasing-decreasing",
             .summary = "D = n sin^2(pi t)"},
    .D = D,
    .D_sigma = D_sigma,
};
const tr_module *const tr_diffusion_increasing_decreasing = &type.info;
