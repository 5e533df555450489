/* Noise between solves of the ODE: a run to the data in legs, before each of which the state may be taken
 * back towards the noise. From t to an earlier time t^ with lambda^ = lambda - K, lambda = ln(alpha / sigma),
 *
 *   x^ = (alpha^ / alpha) x + sigma^ sqrt(1 - e^-2K) z
 *
 * has the law of the path at t^ if x has that at t, for every path: the only error of such a run is the
 * ODE's. Any ODE method solves the legs, adaptive ones too; each leg is a solve of its own, so that multistep
 * methods start anew in it. Modules of kind "sde-method" with TR_SDE_AROUND_ODE, whose `detail` is a
 * tr_noised_ode; tr_sample_sde runs them with the sampler's ODE method, its grid (for the legs of churn, and
 * the steps of fixed grids) and its `restarts`. They run over the interval of the ODE, and have no last step.
 * Injection number i has the normals of step i of the sampler's path. A save time is handed out when the run
 * passes it for the last time.
 *
 *   churn    a leg a step of the grid, and before each but the first an injection (Karras et al., arXiv
 *            2206.00364, algorithm 2). K is that of the diffusion form over the step, int D / sigma^2 dt;
 *            there is none where this is infinite (a step that ends at sigma = 0). Where its parameter
 *            churn is set K is EDM's, ln(1 + gamma) with gamma = min(churn / steps, sqrt(2) - 1), at levels
 *            sigma / alpha from level-min to level-max. The time taken back to is never before the run's
 *            start.
 *   restart  the ODE, and when it reaches the later time of an interval it is taken back to the earlier one
 *            and solved up again, so many times (Xu et al., arXiv 2306.14878). */
#ifndef TR_TRANSPORT_SAMPLER_NOISED_ODE_H
#define TR_TRANSPORT_SAMPLER_NOISED_ODE_H

#include "integrators/sde/sde.h"
#include "transport/grid/grid.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  double low, high; /* times, low nearer to the noise: within the run, high > low */
  int restarts;     /* >= 0 */
  int steps;        /* of each solve from low to high, for fixed grids, placed by the sampler's grid; >= 1 */
} tr_restart;

typedef struct {
  long noise; /* before the leg: the number of its injection, x <- keep x + add z; -1: none */
  double keep, add;
  double from, to;    /* then the ODE from one time to the other */
  int first, n_steps; /* fixed grids: its points are those of the plan from number `first` on */
} tr_leg;

typedef struct {
  int n_legs, n_points, n_noises;
  tr_leg *legs;
  double *points;
} tr_leg_plan;

struct tr_sampler;

enum {                        /* what a method reads of the sampler besides its ODE method */
       TR_NOISED_FORM = 1,    /* the diffusion form */
       TR_NOISED_GRID = 2,    /* the grid, for its legs, whatever the ODE method; without it: for the steps of
                                 fixed grids only */
       TR_NOISED_RESTARTS = 4 /* the restarts */
};
/* What a method is: the legs of a run from t0 to t1. */
typedef struct {
  unsigned reads;
  /* Whether these values, with defaults, stand in the place of the form. OPTIONAL, with TR_NOISED_FORM */
  bool (*instead_of_form)(const tr_values *);
  /* Fills *out, whose arrays belong to the caller (free); settings that do not go together are TR_E_ARG. The
   * values of the sampler's SDE method are settled. */
  tr_status (*plan)(tr_ctx *, const struct tr_sampler *, double t0, double t1, tr_leg_plan *out);
} tr_noised_ode;

/* The table of such a method, NULL for any other. */
TR_API const tr_noised_ode *tr_noised_ode_of(const tr_sde_method *method);
/* Whether a run by this method with these values reads the diffusion form. */
TR_API bool tr_sde_reads_form(const tr_sde_method *method, const tr_values *values);

#ifdef __cplusplus
}
#endif

#endif
