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
 * corrected (it would cost one more). First and last step of a run from noise to data are of order 1 and the
 * first is not corrected. */
#ifndef TR_TRANSPORT_EXPONENTIAL_UNIPC_PRIVATE_H
#define TR_TRANSPORT_EXPONENTIAL_UNIPC_PRIVATE_H

#include "transport/exponential/exponential.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The weights of tr_exponential, for a table with order + 1 points, order 2 or 3. */
void tr_exponential_unipc(int order, const double *theta, int n, double *weight);

#ifdef __cplusplus
}
#endif

#endif
