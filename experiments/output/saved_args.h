/* Arguments of a checkpoint on their way into another file. */
#ifndef TR_EXPERIMENTS_OUTPUT_SAVED_ARGS_H
#define TR_EXPERIMENTS_OUTPUT_SAVED_ARGS_H

#include "nets/checkpoint/checkpoint.h"
#include "nets/checkpoint/write/save.h"

/* A text as the value that it spells: a number, True, False or None where it is exactly how these are
 * spelled. Both texts are borrowed. */
tr_saved_arg saved_arg_of(const char *name, const char *text);

/* Those of a checkpoint, but for the ones named in `but`, which ends with NULL (NULL: none). Texts are
 * borrowed from it; *out is malloc'd, with room for `more` behind the n. */
tr_status saved_args_of(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *const *but, int more,
                        int *n, tr_saved_arg **out);

/* Whether two paths lead to one file, under whatever spelling or link. */
bool saved_is_same_file(const char *a, const char *b);

/* TR_E_ARG unless the name OUT ends in .pt or .safetensors; *torch: which. */
tr_status saved_format(tr_ctx *ctx, const char *out, bool *torch);

#endif
