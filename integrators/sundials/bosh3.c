/* Bogacki-Shampine 3(2), 4 stages, FSAL (P. Bogacki, L. F. Shampine 1989): torchdiffeq's bosh3. The step
 * control is ARKODE's, so counts differ from torchdiffeq's. */
#include "integrators/modules_private.h"
#include "integrators/sundials/erkstep.h"

static const tr_erkstep_table table = {"ARKODE_BOGACKI_SHAMPINE_4_2_3", 0.1};

static const tr_ode_method method = {
    .info = {.name = "bosh3", .summary = "Bogacki-Shampine 3(2), adaptive explicit Runge-Kutta (ARKODE)"},
    .caps = TR_ODE_ADAPTIVE | TR_ODE_BREAKS,
    .order = 3,
    .detail = &table,
    .solve = tr_erkstep_solve,
};
const tr_module *const tr_ode_bosh3 = &method.info;
