/* Interpolants x_t = alpha(t) x1 + sigma(t) x0, x0 ~ N(0, I), t = 0 noise, t = 1 data. Modules of kind
 * "interpolant". m = E[x1 | x_t] is the denoiser, e = E[x0 | x_t] the noise. W = alpha' sigma - alpha sigma'
 * > 0 inside (0, 1).
 *
 * Every path has the same canonical form: theta = atan2(alpha, sigma), y = x / sqrt(alpha^2 + sigma^2), and
 * (y, F = dy/dtheta) is (m, e) turned by theta, so that F stays bounded at both ends of every path. */
#ifndef TR_TRANSPORT_PATH_INTERPOLANT_H
#define TR_TRANSPORT_PATH_INTERPOLANT_H

#include "core/module/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_INTERPOLANT "interpolant"
#define TR_PI               3.14159265358979323846

/* Everything the conversions need at one time. At an end where sigma' or W is infinite (VP at t = 1) dsigma
 * and W are infinite and the ratios below are still finite. */
typedef struct {
  double t;
  double alpha, sigma, dalpha, dsigma; /* and their time derivatives */
  double sigma_dsigma;                 /* sigma sigma', finite everywhere */
  double W;                            /* alpha' sigma - alpha sigma' */
  double inv_W;                        /* 1 / W; 0 where W is infinite */
  double dalpha_W, dsigma_W;           /* alpha' / W and sigma' / W, finite everywhere */
  double g2_W;                         /* sigma W / alpha, the SBDM coefficient; infinite where alpha = 0 */
  double c;                            /* sqrt(alpha^2 + sigma^2) */
  double theta;                        /* atan2(alpha, sigma), in [0, pi/2], increasing in t */
} tr_coeffs;

typedef struct tr_interpolant_type {
  tr_module info;
  /* alpha, sigma, dalpha, dsigma and (where they are not plain ratios of these: W or sigma' infinite) the
   * rest, for 0 <= t <= 1; everything that was left NaN is completed by tr_interpolant_at. params: the values
   * of info.params, in their order. */
  void (*at)(const double *params, double t, tr_coeffs *out);
  /* The inverse of theta(t). OPTIONAL: found by bisection */
  double (*time_of_angle)(const double *params, double theta);
  /* Default eps of the reference's check_interval (train, sample); see transport/path/interval.h. */
  double train_eps, sample_eps;
  double train_eps_velocity, sample_eps_velocity; /* of predictions that are finite at both ends */
  int starts_at_zero; /* the reference starts at t = 0 whatever eps is (VP: alpha(0) > 0) */
} tr_interpolant_type;

typedef struct {
  const tr_interpolant_type *type;
  tr_values values; /* of its parameters */
} tr_interpolant;

/* By name ("Linear", "GVP", "VP", or one a user registered), with default parameters. */
TR_API tr_status tr_interpolant_find(tr_ctx *ctx, const char *name, tr_interpolant *out);
/* Sets a parameter by name, as tr_module_set does. */
TR_API tr_status tr_interpolant_set(tr_ctx *ctx, tr_interpolant *interpolant, const char *param,
                                    double value);
/* TR_E_ARG where there is no type, and for values out of range or that do not go together. Whatever is given
 * an interpolant to run along asks this first. */
TR_API tr_status tr_interpolant_check(tr_ctx *ctx, const tr_interpolant *interpolant);
/* The same type with the same values. */
TR_API bool tr_interpolant_same(const tr_interpolant *a, const tr_interpolant *b);
/* Coefficients at t in [0, 1] (outside, and of no type: NaN everywhere). */
TR_API tr_coeffs tr_interpolant_at(const tr_interpolant *interpolant, double t);
/* The time at which atan2(alpha, sigma) = theta; clamped to [0, 1]. */
TR_API double tr_interpolant_time(const tr_interpolant *interpolant, double theta);
/* ln(alpha / sigma) at b minus the same at a, the step in log signal-to-noise; infinite where one is. */
TR_API double tr_coeffs_log_snr_step(const tr_coeffs *a, const tr_coeffs *b);
/* What is singular at this time, for messages: "alpha = 0", "sigma = 0", ... Static text. */
TR_API const char *tr_coeffs_singularity(const tr_coeffs *at);

#ifdef __cplusplus
}
#endif

#endif
