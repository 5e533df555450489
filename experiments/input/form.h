/* The options of a diffusion form, against what the form needs, and what the last step makes of it. */
#ifndef TR_EXPERIMENTS_INPUT_FORM_H
#define TR_EXPERIMENTS_INPUT_FORM_H

#include "experiments/common/param_options.h"
#include "transport/sampler/sampler.h"

/* TR_E_ARG where parameters or the table that the form cannot do without are missing: all of them in one
 * line, each with the option that gives it. */
tr_status form_complete(tr_ctx *ctx, const tr_diffusion *form, const param_source *source);

/* A last step is there to remove what noise is left. Whether it multiplies it by more than 1.5 instead, which
 * is then said in `text` (size bytes), with the options that mend it; false too without a last step, or where
 * it does not exist, which the run will say. s: the path, form, norm and last step; kind: what the drift is;
 * plural: "s" where the options take lists. Leaves no error behind. */
bool form_last_step(tr_ctx *ctx, const tr_sampler *s, tr_quantity kind, const char *plural, char *text,
                    size_t size);

#endif
