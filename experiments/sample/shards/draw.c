/* A run in shards, from the folder to the last shard. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/sha256.h"
#include "core/text.h"
#include "experiments/output/machine.h"
#include "experiments/output/staging.h"
#include "experiments/sample/shards/shards.h"

/* ---- what is there ---- */

/* What the first rank has settled. */
typedef struct {
  char folder[SHARDS_PATH];
  int64_t size;
  bool complete;
} settled;

static tr_status settle(sample_run *run) {
  TR_TRY(shards_settle_size(run));
  return shards_take_folder(run);
}

static tr_status follow(sample_run *run, const settled *s) {
  sample_shards *shards = &run->shards;
  shards->size = run->options->shard_size = s->size;
  shards->n = (run->n + s->size - 1) / s->size;
  shards->complete = s->complete;
  free(shards->folder);
  shards->folder = strdup(s->folder);
  return shards->folder ? TR_OK : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for a path");
}

static tr_status share_settled(sample_run *run) {
  settled s = {.size = run->shards.size, .complete = run->shards.complete};
  if (!run->program->comm) return TR_OK;
  if (run->shards.folder) snprintf(s.folder, sizeof s.folder, "%s", run->shards.folder);
  TR_TRY(tr_comm_broadcast_bytes(run->program->comm, 0, &s, sizeof s));
  return ranks_agree(run->program, run->program->rank ? follow(run, &s) : TR_OK);
}

/* The result has room for one. */
static tr_status make_room(sample_run *run) {
  sample_shards *s = &run->shards;
  sample_options *o = run->options;
  if (o->batch_size > s->size && run->program->rank == 0 && sample_was_given(run, "batch-size"))
    tr_ctx_warn(run->program->ctx, "batches of %lld, fewer than --batch-size: a shard has no more samples",
                (long long)s->size);
  if (o->batch_size > s->size) o->batch_size = (long)s->size;
  run->result.shape[0] = s->size;
  s->have = calloc((size_t)s->n, sizeof *s->have);
  s->missing = calloc((size_t)s->n, sizeof *s->missing);
  run->batch = calloc((size_t)((s->size + o->batch_size - 1) / o->batch_size), sizeof *run->batch);
  run->batches = json_array();
  if (!s->have || !s->missing || !run->batch)
    return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for %lld shards", (long long)s->n);
  return sample_result_allocate(run->program->ctx, &run->result);
}

/* By which shards know their run. */
static tr_status know_run(sample_run *run) {
  char path[SHARDS_PATH];
  shards_path(run, "manifest.json", path);
  return tr_sha256_file(run->program->ctx, path, run->shards.manifest);
}

/* Of every rank's share. */
static tr_status look(sample_run *run) {
  const int64_t ranks = ranks_count(run->program);
  tr_status status = TR_OK;
  for (int64_t k = run->program->rank; status == TR_OK && k < run->shards.n; k += ranks) {
    run->shards.have[k] = shard_is_there(run, k, &status);
    if (status == TR_OK) status = program_check_interrupt(run->program);
  }
  return status;
}

/* All ranks know what each has seen. */
static tr_status share_seen(sample_run *run) {
  sample_shards *s = &run->shards;
  const int ranks = ranks_count(run->program);
  unsigned char *seen = malloc((size_t)s->n);
  tr_status status = ranks_agree(
      run->program, seen ? TR_OK : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for the shards"));
  for (int r = 0; status == TR_OK && r < ranks; r++) {
    memcpy(seen, s->have, (size_t)s->n);
    status = tr_comm_broadcast_bytes(run->program->comm, r, seen, (size_t)s->n);
    for (int64_t k = r; status == TR_OK && k < s->n; k += ranks) s->have[k] = seen[k];
  }
  free(seen);
  return status;
}

static tr_status find(sample_run *run) {
  sample_shards *s = &run->shards;
  TR_TRY(ranks_agree(run->program, look(run)));
  if (run->program->comm) TR_TRY(share_seen(run));
  for (int64_t k = 0; k < s->n; k++) {
    if (s->have[k])
      s->found += shard_count(run, k);
    else
      s->missing[s->n_missing++] = k;
  }
  return TR_OK;
}

tr_status shards_open(sample_run *run) {
  TR_TRY(sample_ranks_files(run));
  TR_TRY(ranks_agree(run->program, run->program->rank == 0 ? settle(run) : TR_OK));
  TR_TRY(share_settled(run));
  if (run->shards.complete) return TR_OK;
  TR_TRY(ranks_agree(run->program, know_run(run)));
  TR_TRY(ranks_agree(run->program, make_room(run)));
  return find(run);
}

/* ---- drawing ---- */

/* `work`: samples that this rank draws, for its progress. */
static tr_status draw_shard(sample_run *run, int64_t number, double work) {
  const int64_t first = shard_first(run, number), n = shard_count(run, number),
                size = run->options->batch_size;
  const double left = 1 - run->progress.before;
  int64_t batches = 0;
  run->first = first;
  for (int64_t at = 0; at < n; at += size, batches++) {
    const int64_t some = n - at < size ? n - at : size;
    TR_TRY(sample_draw(run, first + at, some, left * (double)some / work, &run->batch[batches]));
  }
  return shard_write(run, number, run->batch, batches);
}

/* Samples of this rank's turns. */
static double work_of(const sample_run *run) {
  double work = 0;
  for (int64_t i = run->program->rank; i < run->shards.n_missing; i += ranks_count(run->program))
    work += (double)shard_count(run, run->shards.missing[i]);
  return work;
}

/* In turns, after each of which all hear of an error. */
static tr_status draw_all(sample_run *run) {
  const sample_shards *s = &run->shards;
  const int ranks = ranks_count(run->program);
  const double work = work_of(run);
  tr_status status = TR_OK;
  for (int64_t turn = 0; status == TR_OK && turn < s->n_missing; turn += ranks) {
    const int64_t mine = turn + run->program->rank;
    status = ranks_agree(run->program, mine < s->n_missing ? draw_shard(run, s->missing[mine], work) : TR_OK);
  }
  return status;
}

tr_status shards_draw(sample_run *run) {
  const double started = program_seconds();
  char images[SHARDS_PATH];
  progress_start(&run->progress);
  run->progress.shown = run->progress.shown && run->program->rank == 0;
  run->progress.before = run->progress.done = (double)run->shards.found / (double)run->n;
  const tr_status status = draw_all(run);
  progress_end(&run->progress);
  run->seconds = program_seconds() - started;
  shards_path(run, IMAGES_FOLDER, images);
  if (pictures_any(&run->pictures)) images_sync(images);
  return status;
}

/* ---- the end ---- */

tr_status shards_explain(const sample_run *run, tr_status status) {
  tr_ctx *ctx = run->program->ctx;
  const int64_t there = status == TR_E_INTERRUPTED && run->shards.folder ? shards_count_there(run) : 0;
  if (there == 0) return status;
  tr_ctx_clear(ctx);
  return TR_FAIL(ctx, status, "interrupted: %lld of %lld samples are in '%s', the same command goes on",
                 (long long)there, (long long)run->n, TR_SHOW(run->shards.folder, 300));
}

/* What this run made, while it holds no sample. */
static void take_back(const sample_run *run) {
  static const char *const names[] = {"manifest.json", SHARDS_FOLDER, IMAGES_FOLDER};
  char path[SHARDS_PATH];
  if (!run->shards.taken || run->shards.resumed || shards_count_there(run) > 0) return;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    shards_path(run, names[i], path);
    staging_remove(path);
  }
}

void shards_close(sample_run *run, tr_status status) {
  sample_shards *s = &run->shards;
  if (status != TR_OK) take_back(run);
  lock_file_release(&s->lock);
  free(s->folder);
  free(s->have);
  free(s->missing);
  *s = (sample_shards){.lock = {.fd = -1}};
}
