/* Coefficients of the variance-preserving paths, alpha^2 + sigma^2 = 1. */
#ifndef TR_TRANSPORT_PATH_PRESERVING_PRIVATE_H
#define TR_TRANSPORT_PATH_PRESERVING_PRIVATE_H

#include <math.h>

#include "transport/path/interpolant.h"

/* From ln alpha and beta = 2 d ln alpha / dt:
 *   sigma = sqrt(1 - alpha^2)     alpha' = alpha beta / 2     sigma sigma' = -alpha^2 beta / 2
 *   W = alpha beta / (2 sigma)
 * sigma' and W are infinite where alpha = 1; their ratios are not. */
static inline void tr_preserving_at(double log_alpha, double beta, tr_coeffs *out) {
  out->alpha = exp(log_alpha);
  out->sigma = sqrt(-expm1(2 * log_alpha));
  out->dalpha = out->alpha * beta / 2;
  out->sigma_dsigma = -out->alpha * out->alpha * beta / 2;
  out->dsigma = out->sigma_dsigma / out->sigma;
  out->W = out->alpha * beta / (2 * out->sigma);
  out->inv_W = 2 * out->sigma / (out->alpha * beta);
  out->dalpha_W = out->sigma;
  out->dsigma_W = -out->alpha;
  out->g2_W = beta / 2;
  out->c = 1;
}

#endif
