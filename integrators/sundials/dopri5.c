/* Dormand-Prince 5(4), 7 stages, FSAL (J. R. Dormand, P. J. Prince 1980): torchdiffeq's dopri5, the SiT
 * code's default. The step control is ARKODE's, so counts differ from torchdiffeq's. */
#include "integrators/modules_private.h"
#include "integrators/sundials/erkstep.h"

static const tr_erkstep_table table = {"ARKODE_DORMAND_PRINCE_7_4_5", 0.1};

static const tr_ode_method method = {
    .info = {.name = "dopri5", .summary = "Dormand-Prince 5(4), adaptive explicit Runge-Kutta (ARKODE)"},
    .caps = TR_ODE_ADAPTIVE | TR_ODE_BREAKS,
    .order = 5,
    .detail = &table,
    .solve = tr_erkstep_solve,
};
const tr_module *const tr_ode_dopri5 = &method.info;
