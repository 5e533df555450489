/* Euler-Maruyama: x' = x + h f(x, t) + g(t) dW. Strong order 1 for additive noise, weak order 1; the SiT
 * code's "Euler". */
#include "integrators/modules_private.h"
#include "integrators/sde/stochastic_rk.h"

static const tr_srk_table table = {.stages = 1, .b = {1}, .nodes = 1, .end_w = {1}};

static const tr_sde_method method = {
    .info = {.name = "euler-maruyama",
             .aliases = "Euler,EM",
             .summary = "Euler-Maruyama: weak order 1, 1 evaluation a step"},
    .strong_order = 1,
    .weak_order = 1,
    .nfe_per_step = 1,
    .n_scratch = TR_SRK_SCRATCH(1),
    .detail = &table,
    .step = tr_srk_step,
};
const tr_module *const tr_sde_euler_maruyama = &method.info;
