/* Gaussians N(mean, C) in closed form, on the host in double. Under an interpolant p_t = N(alpha mean, V_t),
 * V_t = alpha^2 C + sigma^2 I; all V_t commute, so that the flow of dx = v dt and its log-determinant are
 * known. The fields are those of transport/exact/exact.h. */
#ifndef TR_TRANSPORT_EXACT_GAUSSIAN_H
#define TR_TRANSPORT_EXACT_GAUSSIAN_H

#include "transport/path/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

/* C = axes' diag(variance) axes, the axes orthonormal. Three blocks that are owned where tr_gaussian_create
 * made them; a caller may also fill the struct with blocks of its own. */
typedef struct {
  int64_t n;
  double *mean, *variance; /* (n) each; variances >= 0, along the axes */
  double *axes;            /* (n, n), a row each; NULL: the axes of the coordinates */
} tr_gaussian;

/* From mean (n) and covariance (n, n), copied. TR_E_ARG where the covariance C is not finite, not
 * symmetric (to 1e-9 sqrt(C_ii C_jj); the mean of two such entries is used) or has an eigenvalue below 0
 * beyond rounding, n epsilon of the largest; those within it count as 0. Zeroed on failure. */
TR_API tr_status tr_gaussian_create(tr_ctx *ctx, int64_t n, const double *mean, const double *covariance,
                                    tr_gaussian *out);
/* Frees what tr_gaussian_create made and zeroes; a zeroed one is fine. */
TR_API void tr_gaussian_free(tr_gaussian *g);
/* The eigenvalues and axes alone: variance (n), axes (n, n). Errors as above. */
TR_API tr_status tr_gaussian_axes(tr_ctx *ctx, int64_t n, const double *covariance, double *variance,
                                  double *axes);

/* out (n) = axes x or, back, axes' x. They must not overlap. */
TR_API void tr_gaussian_turn(const tr_gaussian *g, const double *x, double *out);
TR_API void tr_gaussian_turn_back(const tr_gaussian *g, const double *x, double *out);

/* Mean (n) and covariance (n, n) of p_t, t in [0, 1]; either may be NULL. At t = 1 they are those of the
 * target. */
TR_API void tr_gaussian_moments(const tr_gaussian *g, const tr_interpolant *interpolant, double t,
                                double *mean, double *covariance);
/* The flow map from time s to t, both in [0, 1]: alpha_t mean + V_t^(1/2) V_s^(-1/2) (x - alpha_s mean); x
 * and out (n) may be the same. TR_E_ARG where V_s is singular (a variance of 0 at sigma = 0). */
TR_API tr_status tr_gaussian_flow(tr_ctx *ctx, const tr_gaussian *g, const tr_interpolant *interpolant,
                                  double s, double t, const double *x, double *out);
/* Its log-determinant, int_s^t div v = ln(det V_t / det V_s) / 2; minus infinity where V_t is singular. */
TR_API tr_status tr_gaussian_log_determinant(tr_ctx *ctx, const tr_gaussian *g,
                                             const tr_interpolant *interpolant, double s, double t,
                                             double *out);

/* KL(a | b) = (tr(C_b^-1 C_a) + (m_b - m_a)' C_b^-1 (m_b - m_a) - n + ln det C_b / det C_a) / 2; infinite
 * where a is singular. TR_E_ARG where b is, or the dimensions differ. */
TR_API tr_status tr_gaussian_kl(tr_ctx *ctx, const tr_gaussian *a, const tr_gaussian *b, double *out);
/* The Wasserstein distance W2 (not its square), W2^2 = |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_b^(1/2) C_a
 * C_b^(1/2))^(1/2)) (Dowson and Landau 1982). The trace cancels: W2^2 is known to about 1e-15 tr(C_a + C_b).
 */
TR_API tr_status tr_gaussian_w2(tr_ctx *ctx, const tr_gaussian *a, const tr_gaussian *b, double *out);

#ifdef __cplusplus
}
#endif

#endif
