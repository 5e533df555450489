/* Adams-Bashforth methods on a fixed grid with steps of any size (J. C. Adams, in F. Bashforth 1883; variable
 * steps: Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, III.5):
 *   x' = x + int_t^t+h P(s) ds,  P the polynomial through the last k slopes f_n, f_n-1, .. f_n-k+1.
 * On a uniform grid k = 2 is h (3 f_n - f_n-1) / 2, k = 3 is h (23 f_n - 16 f_n-1 + 5 f_n-2) / 12.
 *
 * One evaluation a step. A segment (the whole grid, or what lies between two breaks of f) begins with a Heun
 * step, whose second evaluation then serves as the slope at the second point: its error, O(h^2) times the
 * Jacobian, enters at most k steps with a factor h, so it costs no order for k <= 3, and a segment of n >= 2
 * steps takes n evaluations in all (n = 1: 2). The orders then rise by one a step up to k. f is evaluated at
 * the segment's end only when the segment is a single step. Dense output is by Hermite polynomials.
 *
 * A method is a tr_ode_method whose `detail` is a tr_adams_bashforth and whose `solve` is
 * tr_adams_bashforth_solve. */
#ifndef TR_INTEGRATORS_ODE_ADAMS_BASHFORTH_H
#define TR_INTEGRATORS_ODE_ADAMS_BASHFORTH_H

#include "integrators/ode/ode.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_ADAMS_MAX_STEPS 3 /* the start is of order 3 at best */

typedef struct {
  int steps; /* k, 2 .. TR_ADAMS_MAX_STEPS */
} tr_adams_bashforth;

/* The `solve` of such a method. TR_E_ARG for a table whose number of steps is out of range. */
TR_API tr_status tr_adams_bashforth_solve(struct tr_ode_run *run);

/* weight[j] = (1 / (t[1] - t[0])) int_t[0]^t[1] of the Lagrange polynomial that is 1 at t[-j] and 0 at the
 * other nodes t[0], t[-1], .. t[1-k], strictly monotone; 1 <= k <= TR_ADAMS_MAX_STEPS. The weights add up
 * to 1. */
TR_API void tr_adams_weights(int k, const double *t, double *weight);

#ifdef __cplusplus
}
#endif

#endif
