/* Exact fields of Gaussian mixtures sum_k w_k N(mu_k, C_k) as drift providers, for any interpolant and
 * prediction: with V_k = alpha^2 C_k + sigma^2 I, d_k = x - alpha mu_k,
 *   r_k = softmax_k(ln w_k - (d_k' V_k^-1 d_k + ln det V_k) / 2),
 *   m = sum r_k (mu_k + alpha C_k V_k^-1 d_k)   e = sum r_k sigma V_k^-1 d_k   s = -sum r_k V_k^-1 d_k
 *   v = sum r_k (alpha' mu_k + (alpha alpha' C_k + sigma sigma' I) V_k^-1 d_k).
 * One component is a Gaussian (transport/exact/gaussian.h: its flow and distances). vjp and jvp are exact
 * too. Computed in double on the host through download and upload: oracles for tests and benches, not for
 * speed.
 */
#ifndef TR_TRANSPORT_EXACT_EXACT_H
#define TR_TRANSPORT_EXACT_EXACT_H

#include "transport/drift.h"
#include "transport/path/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

/* n elements per row, K components: weights (K) positive (normalised here), means (K, n), variances (K, n)
 * >= 0; all copied. Where V_k = 0 (a variance of 0 at sigma = 0) the field does not exist: an error. kind:
 * any of TR_VELOCITY ... TR_CANONICAL. */
TR_API tr_status tr_exact_create_mixture(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind,
                                         int64_t n, int K, const double *weights, const double *means,
                                         const double *variances, tr_drift **out);
/* N(mean, diag(variance)): mean (n), variance (n). */
TR_API tr_status tr_exact_create_gaussian(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind,
                                          int64_t n, const double *mean, const double *variance,
                                          tr_drift **out);

/* The same with full covariances (K, n, n), symmetric and without eigenvalues below 0; TR_E_ARG otherwise
 * (tr_gaussian_create has the rules). About 60 K n^3 operations once, then K n^2 a row instead of K n. */
TR_API tr_status tr_exact_create_mixture_full(tr_ctx *ctx, const tr_interpolant *interpolant,
                                              tr_quantity kind, int64_t n, int K, const double *weights,
                                              const double *means, const double *covariances, tr_drift **out);
/* N(mean, covariance): mean (n), covariance (n, n). */
TR_API tr_status tr_exact_create_gaussian_full(tr_ctx *ctx, const tr_interpolant *interpolant,
                                               tr_quantity kind, int64_t n, const double *mean,
                                               const double *covariance, tr_drift **out);

/* The mixture that `drift` was made of at one time and point x (n), everything in host memory and double. Any
 * quantity from TR_VELOCITY to TR_CANONICAL, whatever drift->kind is. TR_E_ARG for another provider, another
 * quantity, a time outside [0, 1], and where the field does not exist.
 * ln p_t(x): */
TR_API tr_status tr_exact_log_density(const tr_drift *drift, double t, const double *x, double *out);
/* out (n) = the quantity: */
TR_API tr_status tr_exact_field(const tr_drift *drift, tr_quantity quantity, double t, const double *x,
                                double *out);
/* The trace of its Jacobian J, for the velocity the divergence: */
TR_API tr_status tr_exact_divergence(const tr_drift *drift, tr_quantity quantity, double t, const double *x,
                                     double *out);
/* out (n) = J w, or J' w where transposed: */
TR_API tr_status tr_exact_product(const tr_drift *drift, tr_quantity quantity, bool transposed, double t,
                                  const double *x, const double *w, double *out);

#ifdef __cplusplus
}
#endif

#endif
