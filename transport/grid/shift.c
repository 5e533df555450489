/* Points s = 1 - t = k u / (1 + (k - 1) u), u uniform (Esser et al., arXiv 2403.03206, equation 23): k > 1
 * has more of them near the noise, k < 1 near the data. */
#include "transport/grid/grid.h"
#include "transport/modules_private.h"

enum { SHIFT };
static const tr_param parameters[] = {
    [SHIFT] = {.name = "shift",
               .value = 3,
               .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 1e-6, .high = 1e6},
               .help = "k: above 1 denser towards the noise"},
};

static double position(const tr_grid *grid, const tr_coeffs *at) {
  double s = 1 - at->t, k = grid->values.v[SHIFT];
  return s / (k + (1 - k) * s);
}

static double time(const tr_grid *grid, const tr_interpolant *interpolant, double u) {
  (void)interpolant;
  double k = grid->values.v[SHIFT];
  return (1 - u) / (1 + (k - 1) * u);
}

static const tr_grid_type type = {
    .info = {.name = "shift",
             .summary = "s = 1 - t shifted to k s / (1 + (k - 1) s): denser towards the noise for k > 1",
             .params = parameters,
             .n_params = 1},
    .position = position,
    .time = time,
};
const tr_module *const tr_grid_shift = &type.info;
