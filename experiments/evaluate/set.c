#include "experiments/evaluate/set.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/fetch/fetch.h"
#include "experiments/files/paths.h"

static void name_set(const char *option, const char *path, evaluate_set *set) {
  *set = (evaluate_set){.option = option, .path = path};
  snprintf(set->name, sizeof set->name, "%s '%s'", option, TR_SHOW(path, 200));
}

/* ---- stored statistics ---- */

static tr_status read_numbers(tr_ctx *ctx, const evaluate_set *set, tr_npz *npz, const char *name, int ndim,
                              int64_t d, double **out, int64_t *n) {
  tr_npy npy;
  char text[120];
  *out = NULL;
  TR_TRY(tr_npz_get(npz, name, &npy));
  bool fits = npy.ndim == ndim && npy.count > 0 && (npy.dtype == TR_F32 || npy.dtype == TR_F64);
  for (int i = 0; i < ndim && fits; i++) fits = d == 0 || npy.shape[i] == d;
  tr_status status = TR_OK;
  if (!fits)
    status =
        TR_FAIL(ctx, TR_E_SHAPE, "%s: '%s' is %s: a mean (d) and a covariance (d, d) of floats are needed",
                set->name, name, tr_npy_describe(&npy, text, sizeof text));
  else if (!(*out = malloc((size_t)npy.count * sizeof **out)))
    status = TR_FAIL(ctx, TR_E_MEM, "out of memory for the statistics of %s", set->name);
  else
    tr_npy_get_f64(&npy, *out);
  *n = fits ? npy.shape[0] : 0;
  tr_npy_close(&npy);
  return status;
}

/* Of how many samples they are, where the file says it. */
static int64_t number_of(tr_ctx *ctx, tr_npz *npz) {
  tr_npy npy;
  double n = 0;
  if (!tr_npz_has(npz, "n")) return 0;
  if (tr_npz_get(npz, "n", &npy) != TR_OK) {
    tr_ctx_clear(ctx);
    return 0;
  }
  if (npy.count == 1) tr_npy_get_f64(&npy, &n);
  tr_npy_close(&npy);
  return n >= 2 && n < 1e15 ? (int64_t)n : 0;
}

static tr_status read_gaussian(tr_ctx *ctx, const evaluate_set *set, tr_npz *npz, const char *mean_name,
                               const char *cov_name, metric_gaussian *out) {
  double *mean = NULL, *cov = NULL;
  int64_t d, rows;
  tr_status status = read_numbers(ctx, set, npz, mean_name, 1, 0, &mean, &d);
  if (status == TR_OK) status = read_numbers(ctx, set, npz, cov_name, 2, d, &cov, &rows);
  if (status == TR_OK) status = metric_gaussian_given(ctx, set->name, number_of(ctx, npz), d, mean, cov, out);
  free(mean);
  free(cov);
  return status;
}

/* One says nothing without the other. */
static tr_status has_gaussian(tr_ctx *ctx, const evaluate_set *set, const tr_npz *npz, const char *mean,
                              const char *cov, bool *out) {
  const bool has_mean = tr_npz_has(npz, mean);
  *out = has_mean && tr_npz_has(npz, cov);
  if (has_mean == tr_npz_has(npz, cov)) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "%s has '%s' but no '%s': a mean and its covariance are needed", set->name,
                 has_mean ? mean : cov, has_mean ? cov : mean);
}

static tr_status read_stored(tr_ctx *ctx, tr_npz *npz, evaluate_set *set) {
  bool spatial;
  TR_TRY(has_gaussian(ctx, set, npz, "mu", "sigma", &set->stored));
  if (!set->stored) return TR_OK;
  TR_TRY(read_gaussian(ctx, set, npz, "mu", "sigma", &set->pool));
  TR_TRY(has_gaussian(ctx, set, npz, "mu_s", "sigma_s", &spatial));
  return spatial ? read_gaussian(ctx, set, npz, "mu_s", "sigma_s", &set->spatial) : TR_OK;
}

/* ---- opening ---- */

/* Whether the file has statistics, which are read, and no pictures. */
static tr_status look_for_stored(tr_ctx *ctx, evaluate_set *set, bool *pictures) {
  tr_npz *npz;
  *pictures = true;
  if (path_is_folder(set->path)) return TR_OK;
  TR_TRY(tr_npz_open(ctx, set->path, &npz));
  const tr_status status = read_stored(ctx, npz, set);
  *pictures = !set->stored || tr_npz_has(npz, "arr_0");
  tr_npz_close(&npz);
  return status;
}

/* A reference may be a published one, and have statistics. */
static tr_status open_reference(program *p, evaluate_set *set, bool *pictures) {
  TR_TRY(fetch_find_any(p, set->path, set->option, &set->found));
  set->path = set->found;
  return look_for_stored(p->ctx, set, pictures);
}

tr_status evaluate_set_open(program *p, const char *option, const char *path, bool reference,
                            evaluate_set *out) {
  bool pictures = true;
  tr_ctx *ctx = p->ctx;
  name_set(option, path, out);
  if (reference) TR_TRY(open_reference(p, out, &pictures));
  if (!pictures) return TR_OK;
  TR_TRY(picture_source_open(ctx, option, out->path, &out->pictures));
  out->path = picture_source_facts(out->pictures)->path;
  return TR_OK;
}

tr_status evaluate_set_open_features(tr_ctx *ctx, const char *option, const char *path, evaluate_set *out) {
  name_set(option, path, out);
  return feature_set_read(ctx, option, path, &out->features);
}

void evaluate_set_close(evaluate_set *set) {
  set->path = NULL; /* it may be of the pictures */
  free(set->found);
  picture_source_close(&set->pictures);
  feature_set_close(&set->features);
  metric_gaussian_free(&set->pool);
  metric_gaussian_free(&set->spatial);
  *set = (evaluate_set){0};
}

tr_status evaluate_set_hash(tr_ctx *ctx, evaluate_set *set) {
  if (!set->path) return TR_OK;
  return set->pictures ? picture_source_hash(set->pictures, set->sha256)
                       : tr_sha256_file(ctx, set->path, set->sha256);
}

/* ---- features ---- */

tr_status evaluate_set_extract(const extractor *e, extract_progress *progress, evaluate_set *set) {
  if (!set->pictures) return TR_OK;
  return extract_features(e, set->pictures, set->sha256, progress, &set->features);
}

evaluate_side evaluate_set_side(const evaluate_set *set) {
  evaluate_side side = feature_set_side(&set->features, set->name);
  if (!set->stored) return side;
  side.spatial = (metric_rows){0}; /* those of arr_0 are not those of the statistics */
  side.pool_given = set->pool;
  side.spatial_given = set->spatial;
  return side;
}
