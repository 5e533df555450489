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
 *
 * The mean over K draws inside the logarithm is a bound that tightens with K (Burda et al., arXiv
 * 1509.00519). Bits per dimension are -log2 P(u) / n; with ln P(u) = L - n ln 127.5 they are -L / (n ln 2) +
 * log2 127.5. */
#ifndef TR_TRANSPORT_DEQUANTISE_H
#define TR_TRANSPORT_DEQUANTISE_H

#include "core/random.h"
#include "transport/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_BINS_PER_UNIT 127.5

typedef enum { TR_DEQUANT_NONE, TR_DEQUANT_UNIFORM, TR_DEQUANT_GAUSSIAN } tr_dequant;

/* x (n) = a draw for the levels (n) of one image, *log_q = ln q(x | u); host memory. `at`: where the run
 * begins, sigma > 0 for gaussian (TR_E_ARG). The draw is addressed by seed, sample and step of `address`. */
tr_status tr_dequantise(tr_ctx *ctx, tr_dequant kind, const tr_coeffs *at, const tr_random_address *address,
                        int64_t n, const uint8_t *levels, double *x, double *log_q);

/* ln of the mean of exp(values[k]) over K draws, and its standard error by the delta method from the spread
 * of the draws; K = 1: the value, and `se` of it as given. */
double tr_log_mean_exp(int K, const double *values, double se_of_one, double *se);

#ifdef __cplusplus
}
#endif

#endif
