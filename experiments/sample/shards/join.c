/* The results of a run in shards, made of these one after the other. */
#include <stdlib.h>
#include <string.h>

#include "core/io/image/png.h"
#include "experiments/input/drawn_with.h"
#include "experiments/output/npz_put.h"
#include "experiments/output/staging.h"
#include "experiments/sample/shards/shards.h"

/* The first pictures, for samples.png. */
typedef struct {
  uint8_t *levels;  /* (n, height, width, 3) */
  int64_t n, bytes; /* of one */
} grid;

static tr_status grid_open(const sample_run *run, grid *g) {
  const int64_t most = SAMPLE_RESULT_PICTURES;
  *g = (grid){.n = run->n < most ? run->n : most, .bytes = shards_sample_bytes(run)};
  if (!pictures_any(&run->pictures)) return TR_OK;
  g->levels = malloc((size_t)(g->n * g->bytes));
  return g->levels ? TR_OK
                   : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for %lld pictures", (long long)g->n);
}

/* From those of a shard that begins with sample `first`. */
static void grid_take(grid *g, int64_t first, const tr_npy *levels) {
  const int64_t room = g->n - first, n = levels->shape[0] < room ? levels->shape[0] : room;
  if (g->levels && n > 0) memcpy(g->levels + first * g->bytes, levels->data, (size_t)(n * g->bytes));
}

/* ---- samples.npz ---- */

static tr_status append_shard(sample_run *run, int64_t number, tr_npz_out *npz, grid *g) {
  shard s;
  tr_status status = shard_open(run, number, &s);
  if (status == TR_OK) status = shard_account(run, &s);
  if (status == TR_OK) status = tr_npz_append(npz, s.samples.data, s.samples.count);
  if (status == TR_OK) grid_take(g, shard_first(run, number), &s.samples);
  shard_close(&s);
  return status == TR_OK ? program_check_interrupt(run->program) : status;
}

static tr_status add_arrays(sample_run *run, tr_npz_out *npz, grid *g) {
  tr_ctx *ctx = run->program->ctx;
  const sample_result *r = &run->result;
  const int64_t length = (int64_t)strlen(r->drawn_with);
  tr_npy all;
  const char *name = shard_samples(run, run->n, &all);
  TR_TRY(tr_npz_begin(npz, name, &all));
  for (int64_t k = 0; k < run->shards.n; k++) TR_TRY(append_shard(run, k, npz, g));
  if (r->labels) TR_TRY(npz_put(ctx, npz, "labels", TR_I32, 1, &run->n, r->labels));
  return npz_put(ctx, npz, DRAWN_WITH, TR_U8, 1, &length, r->drawn_with);
}

static tr_status write_npz(sample_run *run, const char *path, grid *g) {
  tr_npz_out *npz;
  TR_TRY(tr_npz_create(run->program->ctx, path, &npz));
  const tr_status status = add_arrays(run, npz, g);
  if (status == TR_OK) return tr_npz_commit(&npz);
  tr_npz_discard(&npz);
  return status;
}

/* ---- all of them ---- */

static tr_status stage_all(sample_run *run, grid *g) {
  tr_ctx *ctx = run->program->ctx;
  const pictures *p = &run->pictures;
  const char *path;
  TR_TRY(grid_open(run, g));
  TR_TRY(out_dir_stage(ctx, run->dir, "samples.npz", &path));
  TR_TRY(write_npz(run, path, g));
  if (g->levels) {
    TR_TRY(out_dir_stage(ctx, run->dir, "samples.png", &path));
    TR_TRY(tr_png_grid(ctx, path, NULL, g->n, p->height, p->width, 3, g->levels));
  }
  TR_TRY(out_dir_stage(ctx, run->dir, "run.json", &path));
  return sample_record(run, path);
}

static tr_status join(sample_run *run) {
  char path[SHARDS_PATH];
  grid g = {0};
  tr_status status = stage_all(run, &g);
  free(g.levels);
  TR_TRY(status);
  TR_TRY(out_dir_commit(run->program->ctx, &run->dir));
  shards_path(run, SHARDS_FOLDER, path);
  staging_remove(path);
  return TR_OK;
}

tr_status shards_join(sample_run *run) {
  return ranks_agree(run->program, run->program->rank == 0 ? join(run) : TR_OK);
}
