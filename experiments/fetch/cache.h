/* The cache of the hub, laid out as its own programs do: models--OWNER--NAME/ with blobs/ETAG, the contents,
 * snapshots/COMMIT/PATH, links to them, and refs/REVISION, which holds a commit. */
#ifndef TR_EXPERIMENTS_FETCH_CACHE_H
#define TR_EXPERIMENTS_FETCH_CACHE_H

#include "experiments/fetch/places.h"

enum { FETCH_COMMIT = 65 };

/* The commit that a revision is in the cache, which may be one itself; "": the cache does not tell. */
tr_status cache_commit(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *revision,
                       char commit[FETCH_COMMIT]);
/* Where a file of a commit is or would be; file "": the folder of all. */
tr_status cache_file(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *commit,
                     const char *file, char path[FETCH_PATH]);
tr_status cache_blob(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *etag,
                     char path[FETCH_PATH]);
/* The lock that others who write this blob take, the hub's own programs too. */
tr_status cache_lock(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *etag,
                     char path[FETCH_PATH]);
/* Makes the file of a commit a link to its blob. */
tr_status cache_link(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *commit,
                     const char *file, const char *etag);
/* Notes that a revision is this commit. */
tr_status cache_ref(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *revision,
                    const char *commit);

#endif
