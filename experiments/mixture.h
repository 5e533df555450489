/* Gaussian mixtures in host memory, sum_k w_k N(mu_k, diag(c_k)): the targets of `transit sweep`. */
#ifndef TR_EXPERIMENTS_MIXTURE_H
#define TR_EXPERIMENTS_MIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/context.h"

typedef struct {
  int K;             /* components, >= 1 */
  int64_t d;         /* dimensions, >= 1 */
  double *weights;   /* (K), positive, sum 1 */
  double *means;     /* (K, d) */
  double *variances; /* (K, d), positive */
} mixture;

/* Entries (K times d) that a mixture may have. */
#define MIXTURE_MAX 1000000

/* Room for K components in d dimensions; the numbers are undefined. mixture_free in any case; a zeroed
 * mixture is fine. */
tr_status mixture_allocate(tr_ctx *ctx, int64_t K, int64_t d, mixture *out);
void mixture_free(mixture *m);

/* From a text that names one:
 *   gmm:d=2,modes=8,std=0.05[,radius=2][,seed=0]  equal weights, one std; the means lie
 *     d = 1: evenly from -radius to radius      d = 2: evenly on the circle, the first at (radius, 0)
 *     d > 2: at about this radius in random directions, each coordinate being radius / sqrt(d) times a
 *       standard normal addressed by (seed, mode, coordinate)
 *   gaussian:d=2[,mean=0][,std=1]  mean and std: one number, or d of them separated by '/'
 *   anything that ends in .json: a file, see mixture_read
 * Errors are TR_E_ARG, one line, with the nearest right spelling. */
tr_status mixture_of(tr_ctx *ctx, const char *text, mixture *out);
bool mixture_is_file(const char *text);

/* From a JSON file {"weights": [w1, ...], "means": [[...], ...], "variances": [[...], ...]}; a variance may
 * be one number for all dimensions of its component. Weights are positive and need not sum to 1. TR_E_IO with
 * the file and what is wrong in it. */
tr_status mixture_read(tr_ctx *ctx, const char *path, mixture *out);

/* mean (d) and covariance cov (d, d). */
void mixture_moments(const mixture *m, double *mean, double *cov);
/* n independent samples x (n, d), a pure function of the seed. */
void mixture_sample(const mixture *m, uint64_t seed, int64_t n, double *x);

#endif
