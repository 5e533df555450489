/* What tests of the sampler share: a registered context's sampler with an exact Gaussian drift, and the
 * closed-form flow of that Gaussian. */
#ifndef TR_TESTS_FLOW_H
#define TR_TESTS_FLOW_H

#include "tests/support/check.h"
#include "transport/exact/exact.h"
#include "transport/sampler/sampler.h"

/* The target N(mean, diag(variance)) of n elements. */
typedef struct {
  int n;
  const double *mean, *variance;
} gaussian;

/* Element i of the flow map from (s, x) to t: alpha_t mu + sqrt(V_t / V_s)(x - alpha_s mu). */
double gaussian_flow(const gaussian *target, const tr_interpolant *interpolant, int i, double s, double x,
                     double t);
/* Mean and variance of element i of p_t. */
double gaussian_mean(const gaussian *target, const tr_interpolant *interpolant, int i, double t);
double gaussian_variance(const gaussian *target, const tr_interpolant *interpolant, int i, double t);

/* A sampler with defaults, this path, and the target's exact field as the given quantity; the caller destroys
 * its drift. */
tr_sampler flow_sampler(tr_ctx *ctx, const char *path, tr_quantity kind, const gaussian *target);
/* Draws rows samples of n elements by tr_sample_sde, in f64, into out (rows, n); stats may be NULL. */
void flow_sample_sde(tr_ctx *ctx, const tr_sampler *s, int rows, int n, double *out, tr_sample_stats *stats);
const tr_ode_method *flow_ode_method(tr_ctx *ctx, const char *name);
const tr_sde_method *flow_sde_method(tr_ctx *ctx, const char *name);

#endif
