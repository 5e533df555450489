/* Points uniform in lambda = ln(alpha / sigma) between -bound and bound (Lu et al., arXiv 2211.01095, take
 * such steps). */
#include "transport/grid/grid.h"
#include "transport/modules_private.h"

#include <math.h>

enum { BOUND };
static const tr_param parameters[] = {
    [BOUND] = {.name = "bound",
               .value = 5,
               .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 1e-6, .high = 36},
               .help = "the largest |ln(alpha / sigma)|, but for the ends of the run"},
};

static double position(const tr_grid *grid, const tr_coeffs *at) {
  (void)grid;
  return log(at->alpha / at->sigma);
}

static double time(const tr_grid *grid, const tr_interpolant *interpolant, double lambda) {
  (void)grid;
  return tr_interpolant_time(interpolant, atan2(1, exp(-lambda)));
}

static void bounds(const tr_grid *grid, double *low, double *high) {
  *low = -grid->values.v[BOUND];
  *high = grid->values.v[BOUND];
}

static const tr_grid_type type = {
    .info = {.name = "logSNR",
             .summary = "uniform in ln(alpha / sigma), between -bound and bound",
             .params = parameters,
             .n_params = 1},
    .position = position,
    .time = time,
    .bounds = bounds,
};
const tr_module *const tr_grid_logsnr = &type.info;
