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

/* z = a x + b y on the guided channels, y on the others; z may be x or y. */
tr_status tr_guidance_blend(const tr_guidance *guidance, double a, const tr_array *x, double b,
                            const tr_array *y, tr_array *z);

#endif
