/* Adams-Bashforth of three steps, steps of any size: integrators/ode/adams_bashforth.h. */
#include "integrators/modules_private.h"
#include "integrators/ode/adams_bashforth.h"

static const tr_adams_bashforth table = {.steps = 3};

static const tr_ode_method method = {
    .info = {.name = "ab3",
             .summary = "Adams-Bashforth, three steps, on a fixed grid: order 3, 1 evaluation a step"},
    .order = 3,
    .nfe_per_step = 1,
    .caps = TR_ODE_BREAKS,
    .detail = &table,
    .solve = tr_adams_bashforth_solve,
};
const tr_module *const tr_ode_ab3 = &method.info;
