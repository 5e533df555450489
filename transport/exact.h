/* Exact fields of Gaussian mixtures sum_k w_k N(mu_k, diag(c_k)) as drift providers, for any interpolant and
 * prediction: with V_k = alpha^2 c_k + sigma^2, d_k = x - alpha mu_k (elementwise),
 *   r_k = softmax_k(ln w_k - sum (d_k^2 / V_k + ln V_k) / 2),
 *   m = sum r_k (mu_k + alpha c_k d_k / V_k)      e = sum r_k sigma d_k / V_k      s = -sum r_k d_k / V_k
 *   v = sum r_k (alpha' mu_k + (alpha alpha' c_k + sigma sigma') d_k / V_k).
 * One component is a Gaussian. vjp and jvp are exact too. Computed in double on the host through download and
 * upload: oracles for tests and benches, not for speed. */
#ifndef TR_TRANSPORT_EXACT_H
#define TR_TRANSPORT_EXACT_H

#include "transport/drift.h"
#include "transport/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

/* n elements per row, K components: weights (K) positive (normalised here), means (K, n), variances (K, n)
 * >= 0; all copied. Where V_k = 0 (a variance of 0 at sigma = 0) the field does not exist: an error. kind:
 * any of TR_VELOCITY ... TR_CANONICAL. */
tr_status tr_exact_create_mixture(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind, int64_t n,
                                  int K, const double *weights, const double *means, const double *variances,
                                  tr_drift **out);
/* N(mean, diag(variance)): mean (n), variance (n). */
tr_status tr_exact_create_gaussian(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind,
                                   int64_t n, const double *mean, const double *variance, tr_drift **out);

/* ln p_t(x) of the mixture that `drift` was made of, at one point x (n) in host memory. */
tr_status tr_exact_log_density(const tr_drift *drift, double t, const double *x, double *out);

#ifdef __cplusplus
}
#endif

#endif
