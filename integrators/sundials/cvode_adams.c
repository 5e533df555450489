/* CVODE's Adams-Moulton methods, orders 1 to 4 or 6 (on request to 12), corrector solved by fixed-point
 * iteration: the default. One evaluation a step where the first correction is good enough. The tuning, with
 * numbers in docs/decisions.md and from `build/bench_ode`:
 * - CVODE's own nonlinear coefficient, 0.1, spends about half of the evaluations on polishing the
 *   corrector; 3 leaves little more than one a step at the same accuracy. The largest allowed, 1e6, accepts
 *   the first correction whatever it is (predict, evaluate, correct): 0 to 4 % fewer evaluations than 3 at
 *   equal error on exact Gaussian mixtures, without the test for divergence.
 * - A given first step saves the two evaluations of CVODE's own search; 0.3 sqrt(rtol) costs 5 to 10 % less
 *   than a constant 0.03 where rtol <= 1e-4, and about the same above.
 * - CVODE never shortens a step before it fails, and lengthens it only when half as much again is allowed,
 *   to spare Newton's matrices, which fixed-point iteration has not. Following the best step closely costs
 *   no evaluation, spares failed steps, and makes the error follow the tolerance.
 * - Orders above 4 gain nothing at loose tolerances, above 6 nothing at tight ones: the run is too short
 *   for their history.
 * - The error test gets a part of the given tolerances, so that on a trained network the error at the end
 *   is no larger than dopri5's at the same tolerances, in fewer evaluations. */
#include "integrators/modules_private.h"
#include "integrators/sundials/cvode.h"

static const tr_cvode_tuning tuning = {
    .h0_scale = 0.3, .nonlin_coef = 3, .keep_low = 0.9, .keep_high = 1.2, .loose_order = 4, .tight_order = 6};

static const tr_ode_method method = {
    .info = {.name = "cvode-adams",
             .aliases = "adams",
             .summary = "CVODE Adams, variable order, fixed-point corrector: the default"},
    .caps = TR_ODE_ADAPTIVE | TR_ODE_BREAKS | TR_ODE_MULTISTEP | TR_ODE_ANDERSON,
    .max_order = 12,
    .tolerance_scale = 0.28,
    .detail = &tuning,
    .solve = tr_cvode_solve,
};
const tr_module *const tr_ode_cvode_adams = &method.info;
