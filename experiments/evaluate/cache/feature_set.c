#include "experiments/evaluate/cache/feature_set.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

const char *const feature_set_names[FEATURES_ARRAYS] = {"pool", "spatial", "logits"};

void feature_set_drop(feature_set *set, int k) {
  free(set->memory[k]);
  set->memory[k] = NULL;
  tr_npy_close(&set->npy[k]);
  set->rows[k] = (metric_rows){0};
}

void feature_set_close(feature_set *set) {
  for (int k = 0; k < FEATURES_ARRAYS; k++) feature_set_drop(set, k);
  tr_npz_close(&set->file);
  *set = (feature_set){0};
}

static void name_rows(feature_set *set, int k, const char *array, const char *path) {
  snprintf(set->name[k], sizeof set->name[k], "%s of '%s'", array, TR_SHOW(path, 200));
}

/* ---- in memory ---- */

tr_status feature_set_allocate(tr_ctx *ctx, const char *path, int64_t n, tr_dtype dtype,
                               const int64_t columns[FEATURES_ARRAYS], feature_set *out) {
  *out = (feature_set){.n = n, .logits = true};
  for (int k = 0; k < FEATURES_ARRAYS; k++) {
    if (columns[k] == 0) continue;
    const double bytes = (double)n * (double)columns[k] * (double)tr_dtype_size(dtype);
    name_rows(out, k, feature_set_names[k], path);
    out->memory[k] = malloc((size_t)bytes);
    if (!out->memory[k])
      return TR_FAIL(ctx, TR_E_MEM, "out of memory: %.3g GiB are needed for the %s, %lld pictures",
                     bytes / (1 << 30), out->name[k], (long long)n);
    out->rows[k] = (metric_rows){.n = n, .d = columns[k], .dtype = dtype, .data = out->memory[k]};
  }
  return TR_OK;
}

void *feature_set_at(const feature_set *set, int k, int64_t i) {
  const metric_rows *rows = &set->rows[k];
  return (char *)set->memory[k] + (size_t)(i * rows->d) * tr_dtype_size(rows->dtype);
}

/* ---- from a file ---- */

static tr_status read_array(tr_ctx *ctx, const char *option, const char *path, int k, const char *name,
                            feature_set *set) {
  tr_npy *npy = &set->npy[k];
  char text[120];
  if (!tr_npz_has(set->file, name)) return TR_OK;
  TR_TRY(tr_npz_get(set->file, name, npy));
  if (npy->ndim != 2 || (npy->dtype != TR_F32 && npy->dtype != TR_F64) || npy->count == 0)
    return TR_FAIL(ctx, TR_E_SHAPE, "%s: '%s' in '%s' is %s: float32 or float64 (N, numbers) is needed",
                   option, name, TR_SHOW(path, 200), tr_npy_describe(npy, text, sizeof text));
  if (set->n > 0 && npy->shape[0] != set->n)
    return TR_FAIL(ctx, TR_E_SHAPE, "%s: '%s' in '%s' has %lld rows, and another array there has %lld",
                   option, name, TR_SHOW(path, 200), (long long)npy->shape[0], (long long)set->n);
  set->n = npy->shape[0];
  name_rows(set, k, name, path);
  set->rows[k] = (metric_rows){.n = set->n, .d = npy->shape[1], .dtype = npy->dtype, .data = npy->data};
  return TR_OK;
}

tr_status feature_set_read(tr_ctx *ctx, const char *option, const char *path, feature_set *out) {
  char list[200];
  *out = (feature_set){0};
  TR_TRY(tr_npz_open(ctx, path, &out->file));
  TR_TRY(read_array(ctx, option, path, FEATURES_POOL, "pool", out));
  TR_TRY(read_array(ctx, option, path, FEATURES_SPATIAL, "spatial", out));
  out->logits = !tr_npz_has(out->file, "probs");
  TR_TRY(read_array(ctx, option, path, FEATURES_SCORES, out->logits ? "logits" : "probs", out));
  if (out->n > 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "%s: '%s' has none of 'pool', 'spatial', 'probs' and 'logits': it holds %s",
                 option, TR_SHOW(path, 200),
                 tr_npz_count(out->file) ? tr_npz_list(out->file, NULL, list, sizeof list) : "nothing");
}

evaluate_side feature_set_side(const feature_set *set, const char *name) {
  evaluate_side side = {.name = name,
                        .pool = set->rows[FEATURES_POOL],
                        .spatial = set->rows[FEATURES_SPATIAL],
                        .scores = set->rows[FEATURES_SCORES],
                        .logits = set->logits};
  side.pool.name = set->name[FEATURES_POOL];
  side.spatial.name = set->name[FEATURES_SPATIAL];
  side.scores.name = set->name[FEATURES_SCORES];
  return side;
}
