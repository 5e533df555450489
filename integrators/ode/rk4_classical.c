/* The classical Runge-Kutta method: k2 and k3 at the middle, weights 1/6, 1/3, 1/3, 1/6. */
#include "integrators/modules_private.h"
#include "integrators/ode/runge_kutta.h"

static const tr_butcher tableau = {.stages = 4,
                                   .c = {0, 0.5, 0.5, 1},
                                   .a = {{0}, {0.5}, {0, 0.5}, {0, 0, 1}},
                                   .b = {1. / 6, 1. / 3, 1. / 3, 1. / 6}};

static const tr_ode_method method = {
    .info = {.name = "rk4-classical",
             .summary = "the classical Runge-Kutta method on a fixed grid: order 4, 4 evaluations a step"},
    .order = 4,
    .nfe_per_step = 4,
    .caps = TR_ODE_BREAKS,
    .detail = &tableau,
    .solve = tr_runge_kutta_solve,
};
const tr_module *const tr_ode_rk4_classical = &method.info;
