/* SRA1 (A. Roessler, "Runge-Kutta methods for the strong approximation of solutions of stochastic
 * differential equations", SIAM J. Numer. Anal. 48, 2010). With chi = dW / 2 + H:
 *   k1 = f(x, t),  k2 = f(x + 3/4 h k1 + 3/2 g(t + h) chi, t + 3/4 h),
 *   x' = x + h (k1 + 2 k2) / 3 + g(t) chi + g(t + h) (dW - chi).
 * Strong order 1.5, weak order 2. g must be finite at t + h; f is evaluated at t and t + 3h/4. */
#include "integrators/modules_private.h"
#include "integrators/sde/stochastic_rk.h"

/* nodes: the end, then the start */
static const tr_srk_table table = {.stages = 2,
                                   .c = {0, 0.75},
                                   .a = {{0}, {0.75}},
                                   .b = {1. / 3, 2. / 3},
                                   .nodes = 2,
                                   .node = {1, 0},
                                   .stage_w = {{0}, {0.75}},
                                   .stage_h = {{0}, {1.5}},
                                   .end_w = {0.5, 0.5},
                                   .end_h = {-1, 1}};

static const tr_sde_method method = {
    .info = {.name = "sra1",
             .summary = "Roessler's SRA1: strong order 1.5, weak order 2, 2 evaluations a step"},
    .strong_order = 1.5,
    .weak_order = 2,
    .nfe_per_step = 2,
    .n_scratch = TR_SRK_SCRATCH(2),
    .caps = TR_SDE_LEVY | TR_SDE_USES_END,
    .detail = &table,
    .step = tr_srk_step,
    .error = tr_srk_error,
};
const tr_module *const tr_sde_sra1 = &method.info;
