/* The file of a shard: samples, labels, and what its batches took. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/output/npz_put.h"
#include "experiments/sample/shards/shards.h"

#define BATCHES  "batches"  /* JSON, as bytes */
#define MANIFEST "manifest" /* hash of the run's, as text */

void shards_path(const sample_run *run, const char *name, char path[SHARDS_PATH]) {
  snprintf(path, SHARDS_PATH, "%s/%s", run->shards.folder, name);
}

void shard_path(const sample_run *run, int64_t number, char path[SHARDS_PATH]) {
  char name[64];
  snprintf(name, sizeof name, SHARDS_FOLDER "/%07lld.npz", (long long)number);
  shards_path(run, name, path);
}

const char *shard_samples(const sample_run *run, int64_t n, tr_npy *shape) {
  const sample_result *r = &run->result;
  const bool levels = pictures_any(&run->pictures);
  *shape = (tr_npy){.dtype = levels ? TR_U8 : r->dtype, .ndim = levels ? 4 : r->ndim, .count = n};
  memcpy(shape->shape, levels ? (int64_t[]){0, r->height, r->width, 3} : r->shape,
         (size_t)shape->ndim * sizeof *shape->shape);
  shape->shape[0] = n;
  for (int i = 1; i < shape->ndim; i++) shape->count *= shape->shape[i];
  return levels ? "arr_0" : "latents";
}

/* ---- writing ---- */

static tr_status add_all(const sample_run *run, int64_t number, const char *batches, tr_npz_out *npz) {
  tr_ctx *ctx = run->program->ctx;
  const sample_result *r = &run->result;
  const int64_t n = shard_count(run, number), length = (int64_t)strlen(batches);
  tr_npy samples;
  const char *name = shard_samples(run, n, &samples);
  samples.data = r->pixels ? (const void *)r->pixels : r->latents;
  TR_TRY(tr_npz_add(npz, name, &samples));
  if (r->labels) TR_TRY(npz_put(ctx, npz, "labels", TR_I32, 1, &n, r->labels + shard_first(run, number)));
  TR_TRY(npz_put(ctx, npz, MANIFEST, TR_U8, 1, (int64_t[]){TR_SHA256_TEXT}, run->shards.manifest));
  return npz_put(ctx, npz, BATCHES, TR_U8, 1, &length, batches);
}

static tr_status write_file(const sample_run *run, int64_t number, const char *batches) {
  char path[SHARDS_PATH];
  tr_npz_out *npz;
  shard_path(run, number, path);
  TR_TRY(tr_npz_create(run->program->ctx, path, &npz));
  const tr_status status = add_all(run, number, batches, npz);
  if (status == TR_OK) return tr_npz_commit(&npz);
  tr_npz_discard(&npz);
  return status;
}

static tr_status write_images(const sample_run *run, int64_t number, const uint8_t *levels) {
  const pictures *p = &run->pictures;
  char folder[SHARDS_PATH];
  shards_path(run, IMAGES_FOLDER, folder);
  return images_write(run->program->ctx, folder, shard_first(run, number), shard_count(run, number),
                      p->height, p->width, levels);
}

tr_status shard_write(const sample_run *run, int64_t number, const sample_batch *batches, int64_t n) {
  if (run->result.pixels) TR_TRY(write_images(run, number, run->result.pixels));
  json_t *json = batches_to_json(batches, n);
  char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
  json_decref(json);
  if (!text) return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for the batches of a shard");
  const tr_status status = write_file(run, number, text);
  free(text);
  return status;
}

/* ---- reading ---- */

static bool same_shape(const tr_npy *a, const tr_npy *b) {
  return a->dtype == b->dtype && a->ndim == b->ndim &&
         memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0;
}

static tr_status read_samples(const sample_run *run, int64_t number, const char *path, shard *s) {
  tr_npy wanted;
  char is[100], should[100];
  const char *name = shard_samples(run, shard_count(run, number), &wanted);
  TR_TRY(tr_npz_get(s->npz, name, &s->samples));
  if (same_shape(&s->samples, &wanted)) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_IO, "'%s': %s is %s, which should be %s", TR_SHOW(path, 300), name,
                 tr_npy_describe(&s->samples, is, sizeof is),
                 tr_npy_describe(&wanted, should, sizeof should));
}

tr_status shard_open(const sample_run *run, int64_t number, shard *out) {
  char path[SHARDS_PATH];
  *out = (shard){0};
  shard_path(run, number, path);
  TR_TRY(tr_npz_open(run->program->ctx, path, &out->npz));
  return read_samples(run, number, path, out);
}

void shard_close(shard *s) {
  tr_npy_close(&s->samples);
  tr_npz_close(&s->npz);
}

/* The batches, whose texts live as long as *json. */
static tr_status read_batches(const sample_run *run, const shard *s, json_t **json, sample_batch **out,
                              int64_t *n) {
  tr_npy npy;
  TR_TRY(tr_npz_get(s->npz, BATCHES, &npy));
  *json = npy.dtype == TR_U8 ? json_loadb(npy.data, (size_t)npy.count, 0, NULL) : NULL;
  tr_npy_close(&npy);
  if (batches_of_json(*json, out, n)) return TR_OK;
  json_decref(*json);
  return TR_FAIL(run->program->ctx, TR_E_IO, "a shard's " BATCHES " cannot be read");
}

tr_status shard_account(sample_run *run, const shard *s) {
  json_t *json;
  sample_batch *batches;
  int64_t n;
  TR_TRY(read_batches(run, s, &json, &batches, &n));
  for (int64_t i = 0; i < n; i++) {
    /* a coefficient's words are the same for all batches: those of the first */
    if (run->convention)
      batches[i].stats.convention = run->convention;
    else
      run->convention = strdup(batches[i].stats.convention);
    batches[i].stats.convention = run->convention ? run->convention : "";
    batches[i].n_put = run->result.n_times;
    sample_account(run, &batches[i]);
  }
  free(batches);
  json_decref(json);
  return TR_OK;
}

/* A whole shard that was copied here from another folder. */
static tr_status check_run(const sample_run *run, const shard *s) {
  tr_npy npy;
  TR_TRY(tr_npz_get(s->npz, MANIFEST, &npy));
  const bool same = npy.dtype == TR_U8 && npy.count == TR_SHA256_TEXT &&
                    memcmp(npy.data, run->shards.manifest, TR_SHA256_TEXT) == 0;
  tr_npy_close(&npy);
  return same ? TR_OK : TR_FAIL(run->program->ctx, TR_E_IO, "it is a shard of another run");
}

/* Its samples, and no others: a shard may have another one's name. */
static tr_status check_place(const sample_run *run, int64_t number, const sample_batch *batches, int64_t n) {
  const int64_t first = shard_first(run, number), end = first + shard_count(run, number);
  int64_t at = first;
  for (int64_t i = 0; i < n && batches[i].first == at && batches[i].n > 0; i++) at += batches[i].n;
  if (at == end) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_IO, "it holds other samples than %lld to %lld", (long long)first,
                 (long long)end - 1);
}

static tr_status check(const sample_run *run, int64_t number, shard *s) {
  json_t *json;
  sample_batch *batches;
  int64_t n;
  TR_TRY(shard_open(run, number, s));
  TR_TRY(check_run(run, s));
  TR_TRY(read_batches(run, s, &json, &batches, &n));
  const tr_status status = check_place(run, number, batches, n);
  free(batches);
  json_decref(json);
  return status;
}

static void warn_damaged(const sample_run *run, const char *path) {
  tr_ctx *ctx = run->program->ctx;
  const tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  tr_ctx_warn(ctx, "'%s' is damaged and is made again: %s", TR_SHOW(path, 200), TR_SHOW(error.message, 250));
}

static bool has_images(const sample_run *run, int64_t number) {
  char folder[SHARDS_PATH];
  shards_path(run, IMAGES_FOLDER, folder);
  return images_are_there(folder, shard_first(run, number), shard_count(run, number));
}

bool shard_is_there(const sample_run *run, int64_t number, tr_status *status) {
  char path[SHARDS_PATH];
  shard s = {0};
  shard_path(run, number, path);
  *status = TR_OK;
  if (access(path, F_OK) != 0) return false;
  const bool whole = check(run, number, &s) == TR_OK;
  if (!whole)
    warn_damaged(run, path);
  else if (pictures_any(&run->pictures) && !has_images(run, number))
    *status = write_images(run, number, s.samples.data);
  shard_close(&s);
  return whole;
}
