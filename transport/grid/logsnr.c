/* Points uniform in lambda = ln(alpha / sigma) between -bound and bound (Lu et al., arXiv 2211.01095, take
 * such steps). */
#include "transport/grid/grid.h"
#include "transport/modules_private.h"

#include <math.h>

static double position(const tr_grid *grid, const tr_coeffs *at) {
  (void)grid;
  return log(at->alpha / at->sigma);
}

static double time(const tr_grid *grid, const tr_interpolant *interpolant, double lambda) {
  (void)grid;
  return tr_interpolant_time(interpolant, atan2(1, exp(-lambda)));
}

static void bounds(const tr_grid *grid, double *low, double *high) {
  *low = -grid->param;
  *high = grid->param;
}

static const tr_grid_type type = {
    .info = {.name = "logSNR", .summary = "uniform in ln(alpha / sigma), between -bound and bound"},
    .param = "bound",
    .param_default = 5,
    .position = position,
    .time = time,
    .bounds = bounds,
};
const tr_module *const tr_grid_logsnr = &type.info;
