/* What samples.npz tells of the run that drew its samples: guidance, path and prediction, as JSON under the
 * names of the options. A run that takes the samples up again compares it with its own. */
#ifndef TR_EXPERIMENTS_INPUT_DRAWN_WITH_H
#define TR_EXPERIMENTS_INPUT_DRAWN_WITH_H

#include <jansson.h>

#include "core/context.h"

/* The name of the array: the bytes of the JSON text. */
#define DRAWN_WITH "drawn_with"

/* Its text, from all options of a run (record_options); malloc'd, NULL: out of memory. */
char *drawn_with_text(const json_t *options);

/* Warns where the samples in `path`, given as `option`, were drawn with other guidance, path or prediction
 * than this run has. They tell it themselves, or else the run.json beside them does; where neither does, or
 * the file is no .npz, nothing is said. */
void drawn_with_compare(tr_ctx *ctx, const char *option, const char *path, const json_t *options);

#endif
