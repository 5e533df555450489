/* The Heun scheme of the SiT code: all the noise first, then a Heun step of the drift,
 *   xh = x + g(t) dW,  K1 = f(xh, t),  K2 = f(xh + h K1, t + h),  x' = xh + h/2 (K1 + K2).
 * Strong and weak order 1 in spite of two evaluations (the noise acts through the drift for the whole
 * step); kept for parity with the reference. heun-additive is the scheme of order 2. */
#include "core/vec.h"
#include "integrators/sde.h"

#include <math.h>

static tr_status step(const tr_sde_problem *problem, double t, double h, const tr_array *z,
                      const tr_array *z2, tr_array *x, tr_array *const *scratch) {
  (void)z2;
  tr_array *k1 = scratch[0], *k2 = scratch[1], *ahead = scratch[2];
  double g2;
  TR_TRY(problem->g2(t, &g2, problem->user));
  TR_TRY(tr_axpby(1, x, sqrt(g2 * h), z, x));
  TR_TRY(problem->drift(t, x, k1, problem->user));
  TR_TRY(tr_axpby(1, x, h, k1, ahead));
  TR_TRY(problem->drift(t + h, ahead, k2, problem->user));
  return tr_lincomb(3, (const double[]){1, h / 2, h / 2}, (const tr_array *const[]){x, k1, k2}, x);
}

const tr_sde_method tr_sde_heun_sit = {
    .info = {"heun-sit", "Heun", "the SiT code's Heun, noise first: weak order 1, 2 evaluations a step"},
    .strong_order = 1,
    .weak_order = 1,
    .nfe_per_step = 2,
    .n_scratch = 3,
    .step = step,
    .uses_end = true,
};
