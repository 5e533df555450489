/* DEIS-tAB3 (Zhang and Chen, arXiv 2204.13902): the noise e as the cubic in time through its last four
 * values, integrated exactly,
 *   x'/alpha' = x/alpha + int e d(sigma/alpha),   w_j = sin(theta') int l_j(s) d(cot s) over the step.
 * Time is the angle here, which is the t of a GVP path up to a factor, so that the method is the same on all
 * paths; nothing is infinite at sigma = 0, and a step that ends at alpha = 0 has the limit w_j = l_j(0).
 * Order 3 (that of the corrected start) from end to end in both directions, one evaluation a step. */
#include "transport/exponential/exponential.h"
#include "transport/modules_private.h"
#include "transport/path/interpolant.h"

#define POINTS 4

static void weights(const double *theta, int n, double *weight) {
  double node[POINTS];
  for (int j = 0; j < n; j++) node[j] = TR_PI / 2 - theta[-j];
  tr_exponential_weights(tr_difference_of_angles, node, n, 0, TR_PI / 2 - theta[1], weight);
}

static const tr_exponential table = {
    .of = TR_NOISE, .points = POINTS, .rule = {.weights = weights, .corrects_start = true}, .whole_order = 3};
static const tr_ode_method method = {
    .info = {.name = "deis",
             .aliases = "deis-tab3",
             .summary = "DEIS-tAB3: the noise as a cubic in the angle; order 3"},
    .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
    .order = 3,
    .nfe_per_step = 1,
    .detail = &table,
    .solve = tr_exponential_solve};
const tr_module *const tr_exponential_deis = &method.info;
