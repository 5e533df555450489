/* DPM-Solver++ (2M) (Lu et al., arXiv 2211.01095, algorithm 2): with steps h_n in lambda
 *   x' = (sigma'/sigma) x + (alpha' - alpha sigma'/sigma) (m_n + (h_n / (2 h_n-1)) (m_n - m_n-1)).
 * Order 2, one evaluation a step; first and last step of a run from noise to data are of order 1. From end to
 * end the order is 2 less a logarithm of the number of steps: 1.7 at hundreds of steps. */
#include "transport/exponential/exponential.h"
#include "transport/modules_private.h"

static void weights(const double *theta, int n, double *weight) {
  (void)n;
  weight[1] = tr_exponential_2m(theta);
}

static const tr_exponential table = {
    .of = TR_DENOISER, .points = 2, .rule = {.weights = weights}, .whole_order = 1.7};
static const tr_ode_method method = {
    .info = {.name = "dpmpp-2m",
             .aliases = "dpm-solver++",
             .summary = "DPM-Solver++ (2M): the denoiser extrapolated in lambda; order 2, to the ends 1.7"},
    .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
    .order = 2,
    .nfe_per_step = 1,
    .detail = &table,
    .solve = tr_exponential_solve};
const tr_module *const tr_exponential_dpmpp_2m = &method.info;
