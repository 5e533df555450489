/* UniPC of order 2 with B(h) = e^h - 1 on the denoiser (Zhao et al., arXiv 2302.04867, algorithms 5 to 8,
 * "bh2"). Predictor UniP-2: DPM-Solver++ (2M). When the next step has evaluated the denoiser at the predicted
 * state, corrector UniC-2 replaces that state by the one from the parabola in lambda through the new
 * denoiser and two before it (UniC-1 after the first step: their mean), and goes on from there with the same
 * evaluation. Both together are one linear combination of the denoisers: the correction
 *   delta = Q_0 (m_n - m_n-1) + sum_j>1 (Q_j - P_j) (m_n-j - m_n-1),
 * Q the corrector's weights of the step behind and P its predictor's, is carried on by cos(theta')/
 * cos(theta). Order 3 between the ends, one evaluation a step; the last state is not corrected (it would cost
 * one more); first and last step of a run from noise to data are of order 1 and the first is not corrected.
 */
#include <math.h>

#include "transport/exponential.h"
#include "transport/modules.h"

static void correct(const double *theta, int n, double *weight) {
  double Q[3] = {0}, P = 0;
  const double node[] = {theta[0], theta[-1], n > 2 ? theta[-2] : 0};
  if (n > 2) {
    tr_exponential_lambda(node, 3, 1, theta[0], Q);
    P = tr_exponential_2m(theta - 1);
  }
  if (Q[2] == 0 && isfinite(tr_angle_lambda(theta[-1]))) /* two points only */
    Q[0] = sin(theta[0] - theta[-1]) / cos(theta[-1]) / 2;
  double carry = cos(theta[1]) / cos(theta[0]);
  weight[1] += carry * (-Q[0] - (Q[2] - P));
  if (n > 2) weight[2] += carry * (Q[2] - P);
}

static void weights(const double *theta, int n, double *weight) {
  weight[1] = tr_exponential_2m(theta);
  if (isfinite(tr_angle_lambda(theta[0]))) correct(theta, n, weight);
}

static const tr_exponential table = {.of = TR_DENOISER, .points = 3, .weights = weights};
static const tr_ode_method method = {
    .info = {"unipc", "unipc-2", "UniPC-2 (bh2): 2M, each state corrected once its denoiser is known"},
    .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
    .order = 3,
    .nfe_per_step = 1,
    .detail = &table,
    .solve = tr_exponential_solve};
const tr_module *const tr_exponential_unipc = &method.info;
