/* D = n (1 - t). */
#include "transport/diffusion/diffusion.h"
#include "transport/modules_private.h"

static double D(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm * (1 - at->t);
}

/* (1 - t) / sigma tends to -1 / sigma' where sigma = 0. */
static double D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  return at->sigma > 0 ? d->norm * (1 - at->t) / at->sigma : -d->norm / at->dsigma;
}

static const tr_diffusion_type type = {
    .info = {.name = "linear", .summary = "D = n (1 - t)"}, .D = D, .D_sigma = D_sigma};
const tr_module *const tr_diffusion_linear = &type.info;
