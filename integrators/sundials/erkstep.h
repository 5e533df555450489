/* ARKODE's ERKStep (SUNDIALS): adaptive explicit Runge-Kutta pairs; the engine of dopri5 and bosh3. A method
 * is a tr_ode_method whose `detail` is a tr_erkstep_table and whose `solve` is tr_erkstep_solve. Only tables
 * whose last stage is the next step's first (FSAL) are used: 6.4 takes every table with c_s = 1 for one.
 * Dense output: integrators/ode/dense_private.h, so it costs nothing either. */
#ifndef TR_INTEGRATORS_SUNDIALS_ERKSTEP_H
#define TR_INTEGRATORS_SUNDIALS_ERKSTEP_H

#include "integrators/ode/ode.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *table;  /* SUNDIALS' name; always given, the defaults change between versions */
  double h0_fraction; /* default first step, as a fraction of the whole interval */
} tr_erkstep_table;

tr_status tr_erkstep_solve(struct tr_ode_run *run);

#ifdef __cplusplus
}
#endif

#endif
