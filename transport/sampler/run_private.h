/* What the ODE and the SDE samplers share (private to transport/sampler/). */
#ifndef TR_TRANSPORT_SAMPLER_RUN_PRIVATE_H
#define TR_TRANSPORT_SAMPLER_RUN_PRIVATE_H

#include "integrators/same_time_private.h"
#include "transport/sampler/sampler.h"
#include "transport/trace/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_SDE_CONVENTION "dX = (v + D s) dt + sqrt(2 D) dB, D as in the SiT code: the paper's w = 2 D"

/* Settings that both need: a drift, an interpolant, shapes that fit; finds the module of the prediction. */
tr_status tr_sampler_check(const tr_sampler *sampler, const tr_array *x,
                           const tr_prediction_type **prediction);
/* The output times of a solve: t0, those of save_times strictly between, t1. index[i] is the place in
 * save_times of times[i], or -1. */
typedef struct {
  int n;
  double *times;
  int *index;
} tr_save_plan;
/* save_times must be strictly monotone from t0 towards t1 and inside; `after` (NaN: none) is one more legal
 * last time, which the plan leaves out (the end of the SDE's last step). */
tr_status tr_save_plan_create(const tr_sampler *sampler, tr_ctx *ctx, double t0, double t1, double after,
                              tr_save_plan *out);
void tr_save_plan_free(tr_save_plan *plan);
/* Hands x to the sampler's on_output as the state at save time number i, t. */
tr_status tr_save_out(const tr_sampler *sampler, int i, double t, const tr_array *x);

/* tr_sample_ode with a trace (NULL: without): change (columns, N), host memory, becomes the change of ln p of
 * each row along the solve, one estimate a column, each held to log_tolerance nats. */
tr_status tr_sample_ode_traced(const tr_sampler *sampler, const tr_cond *cond, tr_trace *trace,
                               double log_tolerance, tr_array *x, double *change, tr_sample_stats *stats);
/* The ODE over an interval of the caller's, and the clock that it takes there. */
tr_status tr_sample_ode_between(const tr_sampler *sampler, const tr_cond *cond, double t0, double t1,
                                tr_array *x, tr_sample_stats *stats);
tr_status tr_sample_ode_clock(const tr_sampler *sampler, const tr_prediction_type *prediction, tr_ctx *ctx,
                              double t0, double t1, tr_clock *clock);
/* tr_sample_sde for the methods of transport/sampler/noised_ode.h. */
tr_status tr_sample_noised(const tr_sampler *sampler, const tr_cond *cond, tr_array *x,
                           tr_sample_stats *stats);

/* Warns where explicit steps over this grid may diverge, and says what helps there. */
tr_status tr_sde_warn_unstable(tr_ctx *ctx, const tr_sampler *sampler, const tr_prediction_type *prediction,
                               const double *grid, int n);

/* Evaluations of the drift that max_nfe allows, 0: no limit. */
long tr_sampler_evaluations(const tr_sampler *sampler);

/* t moved into [0, 1] where rounding (t + h past the end) left it. */
double tr_sampler_time(double t);

#ifdef __cplusplus
}
#endif

#endif
