/* DPM-Solver++ (3M): the parabola in lambda through the last three denoisers, integrated exactly (Lu et al.,
 * arXiv 2211.01095; an exponential Adams-Bashforth method). The program published with the paper weights the
 * second difference with half of what this integral gives, which leaves order 2. On grids that are not even
 * in lambda, such as those that reach an end, the parabola is one in sin(theta). Order 3 (the first step is
 * corrected) from end to end, one evaluation a step. */
#include "transport/exponential/exponential.h"
#include "transport/modules_private.h"

static void weights(const double *theta, int n, double *weight) {
  tr_exponential_lambda((double[]){theta[0], theta[-1], theta[-2]}, n, 0, theta[1], weight);
}

static void weights_in_sine(const double *theta, int n, double *weight) {
  tr_exponential_weights(tr_difference_of_sines, (double[]){theta[0], theta[-1], theta[-2]}, n, 0, theta[1],
                         weight);
}

static const tr_exponential table = {.of = TR_DENOISER,
                                     .points = 3,
                                     .rule = {.weights = weights, .corrects_start = true},
                                     .uneven = {.weights = weights_in_sine, .corrects_start = true},
                                     .whole_order = 3};
static const tr_ode_method method = {
    .info = {.name = "dpmpp-3m",
             .summary = "DPM-Solver++ (3M): the denoiser as a parabola in lambda or sin(theta); order 3"},
    .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
    .order = 3,
    .nfe_per_step = 1,
    .detail = &table,
    .solve = tr_exponential_solve};
const tr_module *const tr_exponential_dpmpp_3m = &method.info;
