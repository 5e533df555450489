/* Transfer: a model that was trained on one interpolant, sampled along another one, as a drift provider
 * around it. At time t of the path sampled along,
 *   theta = atan2(alpha, sigma)(t)     u = the time at which the model's own path has this theta
 *   x_model = x c_model(u) / c(t), c = sqrt(alpha^2 + sigma^2)      F = canonical field of model(u, x_model),
 * and F is what the provider gives (kind TR_CANONICAL): every other quantity of the new path follows from it
 * (transport/prediction/prediction.h). Exact for an exact model; for a network no new evaluation point is
 * invented, since (u, x_model) has the law of its training.
 *
 * Angles. Where the model's canonical field does not exist (noise and score at theta = 0, denoiser at
 * theta = pi/2) it is taken TR_THETA_MIN away, F and y held. The same is done beyond the angles that the
 * model's path has: VP starts at theta = 0.0066 (alpha(0) > 0), so that a VP model sampled along Linear is
 * asked for u = 0 until the angle is reached. The state is then off by |d2y/dtheta2| 0.0066^2 / 2 = 2e-5
 * times the bend of its path. The other way round, sampling along VP starts from N(0, I) at theta = 0.0066
 * instead of the exact law, as every sampler of VP does.
 *
 * Times of the model keep their meaning: the edges of a guidance interval are in its own time u. They appear
 * in drift->breaks as times of the path sampled along. */
#ifndef TR_TRANSPORT_TRANSFER_H
#define TR_TRANSPORT_TRANSFER_H

#include "transport/drift.h"
#include "transport/path/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `inner` is borrowed and must outlive the result; its kind is any registered prediction, on the path
 * `trained`. vjp, jvp, vjp_multi and vjp_passes where inner has them; classes, rounding noise, breaks and
 * segments are passed on. n_eval counts evaluations, the other counts what they ask of inner. An evaluation
 * where inner's canonical field does not exist (a prediction of a user's, singular inside) is TR_E_ARG. The
 * two paths may be the same. */
TR_API tr_status tr_drift_create_transferred(tr_drift *inner, const tr_interpolant *trained,
                                             const tr_interpolant *along, tr_drift **out);

#ifdef __cplusplus
}
#endif

#endif
