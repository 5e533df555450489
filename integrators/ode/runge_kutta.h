/* Explicit Runge-Kutta methods on a fixed grid, from their tableau:
 *   k_i = f(t + c_i h, x + h sum_j<i a_ij k_j),  x' = x + h sum_i b_i k_i.
 * A method is a tr_ode_method whose `detail` is a tr_butcher and whose `solve` is tr_runge_kutta_solve. It
 * costs `stages` evaluations a step and none besides. Breaks, output and limits are those of every fixed
 * grid. */
#ifndef TR_INTEGRATORS_ODE_RUNGE_KUTTA_H
#define TR_INTEGRATORS_ODE_RUNGE_KUTTA_H

#include "integrators/ode/ode.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_RK_MAX_STAGES 8

typedef struct {
  int stages;                                   /* 1 .. TR_RK_MAX_STAGES */
  double c[TR_RK_MAX_STAGES];                   /* c_0 = 0 */
  double a[TR_RK_MAX_STAGES][TR_RK_MAX_STAGES]; /* strictly lower triangular */
  double b[TR_RK_MAX_STAGES];
} tr_butcher;

/* The `solve` of such a method. TR_E_ARG for a table whose number of stages is out of range. */
TR_API tr_status tr_runge_kutta_solve(struct tr_ode_run *run);

#ifdef __cplusplus
}
#endif

#endif
