/* Explicit stochastic Runge-Kutta methods for additive noise, from their tableau. With the increment dW and
 * the space-time Levy area H of the step (independent; variances h and h / 12) and g_j = g(t + node_j h):
 *   X_i = x + h sum_j<i a_ij k_j + sum_j g_j (stage_w_ij dW + stage_h_ij H),  k_i = f(t + c_i h, X_i)
 *   x'  = x + h sum_i b_i k_i + sum_j g_j (end_w_j dW + end_h_j H)
 * Every stage and the end are one fused linear combination, listed.
 *
 * In A. Roessler's notation (SIAM J. Numer. Anal. 48, 2010) I_(1,0) / h = dW / 2 + H: stage_w = B0 / 2,
 * stage_h = B0, end_w = beta1 + beta2 / 2, end_h = beta2, node = c1.
 *
 * Strong order 1.5 and weak order 2 need, with w_i, h_i the sums of stage_w_ij, stage_h_ij over j:
 *   sum_j a_ij = c_i,  sum b_i = 1,  sum b_i c_i = 1/2,  sum b_i w_i = 1/2,  sum b_i h_i = 1,
 *   sum b_i (w_i^2 + h_i^2 / 12) = 1/2,  sum end_w_j = 1,  sum end_h_j = 0,
 *   sum node_j end_w_j = 1/2,  sum node_j end_h_j = -1.
 *
 * tr_srk_error estimates the error of a step by what the later stages change: h (sum b_i k_i - k_0), the
 * distance to the drift of the first stage alone.
 *
 * A method is a tr_sde_method whose `detail` is a tr_srk_table, whose `step` is tr_srk_step and whose
 * n_scratch is TR_SRK_SCRATCH(stages). It evaluates f and g within [t, t + h] only. */
#ifndef TR_INTEGRATORS_SDE_STOCHASTIC_RK_H
#define TR_INTEGRATORS_SDE_STOCHASTIC_RK_H

#include "integrators/sde/sde.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_SRK_MAX_STAGES      3
#define TR_SRK_SCRATCH(stages) ((stages) + 1)

typedef struct {
  int stages;                                     /* 1 .. TR_SRK_MAX_STAGES */
  double c[TR_SRK_MAX_STAGES];                    /* 0 .. 1 */
  double a[TR_SRK_MAX_STAGES][TR_SRK_MAX_STAGES]; /* strictly lower triangular */
  double b[TR_SRK_MAX_STAGES];
  int nodes; /* 1 .. TR_SRK_MAX_STAGES values of g */
  double node[TR_SRK_MAX_STAGES];
  double stage_w[TR_SRK_MAX_STAGES][TR_SRK_MAX_STAGES], stage_h[TR_SRK_MAX_STAGES][TR_SRK_MAX_STAGES];
  double end_w[TR_SRK_MAX_STAGES], end_h[TR_SRK_MAX_STAGES];
  bool exact_variance; /* one node: g_0^2 is the mean of g^2 over the step, from the problem's g2_integral */
} tr_srk_table;

/* The `step` and the `error` of such a method (integrators/sde/sde.h). TR_E_ARG for a table whose numbers of
 * stages or nodes are out of range, TR_E_UNSUPPORTED for exact_variance of a problem without g2_integral,
 * TR_E_NONFINITE where g is not finite at a node. */
TR_API tr_status tr_srk_step(const tr_sde_method *method, const double *params, const tr_sde_problem *problem,
                             double t, double t_next, const tr_array *z, const tr_array *z2, tr_array *x,
                             tr_array *const *scratch, tr_program *list);
TR_API tr_status tr_srk_error(const tr_sde_method *method, double h, tr_array *const *scratch,
                              tr_array *error, tr_program *list);

#ifdef __cplusplus
}
#endif

#endif
