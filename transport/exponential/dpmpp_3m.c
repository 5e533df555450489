/* DPM-Solver++ (3M): the parabola in lambda through the last three denoisers, integrated exactly (Lu et al.,
 * arXiv 2211.01095; an exponential Adams-Bashforth method). The program published with the paper weights the
 * second difference with half of what this integral gives, which leaves order 2. Order 3 between the ends
 * (the first step is corrected), one evaluation a step; first and last step of a run from noise to data are
 * of order 1. */
#include "transport/exponential/exponential.h"
#include "transport/modules_private.h"

static void weights(const double *theta, int n, double *weight) {
  const double node[] = {theta[0], theta[-1], n > 2 ? theta[-2] : 0};
  tr_exponential_lambda(node, n, 0, theta[1], weight);
}

static const tr_exponential table = {
    .of = TR_DENOISER, .points = 3, .weights = weights, .corrects_start = true};
static const tr_ode_method method = {
    .info = {.name = "dpmpp-3m", .summary = "DPM-Solver++ (3M): the denoiser as a parabola in lambda"},
    .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
    .order = 3,
    .nfe_per_step = 1,
    .detail = &table,
    .solve = tr_exponential_solve};
const tr_module *const tr_exponential_dpmpp_3m = &method.info;
