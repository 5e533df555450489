/* Training losses. With x = alpha x1 + sigma x0 at t (x1 data, x0 noise) a prediction p has a known target:
 * velocity alpha' x1 + sigma' x0, noise x0, denoiser x1; a score is compared through sigma s + x0, so that
 * nothing is divided by sigma. With r this residual, the loss of a sample is w(t) mean r^2. Loss weights are
 * modules of kind "loss-weight" (SiT code, training_losses; the weights turn an error of the noise into that
 * of the velocity, or into the bound on the log-likelihood, Kingma et al. arXiv 2107.00630):
 *   none 1 | velocity (dv/dr)^2, (W / alpha)^2 for noise | likelihood W / (alpha sigma) (de/dr)^2.
 * For a velocity every weight is 1, as in the SiT code. */
#ifndef TR_TRANSPORT_LOSS_LOSS_H
#define TR_TRANSPORT_LOSS_LOSS_H

#include "transport/prediction/prediction.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_LOSS_WEIGHT "loss-weight"

typedef struct tr_loss_weight {
  tr_module info;
  /* w(t), from what a residual r is worth as an error of the velocity and of the noise; not finite where it
   * does not exist. */
  double (*at)(const tr_coeffs *, double velocity_per_r, double noise_per_r);
} tr_loss_weight;

/* By name; TR_E_ARG for a table that declares parameters, for which loss weights have no place. */
TR_API tr_status tr_loss_weight_find(tr_ctx *ctx, const char *name, const tr_loss_weight **out);

typedef struct {
  tr_interpolant interpolant;
  const tr_prediction_type *prediction; /* with a target; TR_E_UNSUPPORTED without */
  const tr_loss_weight *weight;
} tr_loss;

/* The numbers that interpolation and loss need of each row of a batch, on the device: made and sent once for
 * all rows, before the network is asked; then no row is looked at by the host. */
typedef struct tr_loss_rows tr_loss_rows;

/* Room for batches of up to `capacity` >= 1 rows. The caller destroys it. */
TR_API tr_status tr_loss_rows_create(tr_ctx *ctx, int64_t capacity, tr_loss_rows **out);
TR_API void tr_loss_rows_destroy(tr_loss_rows **rows); /* frees and sets *rows to NULL; NULL is fine */
/* The numbers of n rows, 1 <= n <= capacity, each at its own time (times.n = n) or all at one. Times lie in
 * [0, 1]. A weight that is not finite at a time is TR_E_ARG; a prediction without a target TR_E_UNSUPPORTED.
 */
TR_API tr_status tr_loss_rows_set(tr_loss_rows *rows, const tr_loss *loss, tr_times times, int64_t n);

/* x (m, ...) = alpha x1 + sigma x0 for rows first .. first + m - 1 of the batch; x may be x1 or x0. */
TR_API tr_status tr_loss_rows_interpolate(const tr_loss_rows *rows, int64_t first, const tr_array *x1,
                                          const tr_array *x0, tr_array *x);
/* loss (m, f64) of the predictions p (m, ...) that were made there; dp = factor d(sum of loss)/dp, of the
 * shape of p and perhaps p itself, or NULL for the losses alone. factor 1 / N gives the gradient of the mean
 * loss over N samples. */
TR_API tr_status tr_loss_rows_eval(const tr_loss_rows *rows, int64_t first, const tr_array *p,
                                   const tr_array *x1, const tr_array *x0, double factor, tr_array *loss,
                                   tr_array *dp);

/* Both for one batch (N, ...) with the losses (N) in host memory: tr_loss_rows made, used and destroyed. */
TR_API tr_status tr_interpolate(const tr_interpolant *interpolant, tr_times times, const tr_array *x1,
                                const tr_array *x0, tr_array *x);
TR_API tr_status tr_loss_eval(const tr_loss *loss, tr_times times, const tr_array *p, const tr_array *x1,
                              const tr_array *x0, double factor, double *out, tr_array *dp);

#ifdef __cplusplus
}
#endif

#endif
