/* Heun, the explicit trapezoid rule: x' = x + h/2 (k1 + f(t + h, x + h k1)); torchdiffeq's heun2. */
#include "integrators/modules_private.h"
#include "integrators/ode/runge_kutta.h"

static const tr_butcher tableau = {.stages = 2, .c = {0, 1}, .a = {{0}, {1}}, .b = {0.5, 0.5}};

static const tr_ode_method method = {
    .info = {.name = "heun2",
             .aliases = "heun",
             .summary = "Heun (explicit trapezoid) on a fixed grid: order 2, 2 evaluations a step"},
    .order = 2,
    .nfe_per_step = 2,
    .caps = TR_ODE_BREAKS,
    .detail = &tableau,
    .solve = tr_runge_kutta_solve,
};
const tr_module *const tr_ode_heun2 = &method.info;
