/* Heun for additive noise, with the exact variance of the noise over the step:
 *   dW = sqrt(int_t^t+h g^2 ds) z,  K1 = f(x, t),  K2 = f(x + h K1 + dW, t + h),  x' = x + h/2 (K1 + K2) +
 * dW. Weak order 2, strong order 1. With g(t)^2 h in place of the integral it would be of weak order 1 unless
 * g is constant. */
#include "core/vec.h"
#include "integrators/sde.h"

#include <math.h>

static tr_status step(const tr_sde_problem *problem, double t, double h, const tr_array *z,
                      const tr_array *z2, tr_array *x, tr_array *const *scratch) {
  (void)z2;
  tr_array *k1 = scratch[0], *k2 = scratch[1], *ahead = scratch[2];
  double variance;
  if (!problem->g2_integral)
    return TR_FAIL(x->ctx, TR_E_UNSUPPORTED,
                   "heun-additive needs the integral of g^2, which this problem lacks");
  TR_TRY(problem->g2_integral(t, t + h, &variance, problem->user));
  double sd = sqrt(variance);
  TR_TRY(problem->drift(t, x, k1, problem->user));
  TR_TRY(tr_lincomb(3, (const double[]){1, h, sd}, (const tr_array *const[]){x, k1, z}, ahead));
  TR_TRY(problem->drift(t + h, ahead, k2, problem->user));
  return tr_lincomb(4, (const double[]){1, h / 2, h / 2, sd}, (const tr_array *const[]){x, k1, k2, z}, x);
}

const tr_sde_method tr_sde_heun_additive = {
    .info = {"heun-additive", NULL, "Heun for additive noise: weak order 2, 2 evaluations a step"},
    .strong_order = 1,
    .weak_order = 2,
    .nfe_per_step = 2,
    .n_scratch = 3,
    .step = step,
    .uses_end = true,
};
