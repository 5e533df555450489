/* The law that the SDE sampler gives on an exact Gaussian field, without Monte Carlo. For such a field every
 * step is affine, so the state is carried as its coefficients over the basis (1, x_0, z_1 .. z_K): entry 0
 * has the target's mean, the others mean 0, the "normals" of step k are the unit vector of z_k (and, of its
 * Levy area, of h_k after all z). Mean and variance then come out exactly. The target is N(MOMENTS_MU,
 * MOMENTS_C) unless another spread is given. */
#ifndef TR_TESTS_MOMENTS_H
#define TR_TESTS_MOMENTS_H

#include "tests/support/check.h"
#include "transport/sampler/sampler.h"

#define MOMENTS_MU    0.7
#define MOMENTS_C     0.0625
#define MOMENTS_FORMS 9

extern const char *const moments_paths[3];
extern const char *const moments_forms[MOMENTS_FORMS];

typedef struct {
  double mean, variance;
  tr_sample_stats stats;
} moments;

/* z = the unit vector of this element. */
tr_status moments_unit(long index, tr_array *z);
/* A form with what it needs; the caller destroys the table. */
tr_diffusion moments_form(tr_ctx *ctx, const char *name, tr_table **table);
/* A sampler with this path, SDE method and last step, and sample eps 0. */
tr_sampler moments_sampler(tr_ctx *ctx, const char *path, const char *method, const char *last);
/* Runs with `steps` steps (of a list of points: its number) from the exact law at t0 and returns the law at
 * the end. Replaces s.drift. */
moments moments_run(tr_ctx *ctx, tr_sampler s, tr_quantity kind, double spread, int steps);
/* The same; a refusal of the sampler is returned and stays latched. */
tr_status moments_try(tr_ctx *ctx, tr_sampler s, tr_quantity kind, double spread, int steps, moments *out);
/* The same as moments_run, but the law when the run passes the time t. */
moments moments_passing(tr_ctx *ctx, tr_sampler s, tr_quantity kind, double spread, int steps, double t);
/* The variance after Tweedie's last step of the exact law at t1, (alpha C)^2 / V. */
double moments_tweedie(const tr_interpolant *interpolant, double t1);

#endif
