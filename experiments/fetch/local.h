/* Where the files of a name are on this machine. */
#ifndef TR_EXPERIMENTS_FETCH_LOCAL_H
#define TR_EXPERIMENTS_FETCH_LOCAL_H

#include "experiments/fetch/cache.h"

/* The file, or of several the folder of the first, if all of them are there; "": they are not. Looked for in
 * the hub's cache (or torch.hub's), then where files are put by hand, then in the places that the table names
 * besides. */
tr_status local_find(tr_ctx *ctx, const fetch_places *places, const fetch_source *source,
                     char path[FETCH_PATH]);
/* The same of one commit of the hub's cache. */
tr_status local_snapshot(tr_ctx *ctx, const fetch_places *places, const fetch_source *source,
                         const char *commit, char path[FETCH_PATH]);
/* Where the i-th file of a URL or of a repository is put by hand; i past the last: their folder. */
tr_status local_by_hand(tr_ctx *ctx, const fetch_places *places, const fetch_source *source, int i,
                        char path[FETCH_PATH]);

/* "config.json and diffusion_pytorch_model.safetensors", written into text; returns text. */
const char *local_words(const fetch_source *source, char *text, size_t size);

#endif
