/* References as ADM's evaluator takes them. */
#include <stdlib.h>

#include "experiments/evaluate/set.h"
#include "experiments/output/npz_put.h"

#define PICTURES_MOST 10000 /* as many as ADM's files have */

static tr_status put_gaussian(tr_ctx *ctx, tr_npz_out *npz, const char *mean, const char *cov,
                              const metric_rows *rows) {
  metric_gaussian g = {0};
  TR_TRY(metric_gaussian_of(ctx, rows, &g));
  tr_status status = npz_put(ctx, npz, mean, TR_F64, 1, &g.d, g.mean);
  if (status == TR_OK) status = npz_put(ctx, npz, cov, TR_F64, 2, (int64_t[]){g.d, g.d}, g.cov);
  metric_gaussian_free(&g);
  return status;
}

/* Number k of m pictures, evenly spread over all n. */
static tr_status put_spread(tr_npz_out *npz, picture_source *source, int64_t m, uint8_t *levels) {
  const picture_facts *facts = picture_source_facts(source);
  const int64_t one = facts->height * facts->width * 3;
  int64_t next = 0;
  TR_TRY(picture_source_rewind(source));
  for (int64_t k = 0; k < m; k++) {
    const int64_t at = k * facts->n / m;
    picture_source_skip(source, at - next);
    TR_TRY(picture_source_read(source, 1, levels));
    TR_TRY(tr_npz_append(npz, levels, one));
    next = at + 1;
  }
  return TR_OK;
}

static tr_status put_pictures(tr_ctx *ctx, tr_npz_out *npz, picture_source *source) {
  const picture_facts *facts = picture_source_facts(source);
  const int64_t m = facts->n < PICTURES_MOST ? facts->n : PICTURES_MOST;
  const int64_t shape[] = {m, facts->height, facts->width, 3};
  tr_npy npy;
  uint8_t *levels = malloc((size_t)(facts->height * facts->width * 3));
  if (!levels) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a picture");
  tr_status status = tr_npy_wrap(ctx, TR_U8, 4, shape, NULL, &npy);
  if (status == TR_OK) status = tr_npz_begin(npz, "arr_0", &npy);
  if (status == TR_OK) status = put_spread(npz, source, m, levels);
  free(levels);
  return status;
}

static tr_status put_all(tr_ctx *ctx, tr_npz_out *npz, const evaluate_set *set) {
  const metric_rows *pool = &set->features.rows[FEATURES_POOL],
                    *spatial = &set->features.rows[FEATURES_SPATIAL];
  if (set->pictures) TR_TRY(put_pictures(ctx, npz, set->pictures));
  TR_TRY(put_gaussian(ctx, npz, "mu", "sigma", pool));
  if (spatial->n > 0) TR_TRY(put_gaussian(ctx, npz, "mu_s", "sigma_s", spatial));
  return npz_put(ctx, npz, "n", TR_I64, 0, NULL, &set->features.n);
}

tr_status evaluate_set_save(tr_ctx *ctx, const char *path, const evaluate_set *set) {
  tr_npz_out *npz;
  if (set->features.rows[FEATURES_POOL].n == 0)
    return TR_FAIL(ctx, TR_E_ARG, "--save-stats: %s has no features (pool) to take statistics of", set->name);
  TR_TRY(tr_npz_create(ctx, path, &npz));
  tr_status status = put_all(ctx, npz, set);
  if (status == TR_OK) status = tr_npz_commit(&npz);
  tr_npz_discard(&npz);
  return status;
}
