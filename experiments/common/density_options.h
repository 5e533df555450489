/* The options of a log-density, TRACE_OPTIONS of experiments/common/common_options.h, as a tr_density. */
#ifndef TR_EXPERIMENTS_COMMON_DENSITY_OPTIONS_H
#define TR_EXPERIMENTS_COMMON_DENSITY_OPTIONS_H

#include "transport/likelihood/likelihood.h"

/* `probes` TR_OPTION_UNSET: the default; `tolerance` NaN: `rtol` times the `row` elements of an input. Both
 * are written back as used, for the record: a trace without probes leaves them TR_OPTION_UNSET. */
tr_status density_options(tr_ctx *ctx, const char *trace, double rtol, int64_t row, long *probes,
                          double *tolerance, tr_density *out);

/* What logp_se of tr_sample_density holds, in words. */
const char *density_se_is(const tr_density *density);
/* What makes it half of a 95 % interval: Student's quantile for that many probes, NaN where it holds none. */
double density_se_factor(const tr_density *density);

#endif
