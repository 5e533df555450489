/* Log-densities by the ODE: d ln p_t(x_t) / dt = -div v along a solution (the instantaneous change of
 * variables: Chen et al., arXiv 1806.07366; Grathwohl et al., arXiv 1810.01367), from the standard normal at
 * the noise end. The trace of the Jacobian follows transport/trace/trace.h; each estimate is a column of the
 * state, all on one trajectory. In the angle clock the trace is that of the canonical field, finite on the
 * closed interval for every path and prediction, and the density that of y = x / c. */
#ifndef TR_TRANSPORT_LIKELIHOOD_LIKELIHOOD_H
#define TR_TRANSPORT_LIKELIHOOD_LIKELIHOOD_H

#include "transport/sampler/sampler.h"
#include "transport/trace/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const tr_trace_type *trace;
  int n_probes;           /* R: columns of an estimate with probes; 1 has no error bar */
  uint32_t draw;          /* another draw of the probes at the same seed and samples */
  const tr_array *probes; /* (R N, ...) or NULL: see transport/trace/trace.h; borrowed */
  double tolerance;       /* of the columns, nats, adaptive methods; 0: rtol times the elements of a row */
} tr_density;

/* hutchinson with 8 probes, tolerance 0. */
TR_API tr_status tr_density_defaults(tr_ctx *ctx, tr_density *out);

/* Runs the ODE of the sampler (its seed and first_sample address the probes) and gives ln p in nats.
 *   reverse   x (N, ...): data in, latents at the noise end out; logp (N) of the data
 *   forward   x (N, ...): noise in, samples out; logp (N) of the samples, or, where max_nfe stops the run, of
 *             the state x at stats->t_end under the density at that time
 * N(0, I) is taken as the density at the noise end of the run, whatever the interval and the path leave of
 * the data there (VP: alpha(0) > 0). logp_se (N): the standard error that the probes leave, s / sqrt(R) over
 * the columns; NaN for one probe, 0 for the exact trace. The error of the solver is not in it. Both in host
 * memory. A reverse run that max_nfe stops has no likelihood: NaN. stats may be NULL: nfe counts forwards,
 * n_vjp backward passes. Where the prediction gives no canonical field at an end of the run (noise and score
 * at theta = 0, denoiser at pi / 2) it is held TR_THETA_MIN away, which costs TR_THETA_MIN^2 / 2 times the
 * change of its divergence, and as much by the state: at most (transport.likelihood) 3e-5 nats for noise and
 * score and 3e-4 for a denoiser on mixtures of 16 dimensions and standard deviations from 0.22 on, 2e-4
 * and 1.3e-3 in 64; nothing with the default eps of these predictions. */
TR_API tr_status tr_sample_density(const tr_sampler *sampler, const tr_density *density, const tr_cond *cond,
                                   tr_array *x, double *logp, double *logp_se, tr_sample_stats *stats);

/* out (N), host memory = ln of the standard normal density at the rows of x (N, ...). */
TR_API tr_status tr_log_normal(const tr_array *x, double *out);

#ifdef __cplusplus
}
#endif

#endif
