/* Predictions: what a network's output p means. Modules of kind "prediction": velocity, noise, score,
 * denoiser, canonical. A module writes the denoiser m = E[x1 | x], the noise e = E[x0 | x] and the velocity v
 * as affine functions of (x, p); every other quantity follows from these, so one forward gives all of them.
 *
 *   v = alpha' m + sigma' e      s = -e / sigma      F = cos(theta) m - sin(theta) e
 *   from velocity   m = (sigma v - sigma' x) / W    e = (alpha' x - alpha v) / W
 *   from noise      m = (x - sigma e) / alpha       v = (alpha'/alpha) x - (W/alpha) e
 *   from score      m = (x + sigma^2 s) / alpha     v = (alpha'/alpha) x + (sigma W/alpha) s
 *                   e = -sigma s
 *   from denoiser   e = (x - alpha m) / sigma       v = (sigma'/sigma) x + (W/sigma) m
 *   from canonical  m = sin(theta) y + cos(theta) F, e = cos(theta) y - sin(theta) F
 *
 * (Albergo, Boffi, Vanden-Eijnden, arXiv 2303.08797; equal to the conversions of the SiT code.) Where a
 * quantity cannot be had (the score at sigma = 0, anything but e from a noise prediction at alpha = 0, ...)
 * its coefficients are not finite, and tr_convert says so. */
#ifndef TR_TRANSPORT_PREDICTION_PREDICTION_H
#define TR_TRANSPORT_PREDICTION_PREDICTION_H

#include "core/vec/program.h"
#include "transport/drift.h"
#include "transport/path/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_PREDICTION "prediction"

/* The canonical field of a prediction that is 0/0 at an end (noise and score at theta = 0, denoiser at
 * theta = pi/2) is taken TR_THETA_MIN away from it, F and y held: the state changes by |dF/dtheta|
 * TR_THETA_MIN^2 / 2 (5e-7 times the bend of its path, and what the flow then makes of that), and the network
 * is not asked nearer to the end than the reference's train_eps = 1e-3 for these predictions, where it was
 * never trained. Smaller would not help: an error d of the network is d / theta in F. */
#define TR_THETA_MIN 1e-3

typedef struct {
  double x, p;
} tr_affine; /* x * state + p * prediction */

/* What a prediction p is trained towards: the residual p * prediction - x1 * data - x0 * noise. */
typedef struct {
  double p, x1, x0;
} tr_target;

typedef struct tr_prediction_type {
  tr_module info;
  tr_quantity tag; /* unique; tr_drift.kind refers to it */
  /* Fills m, e, v at one time; coefficients that do not exist there are infinite or NaN. */
  void (*estimate)(const tr_coeffs *, tr_affine *m, tr_affine *e, tr_affine *v);
  void (*target)(const tr_coeffs *,
                 tr_target *out); /* OPTIONAL: NULL cannot be trained (transport/loss/loss.h) */
  bool finite_at_ends; /* every field follows from it at both ends: by default runs keep no distance from them
                          (transport/path/interval.h) */
  bool unweighted;     /* its training loss has weight 1 whatever the loss weight (transport/loss/loss.h) */
} tr_prediction_type;

/* By name; TR_E_ARG for a table that declares parameters, for which predictions have no place. */
TR_API tr_status tr_prediction_find(tr_ctx *ctx, const char *name, const tr_prediction_type **out);
/* The registered prediction with this tag; TR_E_ARG when there is none. */
TR_API tr_status tr_prediction_of(tr_ctx *ctx, tr_quantity tag, const tr_prediction_type **out);
/* "velocity", "noise", "score", "denoiser", "canonical field", "prediction" for a user's. */
TR_API const char *tr_quantity_name(tr_quantity quantity);

/* The wanted quantity (TR_VELOCITY ... TR_CANONICAL, or the prediction's own tag) as an affine function of
 * (x, p). Exactly {0, 1} when it is what is predicted. Returns false, with coefficients that are not finite,
 * where it does not exist. */
TR_API bool tr_affine_of(const tr_prediction_type *prediction, const tr_coeffs *at, tr_quantity wanted,
                         tr_affine *out);
/* The same at time t in [0, 1] of an interpolant, as TR_E_ARG that names quantity, prediction, time and
 * reason. */
TR_API tr_status tr_convert(tr_ctx *ctx, const tr_interpolant *interpolant,
                            const tr_prediction_type *prediction, tr_quantity wanted, double t,
                            tr_affine *out);
/* The angles between which the canonical field follows from the prediction: those of the interpolant's ends,
 * or TR_THETA_MIN inside where it does not exist at an end. */
TR_API void tr_canonical_angles(const tr_prediction_type *prediction, const tr_interpolant *interpolant,
                                double *low, double *high);
/* z = a.x x + a.p p, all of one shape; without work when a is {0, 1} and z is p. */
TR_API tr_status tr_affine_apply(tr_affine a, const tr_array *x, const tr_array *p, tr_array *z);
/* The same, listed. */
TR_API tr_status tr_affine_list(tr_program *list, tr_affine a, const tr_array *x, const tr_array *p,
                                tr_array *z);

/* out (N, ...) = the wanted quantity of a provider at rows x (N, ...), each row at its own time or all at
 * one: one forward. Whatever is predicted is returned as it is. */
TR_API tr_status tr_field_eval(const tr_interpolant *interpolant, tr_drift *drift, tr_quantity wanted,
                               tr_times times, const tr_array *x, const tr_cond *cond, tr_array *out);

#ifdef __cplusplus
}
#endif

#endif
