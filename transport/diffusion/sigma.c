/* D = n sigma. (The paper's column sigma_t is w = sigma_t, this with n = 1/2.) */
#include "transport/diffusion/diffusion.h"
#include "transport/modules_private.h"

static double D(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm * at->sigma;
}

static double D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  (void)at;
  return d->norm;
}

static const tr_diffusion_type type = {
    .info = {.name = "sigma", .summary = "D = n sigma"}, .D = D, .D_sigma = D_sigma};
const tr_module *const tr_diffusion_sigma = &type.info;
