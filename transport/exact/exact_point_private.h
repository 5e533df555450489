/* A Gaussian mixture at one time and point, on the host in double (private to transport/exact/). With z_k =
 * axes_k (x - alpha mu_k) and V_k = alpha^2 c_k + sigma^2 along the axes of component k, every quantity is
 * sum_k r_k u_k, u_k = A mu_k + axes_k' ((B c_k + G) z_k / V_k). Its Jacobian is
 *   J = sum_k r_k (axes_k' diag(kappa_k) axes_k + u_k h_k'),
 * kappa_k = (B c_k + G) / V_k, h_k = grad ln r_k = -axes_k' (z_k / V_k) - s. */
#ifndef TR_TRANSPORT_EXACT_EXACT_POINT_PRIVATE_H
#define TR_TRANSPORT_EXACT_EXACT_POINT_PRIVATE_H

#include "transport/drift.h"
#include "transport/exact/gaussian.h"
#include "transport/path/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int64_t n;
  int K;
  double *log_weight, *mean, *variance, *axes; /* (K), (K, n), (K, n), (K, n, n) or NULL: one block */
} tr_mixture;

typedef struct {
  const tr_mixture *mixture;
  double log_density; /* ln p_t(x) */
  /* what follows is this file's own */
  tr_coeffs at;
  bool has_score;
  double *r, *z;                 /* (K), (K, n) */
  double *score, *u, *h, *p, *q; /* (n) each */
} tr_exact_point;

/* Room for one point at a time, without one yet; tr_exact_point_free in any case. */
tr_status tr_exact_point_create(tr_ctx *ctx, const tr_mixture *mixture, tr_exact_point *out);
void tr_exact_point_free(tr_exact_point *point);

/* Goes to x (n) at the time of `at`. TR_E_ARG where sigma = 0 and a variance is 0. */
tr_status tr_exact_point_set(tr_ctx *ctx, tr_exact_point *point, const tr_coeffs *at, const double *x);
/* f (n) = the quantity there, any of TR_VELOCITY ... TR_CANONICAL. */
void tr_exact_point_field(tr_exact_point *point, tr_quantity kind, double *f);
/* The trace of its Jacobian. */
double tr_exact_point_divergence(tr_exact_point *point, tr_quantity kind);
/* out (n) = J w, or J' w. */
void tr_exact_point_product(tr_exact_point *point, tr_quantity kind, bool transposed, const double *w,
                            double *out);

#ifdef __cplusplus
}
#endif

#endif
