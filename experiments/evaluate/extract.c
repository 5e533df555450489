#include "experiments/evaluate/extract.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/evaluate/cache/cache.h"

/* What is behind features besides pictures, network and options: to be counted up when they change. */
#define VERSION 1

/* ---- the network ---- */

tr_status extractor_open(program *p, const char *inception, const char *preprocess, tr_dtype dtype,
                         extractor *out) {
  const tr_net_options options = {.dtype = dtype};
  *out = (extractor){.program = p, .preprocess = preprocess, .batch = 64, .cache = true};
  TR_TRY(tr_inception_open(p->ctx, inception, &options, &out->net));
  TR_TRY(tr_inception_sizes_of(out->net, &out->sizes));
  return tr_sha256_file(p->ctx, inception, out->sha256);
}

void extractor_close(extractor *e) {
  tr_net_destroy(&e->net);
  *e = (extractor){0};
}

/* ---- progress ---- */

static double seconds_left(const void *user, double seconds, double fraction, long evaluations) {
  (void)user, (void)evaluations;
  return fraction > 0 ? seconds * (1 - fraction) / fraction : INFINITY;
}

void extract_progress_start(extract_progress *p, int64_t total) {
  *p = (extract_progress){.total = total};
  progress_start(&p->bar);
  p->bar.unit = "pictures";
  p->bar.heartbeat = PROGRESS_HEARTBEAT;
  p->bar.name = TR_PROGRAM " evaluate";
  p->bar.left = seconds_left;
  progress_part(&p->bar, 1, 0, (double)total);
}

void extract_progress_end(extract_progress *p) {
  progress_end(&p->bar);
}

static void show(extract_progress *p, const char *path, int64_t more) {
  if (!p) return;
  p->done += more;
  snprintf(p->bar.what, sizeof p->bar.what, "features of %s, %lld of %lld pictures", TR_SHOW(path, 30),
           (long long)p->done, (long long)p->total);
  progress_tick((double)p->done, (long)p->done, &p->bar);
}

/* ---- a batch ---- */

/* Pictures first .. first + n - 1 of the set. */
static tr_status run_batch(const extractor *e, int64_t height, int64_t width, const uint8_t *levels,
                           const feature_set *set, int64_t first, int64_t n) {
  tr_ctx *ctx = e->program->ctx;
  tr_array *a[FEATURES_ARRAYS] = {NULL};
  tr_status status = TR_OK;
  for (int k = 0; k < FEATURES_ARRAYS && status == TR_OK; k++)
    status = tr_array_create(ctx, set->rows[k].dtype, 2, (int64_t[]){n, set->rows[k].d}, &a[k]);
  if (status == TR_OK)
    status = tr_inception_eval(e->net, &(tr_inception_args){.n = n,
                                                            .height = height,
                                                            .width = width,
                                                            .levels = levels,
                                                            .preprocess = strcmp(e->preprocess, "tf") == 0
                                                                              ? TR_INCEPTION_TF
                                                                              : TR_INCEPTION_TORCH,
                                                            .pool = a[FEATURES_POOL],
                                                            .spatial = a[FEATURES_SPATIAL],
                                                            .logits_nobias = a[FEATURES_SCORES]});
  for (int k = 0; k < FEATURES_ARRAYS && status == TR_OK; k++)
    status = tr_array_download(a[k], feature_set_at(set, k, first));
  for (int k = 0; k < FEATURES_ARRAYS; k++) tr_array_destroy(&a[k]);
  return status;
}

static tr_status allocate(const extractor *e, const char *path, int64_t n, feature_set *out) {
  const int64_t columns[FEATURES_ARRAYS] = {e->sizes.features, e->sizes.spatial, e->sizes.classes};
  return feature_set_allocate(e->program->ctx, path, n, tr_net_dtype(e->net), columns, out);
}

tr_status extract_levels(const extractor *e, const char *name, int64_t n, int64_t height, int64_t width,
                         const uint8_t *levels, feature_set *out) {
  TR_TRY(allocate(e, name, n, out));
  for (int64_t first = 0; first < n; first += e->batch) {
    const int64_t rows = n - first < e->batch ? n - first : e->batch;
    TR_TRY(run_batch(e, height, width, levels + first * height * width * 3, out, first, rows));
    TR_TRY(program_check_interrupt(e->program));
  }
  return TR_OK;
}

/* ---- a source ---- */

typedef struct {
  const extractor *e;
  picture_source *source;
  extract_progress *progress;
  const feature_set *set;
  uint8_t *levels; /* of a batch, which is never more than a shard */
} extraction;

/* Pictures first .. first + n - 1; *done: how many of them are. */
static tr_status run_shard(const extraction *x, int64_t first, int64_t n, int64_t *done) {
  const picture_facts *facts = picture_source_facts(x->source);
  for (*done = 0; *done < n;) {
    const int64_t left = n - *done, rows = left < x->e->batch ? left : x->e->batch;
    TR_TRY(picture_source_read(x->source, rows, x->levels));
    TR_TRY(run_batch(x->e, facts->height, facts->width, x->levels, x->set, first + *done, rows));
    *done += rows;
    show(x->progress, facts->path, rows);
    TR_TRY(program_check_interrupt(x->e->program));
  }
  return TR_OK;
}

/* The network knows its batch alone. kept: pictures in whole shards before. */
static tr_status interrupted(const extraction *x, const feature_cache *cache, int64_t kept, int64_t done) {
  const picture_facts *facts = picture_source_facts(x->source);
  tr_ctx *ctx = x->e->program->ctx;
  const char *path = TR_SHOW(facts->path, 200);
  const long long at = kept + done, all = x->set->n;
  tr_ctx_clear(ctx);
  if (!cache->writes || kept == 0)
    return TR_FAIL(ctx, TR_E_INTERRUPTED, "interrupted at picture %lld of %lld of '%s': nothing was written",
                   at, all, path);
  return TR_FAIL(
      ctx, TR_E_INTERRUPTED,
      "interrupted at picture %lld of %lld of '%s': the features of the first %lld are kept, and the "
      "same command goes on from there",
      at, all, path, (long long)kept);
}

static tr_status run_shards(const extraction *x, feature_cache *cache) {
  const int64_t all = x->set->n;
  for (int64_t first = 0, shard = 0; first < all; first += CACHE_SHARD, shard++) {
    const int64_t n = all - first < CACHE_SHARD ? all - first : CACHE_SHARD;
    if (feature_cache_get(cache, shard, x->set, first, n)) {
      picture_source_skip(x->source, n);
      if (x->progress) x->progress->total -= n;
      if (x->progress) x->progress->bar.to = (double)x->progress->total;
      continue;
    }
    int64_t done;
    const tr_status status = run_shard(x, first, n, &done);
    if (status == TR_E_INTERRUPTED) return interrupted(x, cache, first, done);
    TR_TRY(status);
    feature_cache_put(cache, shard, x->set, first, n);
  }
  return TR_OK;
}

/* All that features depend on, but the pictures. */
static tr_status open_cache(const extraction *x, const char *digest, feature_cache *cache) {
  const extractor *e = x->e;
  char how[240];
  *cache = (feature_cache){.ctx = e->program->ctx};
  if (!e->cache) return TR_OK;
  snprintf(how, sizeof how, "features %d, inception %s, preprocess %s, dtype %s, shards of %d", VERSION,
           e->sha256, e->preprocess, tr_dtype_name(tr_net_dtype(e->net)), CACHE_SHARD);
  return feature_cache_open(e->program->ctx, picture_source_facts(x->source)->path, digest, how, cache);
}

tr_status extract_features(const extractor *e, picture_source *source, const char sha256[TR_SHA256_TEXT],
                           extract_progress *progress, feature_set *out) {
  const picture_facts *facts = picture_source_facts(source);
  feature_cache cache;
  TR_TRY(allocate(e, facts->path, facts->n, out));
  const int64_t shard = facts->n < CACHE_SHARD ? facts->n : CACHE_SHARD,
                most = e->batch < shard ? e->batch : shard;
  extraction x = {e, source, progress, out, malloc((size_t)(most * facts->height * facts->width * 3))};
  tr_status status = x.levels ? open_cache(&x, sha256, &cache)
                              : TR_FAIL(e->program->ctx, TR_E_MEM,
                                        "out of memory for a batch of %lld pictures", (long long)most);
  if (status == TR_OK) status = picture_source_rewind(source);
  if (status == TR_OK) status = run_shards(&x, &cache);
  if (x.levels) feature_cache_close(&cache);
  free(x.levels);
  return status;
}
