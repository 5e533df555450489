/* Heun for additive noise, with the exact variance of the noise over the step:
 *   dW = sqrt(int_t^t+h g^2 ds) z,  K1 = f(x, t),  K2 = f(x + h K1 + dW, t + h),
 *   x' = x + h/2 (K1 + K2) + dW.
 * Weak order 2, strong order 1. With g(t)^2 h in place of the integral it would be of weak order 1 unless g
 * is constant. */
#include "integrators/modules_private.h"
#include "integrators/sde/stochastic_rk.h"

static const tr_srk_table table = {.stages = 2,
                                   .c = {0, 1},
                                   .a = {{0}, {1}},
                                   .b = {0.5, 0.5},
                                   .nodes = 1,
                                   .stage_w = {{0}, {1}},
                                   .end_w = {1},
                                   .exact_variance = true};

static const tr_sde_method method = {
    .info = {.name = "heun-additive",
             .summary = "Heun for additive noise: weak order 2, 2 evaluations a step"},
    .strong_order = 1,
    .weak_order = 2,
    .nfe_per_step = 2,
    .n_scratch = TR_SRK_SCRATCH(2),
    .detail = &table,
    .step = tr_srk_step,
    .caps = TR_SDE_USES_END,
};
const tr_module *const tr_sde_heun_additive = &method.info;
