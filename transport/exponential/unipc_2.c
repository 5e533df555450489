/* UniPC of order 2 (transport/exponential/unipc_private.h). Order 3 between the ends, thanks to the
 * corrector, and 2 of a run that reaches an end, as every polynomial in lambda. */
#include "transport/exponential/unipc_private.h"
#include "transport/modules_private.h"

static void weights(const double *theta, int n, double *weight) {
  tr_exponential_unipc(2, true, theta, n, weight);
}

static const tr_exponential table = {
    .of = TR_DENOISER, .points = 3, .rule = {.weights = weights}, .whole_order = 2};
static const tr_ode_method method = {
    .info =
        {.name = "unipc",
         .aliases = "unipc-2",
         .summary =
             "UniPC-2 (bh2): 2M, each state corrected once its denoiser is known; order 3, to the ends 2"},
    .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
    .order = 3,
    .nfe_per_step = 1,
    .detail = &table,
    .solve = tr_exponential_solve};
const tr_module *const tr_exponential_unipc_2 = &method.info;
