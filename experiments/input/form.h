/* The options of a diffusion form, against what the form needs. */
#ifndef TR_EXPERIMENTS_INPUT_FORM_H
#define TR_EXPERIMENTS_INPUT_FORM_H

#include "experiments/common/param_options.h"
#include "transport/diffusion/diffusion.h"

/* TR_E_ARG where parameters or the table that the form cannot do without are missing: all of them in one
 * line, each with the option that gives it. */
tr_status form_complete(tr_ctx *ctx, const tr_diffusion *form, const param_source *source);

#endif
