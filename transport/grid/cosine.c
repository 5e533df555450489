/* Points t = (1 - cos(pi u)) / 2, u uniform: the Chebyshev points of the interval, dense at both ends. */
#include "transport/grid/grid.h"
#include "transport/modules_private.h"

#include <math.h>

static double position(const tr_grid *grid, const tr_coeffs *at) {
  (void)grid;
  return 2 * asin(sqrt(at->t));
}

static double time(const tr_grid *grid, const tr_interpolant *interpolant, double u) {
  (void)grid;
  (void)interpolant;
  return sin(u / 2) * sin(u / 2);
}

static const tr_grid_type type = {
    .info = {.name = "cosine", .summary = "t = (1 - cos(pi u)) / 2: dense at both ends"},
    .position = position,
    .time = time};
const tr_module *const tr_grid_cosine = &type.info;
