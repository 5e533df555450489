/* The options of churn and restart, which two commands have, as settings of the sampler. */
#ifndef TR_EXPERIMENTS_COMMON_NOISED_H
#define TR_EXPERIMENTS_COMMON_NOISED_H

#include "experiments/common/common_options.h"
#include "transport/sampler/noised_ode.h"

/* What a method of SDEs can have to do with these options. Its table says it, not its name. */
typedef enum {
  NOISED_AROUND,  /* it is noise around an ODE method */
  NOISED_CHURN,   /* it has the parameter that --churn sets */
  NOISED_RESTARTS /* it reads the intervals of --restart-intervals */
} noised_trait;
bool noised_has(const tr_sde_method *method, noised_trait trait);
/* The registered ones with the trait, "churn and restart" with the word "and"; returns text. */
const char *noised_names(const tr_ctx *ctx, noised_trait trait, const char *word, char *text, size_t size);

/* The parameters of a method: `pairs` (--method-param), and --churn, --churn-levels, --churn-noise where it
 * has them. alone: everything in the pairs must be a parameter of this one. */
tr_status noised_params(tr_ctx *ctx, const noised_options *options, const tr_pair_list *pairs, bool alone,
                        const tr_module *method, tr_values *values);
/* The intervals of a method with NOISED_RESTARTS; the caller frees *restarts. */
tr_status noised_restarts(tr_ctx *ctx, const noised_options *options, const tr_sde_method *method,
                          tr_restart **restarts, int *n);

/* Names of the options that methods with NOISED_CHURN read alone, and those with NOISED_RESTARTS; NULL at the
 * end. */
extern const char *const noised_of_churn[], *const noised_of_restart[];

#endif
