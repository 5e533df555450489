/* Euler-Maruyama: x' = x + h f(x, t) + g(t) dW. Strong order 1 for additive noise, weak order 1; the SiT
 * code's "Euler". */
#include "core/vec.h"
#include "integrators/sde.h"

#include <math.h>

static tr_status step(const tr_sde_problem *problem, double t, double h, const tr_array *z,
                      const tr_array *z2, tr_array *x, tr_array *const *scratch) {
  (void)z2;
  tr_array *k = scratch[0];
  double g2;
  TR_TRY(problem->g2(t, &g2, problem->user));
  TR_TRY(problem->drift(t, x, k, problem->user));
  return tr_lincomb(3, (const double[]){1, h, sqrt(g2 * h)}, (const tr_array *const[]){x, k, z}, x);
}

const tr_sde_method tr_sde_euler_maruyama = {
    .info = {"euler-maruyama", "Euler,EM", "Euler-Maruyama: weak order 1, 1 evaluation a step"},
    .strong_order = 1,
    .weak_order = 1,
    .nfe_per_step = 1,
    .n_scratch = 1,
    .step = step,
};
