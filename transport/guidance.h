/* Classifier-free guidance (Ho and Salimans, arXiv 2207.12598) as a drift provider around another one:
 *   p = p_null + scale (p_class - p_null),
 * both from one batched forward of 2 N rows, the class rows first. Guidance commutes with the conversions
 * between velocity, noise, score and denoiser, which are affine with weights that do not depend on the label.
 * On all channels, or on the first k only, the others following the class rows (the reference guides 3 of 4).
 * On an interval of t, or always; outside the interval only the N class rows are evaluated (Kynkaanniemi et
 * al., arXiv 2404.07724). Its edges are in drift->breaks for the solver; on an edge the field belongs to the
 * side on which the solver's current segment lies, and to the closed interval when there is no such side. */
#ifndef TR_TRANSPORT_GUIDANCE_H
#define TR_TRANSPORT_GUIDANCE_H

#include "transport/drift.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  double scale;     /* 1: the class alone (still two rows each); finite */
  int channels;     /* of arrays (N, C, ...): the first so many are guided, 0: all */
  double low, high; /* guide for low <= t <= high; 0 and 1: always */
} tr_guidance;

/* `inner` is borrowed, must outlive the guide, and must have a null class. n_eval of the guide counts
 * forwards: one per evaluation, whether of N or of 2 N rows. vjp, jvp and vjp_multi (R covectors behind one
 * forward, each with the bits of vjp) where inner has them; no vjp_passes, since a provider may go back
 * through the class row before the null row has been forward. The caller destroys the guide. TR_E_ARG
 * without a null class, for a scale that is not finite, channels below 0, and an interval other than
 * 0 <= low < high <= 1. */
TR_API tr_status tr_drift_create_guided(tr_drift *inner, const tr_guidance *guidance, tr_drift **out);

#ifdef __cplusplus
}
#endif

#endif
