/* Steps of the SDE that are exact in its linear part and in its noise, for any diffusion form: with the
 * denoiser held at M over the step,
 *   x' = (sigma'/sigma) e^-K x + (alpha' - alpha (sigma'/sigma) e^-K) M + sigma' sqrt(1 - e^-2K) z,
 *   K = int D / sigma^2 dt = int kappa dlambda
 * (SDE-DPM-Solver++ of Lu et al., arXiv 2211.01095, for kappa = 1; DDIM and DPM-Solver++ for K = 0). Finite
 * at alpha = 0, whatever D is there, and at sigma = 0, where x' = M. No step is unstable, however large D.
 *
 * M = m_n (order 1), or the line through the last two denoisers in lambda at the middle of the step (2M):
 * M = m_n + (h_n / (2 h_n-1)) (m_n - m_n-1), h the steps in lambda, where these are finite and no jump of the
 * field lies between the two denoisers. The samplers use these steps for the methods of kind "sde-method"
 * whose `step` is NULL and whose `detail` is a tr_exponential_sde, and at order 1 for the first step of any
 * method that cannot start where it must. */
#ifndef TR_TRANSPORT_EXPONENTIAL_SDE_H
#define TR_TRANSPORT_EXPONENTIAL_SDE_H

#include "transport/sampler.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int points; /* denoisers in use: 1 or 2 */
} tr_exponential_sde;

/* A walk over a grid. Set the first three fields, the others 0; free in any case. */
typedef struct {
  const tr_sampler *sampler;            /* borrowed, as is what follows */
  const tr_prediction_type *prediction; /* of its drift */
  const tr_cond *cond;
  tr_array *m[2]; /* the denoiser at the latest step's start, and a spare one */
  tr_array *nearby;
  bool known;      /* m[0] is the denoiser at t_before */
  double t_before; /* where the latest step began */
} tr_exponential_walk;

/* The table of an exponential method, NULL for any other. */
const tr_exponential_sde *tr_exponential_sde_of(const tr_sde_method *method);
/* x(t) -> x(t_next) with standard normals z and `points` denoisers: one evaluation, counted in *n_rhs. */
tr_status tr_exponential_walk_step(tr_exponential_walk *walk, int points, double t, double t_next,
                                   const tr_array *z, tr_array *x, long *n_rhs);
void tr_exponential_walk_free(tr_exponential_walk *walk);

#ifdef __cplusplus
}
#endif

#endif
