/* Options that contradict what a checkpoint says of itself. */
#ifndef TR_EXPERIMENTS_INPUT_OVERRIDES_H
#define TR_EXPERIMENTS_INPUT_OVERRIDES_H

#include "experiments/common/common_options.h"
#include "nets/model.h"

/* Warns where a path, a prediction or a parameter of the network was given that is not the one of the
 * arguments that the checkpoint, or the file beside it, has: "--prediction noise overrides the checkpoint's
 * velocity". The options as given, before they are resolved. */
void overrides_warn(tr_ctx *ctx, const tr_model *model, const model_options *given);

#endif
