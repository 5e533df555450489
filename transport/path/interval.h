/* Which times a run covers: the rules of the reference's check_interval with its defects repaired.
 *
 *   eps   train_eps for training, sample_eps for sampling, each honoured on its own. Not given (NaN): the
 *         interpolant's default for the prediction, VP 1e-5 and 1e-3, Linear and GVP 0 for predictions that
 *         are finite at both ends (velocity and canonical) and 1e-3 for the others
 *   t0    eps, or 0 where the interpolant starts at zero (VP)
 *   t1    1 - eps; of an SDE with a last step of size L > 0: 1 - L
 *
 * A reverse run goes from t1 to t0. The reference forces eps = 0 for velocity on Linear and GVP, and so does
 * the default here. SBDM then starts where D is infinite, which the exact first step of the sampler allows.
 * eps = 0 is legal everywhere. */
#ifndef TR_TRANSPORT_PATH_INTERVAL_H
#define TR_TRANSPORT_PATH_INTERVAL_H

#include <math.h>

#include "transport/drift.h"
#include "transport/path/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_EPS_DEFAULT ((double)NAN)

/* Each of these is TR_E_ARG when eps is outside [0, 0.5) or the interval is empty. */
TR_API tr_status tr_interval_train(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity prediction,
                                   double train_eps, double *t0, double *t1);
/* reverse: t0 > t1, from data to noise. data_eps: of the data end alone, in the place of sample_eps; NaN:
 * none. */
TR_API tr_status tr_interval_ode(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity prediction,
                                 double sample_eps, double data_eps, bool reverse, double *t0, double *t1);
/* last_size 0: no last step. */
TR_API tr_status tr_interval_sde(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity prediction,
                                 double sample_eps, double last_size, double *t0, double *t1);
/* *out = the eps used: as given, or the default. TR_E_ARG for a prediction that is not registered. */
TR_API tr_status tr_interval_eps(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity prediction,
                                 double eps, bool training, double *out);

#ifdef __cplusplus
}
#endif

#endif
