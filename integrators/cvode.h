/* CVODE (SUNDIALS): variable order, variable step linear multistep methods; the engine of cvode-adams and
 * cvode-bdf. A method is a tr_ode_method whose `detail` is a tr_cvode_tuning and whose `solve` is
 * tr_cvode_solve. The stop time is always set, f is never evaluated outside the segment; breaks restart at
 * order 1; dense output from the Nordsieck history, of the order in use. */
#ifndef TR_INTEGRATORS_CVODE_H
#define TR_INTEGRATORS_CVODE_H

#include "integrators/ode.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  bool stiff;      /* BDF with Newton and matrix-free SPGMR; false: Adams with fixed point */
  double h0_scale; /* default first step: h0_scale sqrt(rtol) of the whole interval, at most a tenth of it */
  double nonlin_coef; /* default of CVodeSetNonlinConvCoef (CVODE's own is 0.1) */
  int max_order;      /* default and largest */
  int krylov;         /* default dimension of the Krylov space, BDF */
} tr_cvode_tuning;

tr_status tr_cvode_solve(struct tr_ode_run *run);

#ifdef __cplusplus
}
#endif

#endif
