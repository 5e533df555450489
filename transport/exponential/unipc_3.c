/* UniPC of order 3 (transport/exponential/unipc_private.h). With the corrector its steps are of order 4; the
 * first one, corrected by UniC-1, leaves order 3. On grids that are not even in lambda, such as those that
 * reach an end, its polynomials are in sin(theta). */
#include "transport/exponential/unipc_private.h"
#include "transport/modules_private.h"

static void weights(const double *theta, int n, double *weight) {
  tr_exponential_unipc(3, true, theta, n, weight);
}

static void weights_in_sine(const double *theta, int n, double *weight) {
  tr_exponential_unipc(3, false, theta, n, weight);
}

static const tr_exponential table = {.of = TR_DENOISER,
                                     .points = 4,
                                     .rule = {.weights = weights},
                                     .uneven = {.weights = weights_in_sine, .corrects_start = true},
                                     .whole_order = 3};
static const tr_ode_method method = {
    .info = {.name = "unipc-3",
             .summary = "UniPC-3 (bh2): 3M, each state corrected once its denoiser is known; order 3"},
    .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
    .order = 3,
    .nfe_per_step = 1,
    .detail = &table,
    .solve = tr_exponential_solve};
const tr_module *const tr_exponential_unipc_3 = &method.info;
