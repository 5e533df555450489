/* SA-Solver (transport/exponential/sde_sa2.c) with a predictor through three denoisers and a corrector
 * through four. Weak order 2, as with two, strong order 1; without noise order 3, that of its start. */
#include "transport/exponential/sde_private.h"
#include "transport/modules_private.h"

static const tr_exponential_sde table = {.points = 3, .corrector = 4};
static const tr_sde_method method = {
    .info = {.name = "sa-solver-3",
             .summary = "SA-Solver: parabola in lambda, each state corrected by a cubic"},
    .strong_order = 1,
    .weak_order = 2,
    .nfe_per_step = 1,
    .caps = TR_SDE_OF_PROBLEM,
    .detail = &table};
const tr_module *const tr_exponential_sde_sa3 = &method.info;
