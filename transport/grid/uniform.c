/* Points uniform in t. */
#include "transport/grid/grid.h"
#include "transport/modules_private.h"

static double position(const tr_grid *grid, const tr_coeffs *at) {
  (void)grid;
  return at->t;
}

static double time(const tr_grid *grid, const tr_interpolant *interpolant, double u) {
  (void)grid;
  (void)interpolant;
  return u;
}

static const tr_grid_type type = {
    .info = {.name = "uniform", .summary = "uniform in t"}, .position = position, .time = time};
const tr_module *const tr_grid_uniform = &type.info;
