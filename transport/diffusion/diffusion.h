/* Diffusion forms: the coefficient D(t) of the reverse SDE dX = (v + D s) dt + sqrt(2 D) dB, whose marginals
 * are those of the ODE dX = v dt for every D >= 0. Modules of kind "diffusion".
 * D is the coefficient of the SiT code; the w_t of the paper is w = 2 D. n is the norm:
 *
 *   constant n | SBDM n sigma W / alpha | sigma n sigma | linear n (1 - t) |
 *   decreasing (n cos(pi t) + 1)^2 / 4 | increasing-decreasing n sin^2(pi t)              [the SiT code]
 *   KL-eta n (w/2) / sqrt(1 + 2 eta w^2 / L_t), w = w^KL = 2 sigma W / alpha: minimises the KL bound plus
 *     eta int w dt; L_t is the loss of the velocity at t, measured: a table the user gives  [SiT paper]
 *   kappa n kappa(lambda) sigma W / alpha, lambda = ln(alpha / sigma): the dimensionless churn, 0 the ODE,
 *     1 SBDM; kappa from a table over lambda, 1 without one
 *   table n D(t), from a table over t
 *
 * The drift is v - (D/sigma) e = v + kappa (v - (alpha'/alpha) x): at an end where D s is 0 * infinity one of
 * these forms is finite, and that one is used. */
#ifndef TR_TRANSPORT_DIFFUSION_DIFFUSION_H
#define TR_TRANSPORT_DIFFUSION_DIFFUSION_H

#include "transport/diffusion/table.h"
#include "transport/prediction/prediction.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_DIFFUSION "diffusion"

typedef struct tr_diffusion tr_diffusion;

enum {
  TR_DIFFUSION_TABLE = 1,         /* needs a table */
  TR_DIFFUSION_TABLE_OPTIONAL = 2 /* may have one; without_table says what it is then */
};

typedef struct tr_diffusion_type {
  tr_module info;
  unsigned caps;
  const char *table_of;      /* what the table holds ("t, D(t)"), NULL without one */
  const char *without_table; /* "kappa is 1, which is SBDM"; NULL where a table is needed or none is read */
  double (*D)(const tr_diffusion *, const tr_coeffs *); /* REQUIRED; infinite where it diverges */
  /* D / sigma, finite wherever its limit is (where sigma = 0 in particular). OPTIONAL: D divided by sigma */
  double (*D_sigma)(const tr_diffusion *, const tr_coeffs *);
  /* kappa = D alpha / (sigma W), likewise. OPTIONAL: D divided by sigma W / alpha */
  double (*kappa)(const tr_diffusion *, const tr_coeffs *);
  /* int D / sigma^2 dt = int kappa dlambda from one time to a later one where sigma > 0; may be infinite.
   * OPTIONAL: by quadrature */
  double (*churn)(const tr_diffusion *, const tr_coeffs *from, const tr_coeffs *to);
  /* What is wrong with the table, or with parameters that do not go together, beyond their being there and in
   * range. OPTIONAL */
  tr_status (*check)(tr_ctx *, const tr_diffusion *);
} tr_diffusion_type;

struct tr_diffusion {
  const tr_diffusion_type *type;
  double norm;
  tr_values values;      /* of its parameters */
  const tr_table *table; /* borrowed; NULL: none */
};

/* By name ("SBDM", "sigma", ...), with norm 1, default parameters and no table. */
TR_API tr_status tr_diffusion_find(tr_ctx *ctx, const char *name, tr_diffusion *out);
/* Sets a parameter by name ("eta"), as tr_module_set does. */
TR_API tr_status tr_diffusion_set(tr_ctx *ctx, tr_diffusion *diffusion, const char *param, double value);
/* TR_E_ARG unless everything the form needs is there and no more, the norm is finite and >= 0, and D is not
 * negative at any of 65 times from 0 to 1. */
TR_API tr_status tr_diffusion_check(tr_ctx *ctx, const tr_diffusion *diffusion,
                                    const tr_interpolant *interpolant);

/* D, D / sigma and kappa at one time, each infinite where it diverges. */
TR_API double tr_diffusion_D(const tr_diffusion *diffusion, const tr_coeffs *at);
TR_API double tr_diffusion_D_sigma(const tr_diffusion *diffusion, const tr_coeffs *at);
TR_API double tr_diffusion_kappa(const tr_diffusion *diffusion, const tr_coeffs *at);
/* int_a^b 2 D dt, the variance that the noise adds over a step; infinite where D is at an end. */
TR_API double tr_diffusion_variance(const tr_diffusion *diffusion, const tr_interpolant *interpolant,
                                    double a, double b);
/* int_a^b D / sigma^2 dt, the exponent of the exact step; infinite where sigma(b) = 0 or it diverges. */
TR_API double tr_diffusion_churn(const tr_diffusion *diffusion, const tr_interpolant *interpolant, double a,
                                 double b);

/* The drift v + D s of the SDE as an affine function of (x, p). False, with coefficients that are not finite,
 * where it does not exist. */
TR_API bool tr_sde_drift_of(const tr_prediction_type *prediction, const tr_diffusion *diffusion,
                            const tr_coeffs *at, tr_affine *out);
/* The same at time t in [0, 1], as TR_E_ARG that names form, prediction, time and reason. */
TR_API tr_status tr_sde_drift(tr_ctx *ctx, const tr_interpolant *interpolant,
                              const tr_prediction_type *prediction, const tr_diffusion *diffusion, double t,
                              tr_affine *out);

#ifdef __cplusplus
}
#endif

#endif
