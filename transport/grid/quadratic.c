/* Points for which 1 - t is the square of a uniform sequence (the quadratic selection of DDIM, Song et al.,
 * arXiv 2010.02502, appendix D.3): denser towards the data. */
#include "transport/grid/grid.h"
#include "transport/modules_private.h"

#include <math.h>

static double position(const tr_grid *grid, const tr_coeffs *at) {
  (void)grid;
  return sqrt(1 - at->t);
}

static double time(const tr_grid *grid, const tr_interpolant *interpolant, double u) {
  (void)grid;
  (void)interpolant;
  return 1 - u * u;
}

static const tr_grid_type type = {
    .info = {.name = "quadratic", .summary = "1 - t quadratic: denser towards the data"},
    .position = position,
    .time = time};
const tr_module *const tr_grid_quadratic = &type.info;
