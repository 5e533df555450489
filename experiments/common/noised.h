/* The options of churn and restart, which two commands have, as settings of the sampler. */
#ifndef TR_EXPERIMENTS_COMMON_NOISED_H
#define TR_EXPERIMENTS_COMMON_NOISED_H

#include "experiments/common/common_options.h"
#include "transport/sampler/noised_ode.h"

/* The parameters of a method: `pairs` (--method-param), and --churn, --churn-levels, --churn-noise where it
 * has them. alone: everything in the pairs must be a parameter of this one. */
tr_status noised_params(tr_ctx *ctx, const noised_options *options, const tr_pair_list *pairs, bool alone,
                        const tr_module *method, tr_values *values);
/* The intervals of restart; the caller frees *restarts. */
tr_status noised_restarts(tr_ctx *ctx, const noised_options *options, tr_restart **restarts, int *n);

/* Names of the options that each of the two reads alone; NULL at the end. */
extern const char *const noised_of_churn[], *const noised_of_restart[];

#endif
