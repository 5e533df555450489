/* DEIS-tAB3 (Zhang and Chen, arXiv 2204.13902): the noise e as the cubic in time through its last four
 * values, integrated exactly,
 *   x'/alpha' = x/alpha + int e d(sigma/alpha),   w_j = sin(theta') int l_j(s) d(cot s) over the step.
 * Time is the angle here, which is the t of a GVP path up to a factor, so that the method is the same on all
 * paths; nothing is infinite at sigma = 0. Order 3 (that of the corrected start), up to sigma = 0 too, one
 * evaluation a step; at alpha = 0, where cot is infinite, a start costs an order and a step that ends there
 * (reverse) is of order 1. */
#include <math.h>

#include "transport/exact/quadrature_private.h"
#include "transport/exponential/exponential.h"
#include "transport/modules_private.h"

#define PANELS 4

typedef struct {
  const double *theta;
  int n, own;
} lagrange;

static double weighted(double s, const void *user) {
  const lagrange *l = user;
  double product = -1 / (sin(s) * sin(s));
  for (int i = 0; i < l->n; i++)
    if (i != l->own) product *= (s - l->theta[-i]) / (l->theta[-l->own] - l->theta[-i]);
  return product;
}

static void weights(const double *theta, int n, double *weight) {
  double panel = (theta[1] - theta[0]) / PANELS;
  if (tr_angle_lambda(theta[1]) == -INFINITY || tr_angle_lambda(theta[0]) == -INFINITY) return;
  for (int j = 1; j < n; j++) {
    lagrange l = {theta, n, j};
    for (int k = 0; k < PANELS; k++)
      weight[j] += sin(theta[1]) * tr_gauss(weighted, &l, theta[0] + k * panel, theta[0] + (k + 1) * panel);
  }
}

static const tr_exponential table = {.of = TR_NOISE, .points = 4, .weights = weights, .corrects_start = true};
static const tr_ode_method method = {.info = {.name = "deis",
                                              .aliases = "deis-tab3",
                                              .summary = "DEIS-tAB3: the noise as a cubic in the angle"},
                                     .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
                                     .order = 3,
                                     .nfe_per_step = 1,
                                     .detail = &table,
                                     .solve = tr_exponential_solve};
const tr_module *const tr_exponential_deis = &method.info;
