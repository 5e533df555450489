/* The Heun scheme of the SiT code: all the noise first, then a Heun step of the drift,
 *   xh = x + g(t) dW,  K1 = f(xh, t),  K2 = f(xh + h K1, t + h),  x' = xh + h/2 (K1 + K2).
 * Strong and weak order 1 in spite of two evaluations (the noise acts through the drift for the whole
 * step); kept for parity with the reference. heun-additive is the scheme of order 2. */
#include "integrators/modules_private.h"
#include "integrators/sde/stochastic_rk.h"

static const tr_srk_table table = {.stages = 2,
                                   .c = {0, 1},
                                   .a = {{0}, {1}},
                                   .b = {0.5, 0.5},
                                   .nodes = 1,
                                   .stage_w = {{1}, {1}},
                                   .end_w = {1}};

static const tr_sde_method method = {
    .info = {.name = "heun-sit",
             .aliases = "Heun",
             .summary = "the SiT code's Heun, noise first: weak order 1, 2 evaluations a step"},
    .strong_order = 1,
    .weak_order = 1,
    .nfe_per_step = 2,
    .n_scratch = TR_SRK_SCRATCH(2),
    .detail = &table,
    .step = tr_srk_step,
    .caps = TR_SDE_USES_END | TR_SDE_NOISE_FIRST,
};
const tr_module *const tr_sde_heun_sit = &method.info;
