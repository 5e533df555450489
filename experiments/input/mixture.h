/* Gaussian mixtures in host memory, sum_k w_k N(mu_k, C_k): the targets of `transit sweep`. */
#ifndef TR_EXPERIMENTS_INPUT_MIXTURE_H
#define TR_EXPERIMENTS_INPUT_MIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "transport/drift.h"
#include "transport/exact/gaussian.h"
#include "transport/path/interpolant.h"

typedef struct {
  int K;             /* components, >= 1 */
  int64_t d;         /* dimensions, >= 1 */
  double *weights;   /* (K), positive, sum 1 */
  double *means;     /* (K, d) */
  double *variances; /* (K, d), positive: the diagonals, or along the axes of full covariances */
  double *covs;      /* (K, d, d) where some covariance is full, else NULL */
  double *axes;      /* (K, d, d), rows, with them, else NULL */
} mixture;

/* Entries (K times d) that a mixture may have. */
#define MIXTURE_MAX 1000000

/* Dimensions of a mixture with full covariances. */
#define MIXTURE_FULL_MAX 256

/* Room for K components in d dimensions, `full` covariances or diagonal ones; the numbers are undefined.
 * mixture_free in any case; a zeroed mixture is fine. */
tr_status mixture_allocate(tr_ctx *ctx, int64_t K, int64_t d, bool full, mixture *out);
void mixture_free(mixture *m);

/* From a text that names one:
 *   gmm:d=2,modes=8,std=0.05[,radius=2][,seed=0]  equal weights, one std; the means lie
 *     d = 1: evenly from -radius to radius      d = 2: evenly on the circle, the first at (radius, 0)
 *     d > 2: at about this radius in random directions, each coordinate being radius / sqrt(d) times a
 *       standard normal addressed by (seed, mode, coordinate)
 *   gaussian:d=2[,mean=0][,std=1]  mean and std: one number, or d of them separated by '/'
 *   anything that ends in .json: a file, see mixture_read; after gaussian: the file must be one Gaussian
 * Errors are TR_E_ARG, one line, with the nearest right spelling. */
tr_status mixture_of(tr_ctx *ctx, const char *text, mixture *out);
bool mixture_is_file(const char *text);

/* From a JSON file {"weights": [w1, ...], "means": [[...], ...], "variances": [[...], ...]}; a variance may
 * be one number for all dimensions of its component, or a matrix [[...], ...], its covariance. Weights are
 * positive and sum to 1, or to anything beside "normalise": true. Or one Gaussian, {"mean": [...], "cov":
 * [[...], ...]}. TR_E_IO with the file and what is wrong in it. */
tr_status mixture_read(tr_ctx *ctx, const char *path, mixture *out);

/* Component k, its blocks borrowed. */
tr_gaussian mixture_component(const mixture *m, int k);
/* Its field as a drift provider. */
tr_status mixture_drift(tr_ctx *ctx, const mixture *m, const tr_interpolant *path, tr_quantity kind,
                        tr_drift **out);

/* mean (d) and covariance cov (d, d). */
void mixture_moments(const mixture *m, double *mean, double *cov);
/* n independent samples x (n, d), a pure function of the seed. */
void mixture_sample(const mixture *m, uint64_t seed, int64_t n, double *x);
/* The same of seed and step: other samples at every step, at 0 those of mixture_sample. */
void mixture_sample_step(const mixture *m, uint64_t seed, uint32_t step, int64_t n, double *x);

#endif
