/* Adams-Bashforth of two steps: x' = x + h [(1 + r/2) f_n - (r/2) f_n-1], r = h / h_previous. */
#include "integrators/modules_private.h"
#include "integrators/ode/adams_bashforth.h"

static const tr_adams_bashforth table = {.steps = 2};

static const tr_ode_method method = {
    .info = {.name = "ab2",
             .summary = "Adams-Bashforth, two steps, on a fixed grid: order 2, 1 evaluation a step"},
    .order = 2,
    .nfe_per_step = 1,
    .caps = TR_ODE_BREAKS,
    .detail = &table,
    .solve = tr_adams_bashforth_solve,
};
const tr_module *const tr_ode_ab2 = &method.info;
