/* Explicit midpoint: x' = x + h f(t + h/2, x + h/2 k1). */
#include "integrators/modules_private.h"
#include "integrators/ode/runge_kutta.h"

static const tr_butcher tableau = {.stages = 2, .c = {0, 0.5}, .a = {{0}, {0.5}}, .b = {0, 1}};

static const tr_ode_method method = {
    .info = {.name = "midpoint",
             .summary = "explicit midpoint on a fixed grid: order 2, 2 evaluations a step"},
    .order = 2,
    .nfe_per_step = 2,
    .caps = TR_ODE_BREAKS,
    .detail = &tableau,
    .solve = tr_runge_kutta_solve,
};
const tr_module *const tr_ode_midpoint = &method.info;
