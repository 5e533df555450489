/* Kutta's 3/8 rule (W. Kutta 1901): what torchdiffeq, and so the SiT code, calls rk4. The classical tableau
 * is rk4-classical. */
#include "integrators/modules_private.h"
#include "integrators/ode/runge_kutta.h"

static const tr_butcher tableau = {.stages = 4,
                                   .c = {0, 1. / 3, 2. / 3, 1},
                                   .a = {{0}, {1. / 3}, {-1. / 3, 1}, {1, -1, 1}},
                                   .b = {1. / 8, 3. / 8, 3. / 8, 1. / 8}};

static const tr_ode_method method = {
    .info = {.name = "rk4",
             .aliases = "rk4-38",
             .summary = "Kutta's 3/8 rule on a fixed grid, torchdiffeq's rk4: order 4, 4 evaluations a step"},
    .order = 4,
    .nfe_per_step = 4,
    .caps = TR_ODE_BREAKS,
    .detail = &tableau,
    .solve = tr_runge_kutta_solve,
};
const tr_module *const tr_ode_rk4 = &method.info;
