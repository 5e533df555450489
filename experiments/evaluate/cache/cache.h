/* Features that were computed before, beside the file of the pictures: FILE.features/ holds them in shards of
 * CACHE_SHARD pictures, each whole or absent, under a name made of the digests of the pictures and of what
 * their features depend on. A shard that is damaged is made again; those of other contents that the file once
 * had are removed, and what a killed run left half written. */
#ifndef TR_EXPERIMENTS_EVALUATE_CACHE_CACHE_H
#define TR_EXPERIMENTS_EVALUATE_CACHE_CACHE_H

#include "core/io/sha256.h"
#include "experiments/evaluate/cache/feature_set.h"

#define CACHE_SHARD 512

typedef struct {
  tr_ctx *ctx;
  char *folder; /* NULL: there is no cache */
  char key[40]; /* how names begin */
  bool writes;
} feature_cache;

/* The cache of pictures at `path` with this digest; `how`: all else that features depend on. A folder that
 * cannot be made or written is a warning, and nothing is written then. Close in any case. */
tr_status feature_cache_open(tr_ctx *ctx, const char *path, const char pictures[TR_SHA256_TEXT],
                             const char *how, feature_cache *out);
void feature_cache_close(feature_cache *cache);

/* Fills pictures first .. first + n - 1 of the set from shard number `shard`; false: it is not there, or
 * damaged, which is warned of. */
bool feature_cache_get(const feature_cache *cache, int64_t shard, const feature_set *set, int64_t first,
                       int64_t n);
/* Writes them. One that cannot be written is a warning, and the last that is tried. */
void feature_cache_put(feature_cache *cache, int64_t shard, const feature_set *set, int64_t first, int64_t n);

#endif
