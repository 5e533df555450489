/* CVODE's backward differentiation formulas, orders 1 to 5, for stiff problems: Newton iteration with
 * matrix-free GMRES; J v by difference quotients, each one evaluation of f (statistics: n_jv).
 * Tuning: nonlinear coefficient 1 in place of CVODE's 0.1 saves a third of the evaluations at equal error on
 * exact Gaussian mixtures. */
#include "integrators/modules_private.h"
#include "integrators/sundials/cvode.h"

static const tr_cvode_tuning tuning = {.stiff = true,
                                       .h0_scale = 0.1,
                                       .nonlin_coef = 1,
                                       .keep_low = 0,
                                       .keep_high = 1.5,
                                       .loose_order = 5,
                                       .tight_order = 5,
                                       .krylov = 5};

static const tr_ode_method method = {
    .info = {.name = "cvode-bdf",
             .aliases = "bdf",
             .summary = "CVODE BDF, variable order 1-5, Newton with matrix-free GMRES: stiff problems"},
    .caps = TR_ODE_ADAPTIVE | TR_ODE_BREAKS | TR_ODE_MULTISTEP | TR_ODE_KRYLOV,
    .max_order = 5,
    .detail = &tuning,
    .solve = tr_cvode_solve,
};
const tr_module *const tr_ode_cvode_bdf = &method.info;
