/* Steps of the SDE that are exact in its linear part and in its noise, for any diffusion form: with the
 * denoiser held at M over the step,
 *   x' = (sigma'/sigma) e^-K x + (alpha' - alpha (sigma'/sigma) e^-K) M + sigma' sqrt(1 - e^-2K) z,
 *   K = int D / sigma^2 dt = int kappa dlambda
 * (SDE-DPM-Solver++ of Lu et al., arXiv 2211.01095, for kappa = 1; DDIM and DPM-Solver++ for K = 0). Finite
 * at alpha = 0, whatever D is there, and at sigma = 0, where x' = M. No step is unstable, however large D.
 *
 * M = m_n (order 1), or the line through the last two denoisers in lambda at the middle of the step (2M):
 * M = m_n + (h_n / (2 h_n-1)) (m_n - m_n-1), h the steps in lambda. Or the step has
 *   sigma' int e^-K(lambda, lambda') (1 + kappa) e^lambda P(lambda) dlambda
 * in the place of (...) M, exact for the polynomial P through several denoisers (SA-Solver, Xue et al., arXiv
 * 2309.05019, with tau^2 = kappa). With G = alpha sigma' / sigma e^-K(lambda, lambda'), whose derivative is
 * the kernel, the weight of m_j - m_n is int l_j' (alpha' - G) dlambda, l_j the polynomial that is 1 at
 * denoiser j: by quadrature on the host in double, for kappa that varies too. A corrector then replaces the
 * state, once its denoiser is known, by that of the polynomial through this denoiser too, over the same noise
 * and without another evaluation; together with the step that follows it is one linear combination. The state
 * that a run ends with, or hands out, is the predicted one.
 *
 * Denoisers count where lambda is finite and no jump of the field lies between them and the latest. The
 * samplers use these steps for the methods of kind "sde-method" with TR_SDE_OF_PROBLEM, whose `detail` is a
 * tr_exponential_sde, and at order 1 for the first step of any method that cannot start where it must. */
#ifndef TR_TRANSPORT_EXPONENTIAL_SDE_PRIVATE_H
#define TR_TRANSPORT_EXPONENTIAL_SDE_PRIVATE_H

#include "transport/sampler/sampler.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_EXPONENTIAL_SDE_POINTS 4
#define TR_EXPONENTIAL_SDE_NODES  40

typedef struct {
  int points;     /* denoisers of a step, the latest included: 1 .. TR_EXPONENTIAL_SDE_POINTS */
  int corrector;  /* of the corrector, the one at the end of its step included: 2 .. points + 1; 0: none.
                     Then points < TR_EXPONENTIAL_SDE_POINTS */
  bool at_middle; /* two points: the line at the middle of the step (2M) instead of its integral */
} tr_exponential_sde;

/* A walk over a grid. Set the first three fields, the others 0; free in any case. */
typedef struct {
  const tr_sampler *sampler;            /* borrowed, as is what follows */
  const tr_prediction_type *prediction; /* of its drift */
  const tr_cond *cond;
  tr_array *m[TR_EXPONENTIAL_SDE_POINTS];   /* denoisers, the latest first, room for more after them */
  double t[TR_EXPONENTIAL_SDE_POINTS];      /* their times: where the latest steps began */
  int known;                                /* how many */
  double weight[TR_EXPONENTIAL_SDE_POINTS]; /* of the latest step, of m - m[0] */
  /* int f (alpha' - G) dlambda over the latest step = sum kernel[i] f(lambda[i]) */
  double lambda[TR_EXPONENTIAL_SDE_NODES], kernel[TR_EXPONENTIAL_SDE_NODES];
  tr_array *nearby;
} tr_exponential_walk;

/* The table of an exponential method, NULL for any other. */
const tr_exponential_sde *tr_exponential_sde_of(const tr_sde_method *method);
/* x(t) -> x(t_next) with standard normals z, after the steps that the walk has seen: one evaluation, counted
 * in *n_rhs. list: as in the step of a tr_sde_method. */
tr_status tr_exponential_walk_step(tr_exponential_walk *walk, const tr_exponential_sde *table, double t,
                                   double t_next, const tr_array *z, tr_array *x, long *n_rhs,
                                   tr_program *list);
void tr_exponential_walk_free(tr_exponential_walk *walk);

#ifdef __cplusplus
}
#endif

#endif
