/* What the guided providers share: where they guide, and which channels. */
#ifndef TR_TRANSPORT_GUIDANCE_PRIVATE_H
#define TR_TRANSPORT_GUIDANCE_PRIVATE_H

#include "transport/guidance.h"

/* A guidance and the solver's current segment of time. */
typedef struct {
  tr_guidance guidance;
  double from, to;
} tr_guided_part;

/* TR_E_ARG for a scale, channels and an interval that no guidance has. */
tr_status tr_guidance_check(tr_ctx *ctx, const tr_guidance *guidance);

/* Whether an evaluation at these times is guided: TR_E_UNSUPPORTED where some of them are and some not,
 * TR_E_SHAPE where x has fewer channels than are guided. On an edge of the interval the segment decides, if
 * it lies on one side of every edge; the time itself otherwise. */
tr_status tr_guidance_asked(const tr_guided_part *part, tr_times times, const tr_array *x, bool *guided);

/* out = other + scale (own - other) on the guided channels, own on the others: predictions with the class and
 * without it, or of a model and its guide, or their products with a vector. out may be either. */
tr_status tr_guidance_combine(const tr_guidance *guidance, const tr_array *other, const tr_array *own,
                              tr_array *out);

/* The covectors of the two for that of the combination, w: (1 - scale) w and scale w on the guided channels,
 * 0 and w on the others. zero: zeros of w's shape. */
tr_status tr_guidance_covectors(const tr_guidance *guidance, const tr_array *w, const tr_array *zero,
                                tr_array *other, tr_array *own);

/* Where the combination jumps in time: at the edges of the interval, then where `own` and, unless it is NULL,
 * `other` do, 2 + own->n_breaks + other->n_breaks times. malloc'd; NULL: out of memory. */
double *tr_guidance_breaks(const tr_guidance *guidance, const tr_drift *own, const tr_drift *other);

#endif
