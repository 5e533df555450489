/* A training as a file: the reference's own form (model, ema, opt, args), from which it goes on bit for bit.
 */
#ifndef TR_NETS_TRAIN_STATE_H
#define TR_NETS_TRAIN_STATE_H

#include "nets/checkpoint/checkpoint.h"
#include "nets/checkpoint/write/save.h"
#include "nets/train/trainer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes PATH, a .pt: the parameters under "model", the first average under "ema", further ones under "ema_1"
 * and so on, AdamW's moments and step under "opt", args under "args". TR_E_NONFINITE, with
 * nothing written, when a parameter is not finite. */
TR_API tr_status tr_trainer_save(const tr_trainer *trainer, const char *path, int n_args,
                                 const tr_saved_arg *args);
/* Takes parameters, averages, moments and the step from a checkpoint of this form, ours or the reference's
 * own: the first average is "ema", others are copies of the parameters where the file lacks them; one that is
 * by a power of the step then counts these as the parameters of all steps before. TR_E_SHAPE, TR_E_IO or
 * TR_E_ARG naming what does not fit or is not there. */
TR_API tr_status tr_trainer_load(tr_trainer *trainer, const tr_checkpoint *checkpoint);
/* Writes one average, or the parameters (i = -1), as .safetensors. Of an average by a power of the step it
 * also says step, gamma and width (TR_SNAPSHOT_..., nets/train/post_hoc.h), behind args, which must not. */
TR_API tr_status tr_trainer_export(const tr_trainer *trainer, int i, const char *path, int n_args,
                                   const tr_saved_arg *args);

#ifdef __cplusplus
}
#endif

#endif
