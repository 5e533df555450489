/* For the methods of transport/sampler/noised_ode.h: building a plan of legs (private to
 * transport/sampler/noised_*.c). */
#ifndef TR_TRANSPORT_SAMPLER_NOISED_PLAN_PRIVATE_H
#define TR_TRANSPORT_SAMPLER_NOISED_PLAN_PRIVATE_H

#include "transport/sampler/sampler.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Room for so many legs and points. */
tr_status tr_leg_plan_reserve(tr_ctx *ctx, tr_leg_plan *plan, size_t legs, size_t points);
/* The injection that takes the path from t back to the earlier time `to`, with the noise times `factor`. */
void tr_leg_inject(const tr_interpolant *interpolant, double t, double to, double factor, tr_leg_plan *plan,
                   tr_leg *leg);
/* Appends the leg, from leg->from to leg->to, with its n points (from the first to the last time). */
void tr_leg_append(tr_leg_plan *plan, tr_leg leg, const double *points, int n);

#ifdef __cplusplus
}
#endif

#endif
