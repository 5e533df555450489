/* CVODE (SUNDIALS): variable order, variable step linear multistep methods; the engine of cvode-adams and
 * cvode-bdf. A method is a tr_ode_method whose `detail` is a tr_cvode_tuning and whose `solve` is
 * tr_cvode_solve. The stop time is always set, f is never evaluated outside the segment; breaks restart at
 * order 1; dense output from the Nordsieck history, of the order in use. */
#ifndef TR_INTEGRATORS_SUNDIALS_CVODE_H
#define TR_INTEGRATORS_SUNDIALS_CVODE_H

#include "integrators/ode/ode.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  bool stiff;      /* BDF with Newton and matrix-free SPGMR; false: Adams with fixed point */
  double h0_scale; /* default first step: h0_scale sqrt(rtol) of the whole interval, at most a tenth of it */
  double nonlin_coef; /* default of CVodeSetNonlinConvCoef (CVODE's own is 0.1) */
  /* Keep the step when the best new one is keep_low to keep_high of it (CVodeSetEtaFixedStepBounds; CVODE's
   * own are 0 and 1.5) */
  double keep_low, keep_high;
  int loose_order; /* default largest order where the rtol of the error test is above 1e-7 */
  int tight_order; /* the same below */
  int krylov;      /* default dimension of the Krylov space, BDF */
} tr_cvode_tuning;

tr_status tr_cvode_solve(struct tr_ode_run *run);

#ifdef __cplusplus
}
#endif

#endif
