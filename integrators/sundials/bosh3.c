/* Bogacki-Shampine 3(2), 4 stages, FSAL (P. Bogacki, L. F. Shampine 1989): torchdiffeq's bosh3. The step
 * control is ARKODE's, so counts differ from torchdiffeq's. */
#include "integrators/sundials/erkstep.h"

static const tr_erkstep_table table = {"ARKODE_BOGACKI_SHAMPINE_4_2_3", 0.1};

const tr_ode_method tr_ode_bosh3 = {
    .info = {"bosh3", NULL, "Bogacki-Shampine 3(2), adaptive explicit Runge-Kutta (ARKODE)"},
    .caps = TR_ODE_ADAPTIVE | TR_ODE_BREAKS,
    .order = 3,
    .detail = &table,
    .solve = tr_erkstep_solve,
};
