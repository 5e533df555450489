/* From the density of a model to the probability of an image of 256 levels. A model that works in pixels has
 * x = u / 127.5 - 1 for the level u, so that a level is the middle of a bin 1 / 127.5 wide, and the
 * probability of an image u of n pixels is P(u) = int over its bins of p(x) dx. With x drawn from q(x | u) on
 * the bins,
 *
 *   P(u) = E_q [p(x) / q(x | u)],   ln P(u) >= E_q [ln p(x) - ln q(x | u)]
 *
 *   none      x in the middle of the bins, q as for uniform: the rectangle rule, no bound
 *   uniform   q = 127.5^n on the bins                           (Theis et al., arXiv 1511.01844)
 *   gaussian  x_t = alpha x + sigma e at the time t where the run begins, e normal and truncated to the bin:
 *             what the model sees at t, without training             (Zheng et al., arXiv 2305.03935)
 *             The bound is that of P_t, p_t over the bin of alpha x: the model's with noise of sigma / alpha
 *
 * The mean over K draws inside the logarithm is a bound that tightens with K (Burda et al., arXiv
 * 1509.00519). Bits per dimension are -log2 P(u) / n; with ln P(u) = L - n ln 127.5 they are -L / (n ln 2) +
 * log2 127.5. */
#ifndef TR_TRANSPORT_LIKELIHOOD_DEQUANTISE_H
#define TR_TRANSPORT_LIKELIHOOD_DEQUANTISE_H

#include "core/io/image/image.h"
#include "core/random.h"
#include "transport/path/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_DEQUANT_BINS 0.375 /* of gaussian: the width with the largest bound, see docs/decisions.md */

typedef enum { TR_DEQUANT_NONE, TR_DEQUANT_UNIFORM, TR_DEQUANT_GAUSSIAN } tr_dequant;

/* x (n) = a draw for the levels (n) of one image, *log_q = ln q(x | u); host memory. `at`: where the run
 * begins, sigma > 0 for gaussian (TR_E_ARG). The draw is addressed by seed, sample and step of `address`. */
TR_API tr_status tr_dequantise(tr_ctx *ctx, tr_dequant kind, const tr_coeffs *at,
                               const tr_random_address *address, int64_t n, const uint8_t *levels, double *x,
                               double *log_q);

/* sigma / alpha in bins: the standard deviation of the gaussian dequantisation before it is truncated. */
TR_API double tr_dequant_width(const tr_coeffs *at);
/* The eps at which that is `bins` > 0, on any path: the run begins at t = 1 - eps. 0 on a path that never
 * gets that quiet: its end is the quietest that it has. */
TR_API double tr_dequant_eps(const tr_interpolant *interpolant, double bins);

/* L = ln of the mean of exp(values[k]) over K >= 1 draws (finite values), and its standard error by the
 * jackknife (Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, ch. 3):
 *
 *   se^2 = (K - 1) / K sum_k (L_k - mean L_k)^2,   L_k that of the draws without draw k
 *
 * which follows the spread of L also where one draw outweighs the others (draws that differ by nats). It is
 * the error of L as an estimate of the bound E L, not of ln P: by Jensen E L lies below. K = 1: the value,
 * and `se` as given, since one draw shows no spread. */
TR_API double tr_log_mean_exp(int K, const double *values, double se_of_one, double *se);

#ifdef __cplusplus
}
#endif

#endif
