/* Euler: x' = x + h f(t, x). */
#include "integrators/modules_private.h"
#include "integrators/ode/runge_kutta.h"

static const tr_butcher tableau = {.stages = 1, .b = {1}};

static const tr_ode_method method = {
    .info = {.name = "euler", .summary = "Euler on a fixed grid: order 1, 1 evaluation a step"},
    .order = 1,
    .nfe_per_step = 1,
    .caps = TR_ODE_BREAKS,
    .detail = &tableau,
    .solve = tr_runge_kutta_solve,
};
const tr_module *const tr_ode_euler = &method.info;
