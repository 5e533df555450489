/* D = n. D / sigma is infinite at the data, where Euler-Maruyama needs steps below 2 sigma^2 / n. */
#include "transport/diffusion/diffusion.h"
#include "transport/modules_private.h"

static double D(const tr_diffusion *d, const tr_coeffs *at) {
  (void)at;
  return d->norm;
}

static const tr_diffusion_type type = {.info = {.name = "constant", .summary = "D = n"}, .D = D};
const tr_module *const tr_diffusion_constant = &type.info;
