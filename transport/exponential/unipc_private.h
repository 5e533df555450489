/* UniPC of order p with B(h) = e^h - 1 on the denoiser (Zhao et al., arXiv 2302.04867, algorithms 5 to 8,
 * "bh2"), for writers of its tables. Predictor UniP-p: the polynomial in lambda through the last p denoisers,
 * integrated exactly, for p >= 3 (where the paper's system has this solution whatever B is); for p = 2 the
 * paper's simplification, which is DPM-Solver++ (2M). When the next step has evaluated the denoiser at the
 * predicted state, corrector UniC-p replaces that state by the one from the polynomial through the new
 * denoiser and p before it (UniC-1, after the first step: their mean), and goes on from there with the same
 * evaluation. Both together are one linear combination of the denoisers: the correction
 *   delta = Q_0 (m_n - m_n-1) + sum_j>1 (Q_j - P_j) (m_n-j - m_n-1),
 * Q the corrector's weights of the step behind and P its predictor's, is carried on by cos(theta')/
 * cos(theta). p grows by one a step up to the method's; one evaluation a step; the last state is not
 * corrected (it would cost one more). In lambda the first and the last step of a run from noise to data are
 * of order 1 and the first is not corrected. On grids that are not even in lambda the polynomials
 * are in sin(theta) through the same denoisers, and the start is corrected as transport/exponential/
 * exponential.h says, in the place of UniC-1 and of UniP-2. */
#ifndef TR_TRANSPORT_EXPONENTIAL_UNIPC_PRIVATE_H
#define TR_TRANSPORT_EXPONENTIAL_UNIPC_PRIVATE_H

#include "transport/exponential/exponential.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The weights of a rule, for a table with order + 1 points: order 2 or 3 in lambda (even), 3 in sin(theta) (a
 * rule with corrects_start). */
void tr_exponential_unipc(int order, bool even, const double *theta, int n, double *weight);

#ifdef __cplusplus
}
#endif

#endif
