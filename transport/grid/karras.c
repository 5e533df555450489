/* Points uniform in r^(1/rho), r = sigma / alpha between 80 and 0.002 (Karras et al., arXiv 2206.00364,
 * equation 5; EDM's noise level is sigma / alpha here). */
#include "transport/grid/grid.h"
#include "transport/modules_private.h"

#include <math.h>

#define NOISE_MIN 0.002
#define NOISE_MAX 80

enum { RHO };
static const tr_param parameters[] = {
    [RHO] = {.name = "rho",
             .value = 7,
             .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 0.01, .high = 1000},
             .help = "the exponent: larger is denser towards the data"},
};

static double position(const tr_grid *grid, const tr_coeffs *at) {
  return pow(at->sigma / at->alpha, 1 / grid->values.v[RHO]);
}

static double time(const tr_grid *grid, const tr_interpolant *interpolant, double u) {
  return tr_interpolant_time(interpolant, atan2(1, pow(u, grid->values.v[RHO])));
}

static void bounds(const tr_grid *grid, double *low, double *high) {
  *low = pow(NOISE_MIN, 1 / grid->values.v[RHO]);
  *high = pow(NOISE_MAX, 1 / grid->values.v[RHO]);
}

static const tr_grid_type type = {
    .info = {.name = "karras",
             .aliases = "edm",
             .summary = "uniform in (sigma / alpha)^(1/rho), sigma / alpha from 80 to 0.002",
             .params = parameters,
             .n_params = 1},
    .position = position,
    .time = time,
    .bounds = bounds,
};
const tr_module *const tr_grid_karras = &type.info;
