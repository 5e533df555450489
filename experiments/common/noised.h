/* The options of churn and restart, which two commands have, as settings of the sampler. */
#ifndef TR_EXPERIMENTS_COMMON_NOISED_H
#define TR_EXPERIMENTS_COMMON_NOISED_H

#include "experiments/common/common_options.h"
#include "transport/sampler/noised_ode.h"

/* EDM's churn when --churn was given, else that of the diffusion form. */
tr_status noised_churn(tr_ctx *ctx, const noised_options *options, tr_noised *out);
/* The intervals of restart; the caller frees *intervals, which *out borrows. */
tr_status noised_restart(tr_ctx *ctx, const noised_options *options, tr_restart **intervals, tr_noised *out);

/* Names of the options that each of the two reads alone; NULL at the end. */
extern const char *const noised_of_churn[], *const noised_of_restart[];

#endif
