/* Autoguidance (Karras et al., arXiv 2406.02507) as a drift provider around two others: a model and a guide,
 * which is a worse version of it, smaller or trained less,
 *   p = p_guide + scale (p_model - p_guide),
 * with the same class for both. Both predict the same quantity on the same path; conversions between
 * velocity, noise, score and denoiser are affine with weights that do not depend on the model, so that it
 * does not matter which of them is combined. A guide of another prediction or path is brought to the
 * model's by transport/transfer.h, around each of the two.
 * Channels and interval are those of transport/guidance.h: on channels that are not guided, and outside the
 * interval, the field is the model's. */
#ifndef TR_TRANSPORT_AUTOGUIDANCE_H
#define TR_TRANSPORT_AUTOGUIDANCE_H

#include "transport/guidance.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `model` and `guide` are borrowed, must outlive the result, and be of one context, one kind and as many
 * classes. The result has the null class where both have it; rounding noise is that of the coarser.
 * Scale 1 asks the model alone, with its bits, and scale 0 on all channels the guide alone; any other scale
 * both, each once. n_forward and n_vjp of the result count those of both together, n_eval its own; each of
 * the two counts its own as well. vjp, jvp and vjp_multi where both have them; no vjp_passes. The caller
 * destroys the result. TR_E_ARG for providers that do not fit each other, and for the guidances that
 * tr_drift_create_guided refuses. */
TR_API tr_status tr_drift_create_autoguided(tr_drift *model, tr_drift *guide, const tr_guidance *guidance,
                                            tr_drift **out);

#ifdef __cplusplus
}
#endif

#endif
