/* UniPC of order 2 (transport/exponential/unipc_private.h). Order 3 between the ends, thanks to the
 * corrector. */
#include "transport/exponential/unipc_private.h"
#include "transport/modules_private.h"

static void weights(const double *theta, int n, double *weight) {
  tr_exponential_unipc(2, theta, n, weight);
}

static const tr_exponential table = {.of = TR_DENOISER, .points = 3, .weights = weights};
static const tr_ode_method method = {
    .info = {.name = "unipc",
             .aliases = "unipc-2",
             .summary = "UniPC-2 (bh2): 2M, each state corrected once its denoiser is known"},
    .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
    .order = 3,
    .nfe_per_step = 1,
    .detail = &table,
    .solve = tr_exponential_solve};
const tr_module *const tr_exponential_unipc_2 = &method.info;
