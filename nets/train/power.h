/* Running averages by a power of the step (Karras et al., arXiv 2312.02696, "EDM2", section 3.1): at step T
 * the parameters of step s count as
 *   f(s) = (gamma + 1) s^gamma / T^(gamma + 1),   0 <= s <= T,
 * which keeps its shape as T grows. Its width is told as sigma_rel, the standard deviation of f over T:
 *   sigma_rel = sqrt(gamma + 1) / ((gamma + 2) sqrt(gamma + 3)),
 * so that 0.10 remembers about the last fifth of a training. An average by any width can be made afterwards
 * from snapshots of one or two (nets/train/post_hoc.h). */
#ifndef TR_NETS_TRAIN_POWER_H
#define TR_NETS_TRAIN_POWER_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  double step;  /* T > 0 */
  double gamma; /* 0 to TR_POWER_MOST */
} tr_power_profile;
#define TR_POWER_MOST 1e6

/* The width of gamma = 0, where all steps count alike, is 1 / sqrt(12), and no other is wider; the narrowest
 * is TR_SIGMA_REL_LEAST. */
#define TR_SIGMA_REL_LEAST 1e-5
#define TR_SIGMA_REL_MOST  0.28867513459481287

/* *gamma >= 0 of a width, TR_SIGMA_REL_LEAST <= sigma_rel <= TR_SIGMA_REL_MOST (TR_E_ARG); and the width of a
 * gamma, NaN below 0. */
TR_API tr_status tr_power_gamma(tr_ctx *ctx, double sigma_rel, double *gamma);
TR_API double tr_power_sigma_rel(double gamma);

/* What the average keeps at step 1, 2, ...: (1 - 1 / step)^(gamma + 1). Then it is the mean of the parameters
 * by the integral of f over each step, without a bias at the beginning; the first step keeps nothing of what
 * was before. NaN for a step below 1. */
TR_API double tr_power_keep(double gamma, int64_t step);

/* The integral of the product of two profiles over all s. NaN for what is no profile. */
TR_API double tr_power_dot(const tr_power_profile *a, const tr_power_profile *b);

#ifdef __cplusplus
}
#endif

#endif
