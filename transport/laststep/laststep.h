/* Last steps of the SDE, without noise, from t = 1 - L to the data. Modules of kind "last-step":
 *   None x | Mean x + (v + D s) L | Euler x + v L | Tweedie m = x / alpha + (sigma^2 / alpha) s
 * (SiT code, get_last_step.) All are affine in (x, p): one forward, none for None. */
#ifndef TR_TRANSPORT_LASTSTEP_LASTSTEP_H
#define TR_TRANSPORT_LASTSTEP_LASTSTEP_H

#include "transport/diffusion/diffusion.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_LAST_STEP "last-step"

typedef struct {
  const tr_prediction_type *prediction;
  const tr_diffusion *diffusion;
  tr_coeffs at;         /* t = 1 - L */
  double size;          /* L */
  const double *params; /* values of the module's parameters, in their order */
} tr_last_step_args;

typedef struct tr_last_step_type {
  tr_module info;
  bool identity; /* no step at all: the SDE runs as if L = 0, no forward is spent, `map` may be NULL */
  /* The map as an affine function of (x, p), not finite where it does not exist. */
  void (*map)(const tr_last_step_args *, tr_affine *out);
} tr_last_step_type;

typedef struct {
  const tr_last_step_type *type;
  tr_values values; /* of its parameters */
} tr_last_step;

/* By name, with default parameters; and sets one of these, as tr_module_set does. */
TR_API tr_status tr_last_step_find(tr_ctx *ctx, const char *name, tr_last_step *out);
TR_API tr_status tr_last_step_set(tr_ctx *ctx, tr_last_step *last, const char *param, double value);
/* The map from time t over `size`; TR_E_ARG for parameters out of range, and, naming step, time and reason,
 * where the map does not exist. */
TR_API tr_status tr_last_step_map(tr_ctx *ctx, const tr_last_step *last, const tr_interpolant *interpolant,
                                  const tr_prediction_type *prediction, const tr_diffusion *diffusion,
                                  double t, double size, tr_affine *out);
/* The factor by which the step scales the noise that is left: of x = alpha m + sigma e and a prediction that
 * says so, sigma e becomes *out sigma e. 1 for None, 0 for Tweedie. Mean takes the noise off for D > 0
 * without putting any in its place: on Linear to t = 1 it gives -D L / sigma^2. sigma(t) > 0; errors as
 * above. */
TR_API tr_status tr_last_step_noise(tr_ctx *ctx, const tr_last_step *last, const tr_interpolant *interpolant,
                                    const tr_prediction_type *prediction, const tr_diffusion *diffusion,
                                    double t, double size, double *out);

#ifdef __cplusplus
}
#endif

#endif
