/* ShARK, shifted additive-noise Runge-Kutta (J. Foster, G. dos Reis, C. Strange, "High order splitting
 * methods for SDEs satisfying a commutativity condition", arXiv 2210.17543):
 *   k1 = f(x + g(t) H, t),  k2 = f(x + 5/6 h k1 + g(t) (5/6 dW + H), t + 5/6 h),
 *   x' = x + h (2/5 k1 + 3/5 k2) + g(t) dW + (g(t + h) - g(t)) (dW / 2 - H).
 * Strong order 1.5, weak order 2. g must be finite at t + h; f is evaluated at t and t + 5h/6. */
#include "integrators/modules_private.h"
#include "integrators/sde/stochastic_rk.h"

static const tr_srk_table table = {.stages = 2,
                                   .c = {0, 5. / 6},
                                   .a = {{0}, {5. / 6}},
                                   .b = {0.4, 0.6},
                                   .nodes = 2,
                                   .node = {0, 1},
                                   .stage_w = {{0}, {5. / 6}},
                                   .stage_h = {{1}, {1}},
                                   .end_w = {0.5, 0.5},
                                   .end_h = {1, -1}};

static const tr_sde_method method = {
    .info = {.name = "shark", .summary = "ShARK: strong order 1.5, weak order 2, 2 evaluations a step"},
    .strong_order = 1.5,
    .weak_order = 2,
    .nfe_per_step = 2,
    .n_scratch = TR_SRK_SCRATCH(2),
    .caps = TR_SDE_LEVY | TR_SDE_USES_END | TR_SDE_NOISE_FIRST,
    .detail = &table,
    .step = tr_srk_step,
    .error = tr_srk_error,
};
const tr_module *const tr_sde_shark = &method.info;
