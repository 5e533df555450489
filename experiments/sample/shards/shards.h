/* A run in shards. The samples of each are drawn and written by one rank: its pictures as images/000000.png
 * and so on, then the file of the shard, written aside and renamed. When all are there, the first rank makes
 * samples.npz of them, piece by piece, and what else a run leaves, and removes them. manifest.json says what
 * is being drawn, so that a run that was ended at any moment goes on when the same command is given again:
 * with what is missing, on any number of ranks and, where the samples of a batch do not depend on each
 * other, in batches of any size. The results have the same bytes then. */
#ifndef TR_EXPERIMENTS_SAMPLE_SHARDS_SHARDS_H
#define TR_EXPERIMENTS_SAMPLE_SHARDS_SHARDS_H

#include "core/io/npz.h"
#include "experiments/output/images.h"
#include "experiments/sample/run.h"

/* ---- phases of a run, each collective: all ranks come to one status ---- */

/* Takes the folder, or goes on in it, finds what is there, and makes room for a shard. TR_E_ARG where it
 * holds what other options draw, TR_E_IO where another process draws there, or the disk has too little room.
 * run->shards.complete: nothing is left to do. The hashes of files are there then. */
tr_status shards_open(sample_run *run);
/* Draws what is missing. */
tr_status shards_draw(sample_run *run);
/* Makes the results of the shards, which are removed. */
tr_status shards_join(sample_run *run);
/* Of a run that has come to `status`: frees everything. A folder without any sample is as it was before. */
void shards_close(sample_run *run, tr_status status);
/* The status; after a signal the error says what is there, and how to go on. */
tr_status shards_explain(const sample_run *run, tr_status status);

/* ---- paths ---- */

#define SHARDS_FOLDER "shards"
#define IMAGES_FOLDER "images"
#define SHARDS_PATH   4096 /* bytes; a folder that is too long for it is refused by shards_open */
void shards_path(const sample_run *run, const char *name, char path[SHARDS_PATH]);
void shard_path(const sample_run *run, int64_t number, char path[SHARDS_PATH]);

/* First sample of a shard, and how many it has. */
static inline int64_t shard_first(const sample_run *run, int64_t number) {
  return number * run->shards.size;
}
static inline int64_t shard_count(const sample_run *run, int64_t number) {
  const int64_t left = run->n - shard_first(run, number);
  return left < run->shards.size ? left : run->shards.size;
}

/* ---- the folder: on the first rank ---- */

/* Samples in a shard: as asked, else as in the folder, else as in a batch; written into the options. */
tr_status shards_settle_size(sample_run *run);
tr_status shards_take_folder(sample_run *run);
/* Samples whose shards are there. */
int64_t shards_count_there(const sample_run *run);
/* Bytes of one shard's pictures or states. */
int64_t shards_sample_bytes(const sample_run *run);

/* ---- one shard ---- */

/* What run->result holds, and its batches, become the shard: its images first. */
tr_status shard_write(const sample_run *run, int64_t number, const sample_batch *batches, int64_t n);
/* Whether it is there, whole and this run's, and so are its images, which are made again where they are not.
 * A shard that is damaged, or another one's, is warned of. Errors of writing images are *status. */
bool shard_is_there(const sample_run *run, int64_t number, tr_status *status);
/* An open shard: its samples, of the type and shape that they have. Close with shard_close, after an error
 * too. */
typedef struct {
  tr_npz *npz;
  tr_npy samples;
} shard;
tr_status shard_open(const sample_run *run, int64_t number, shard *out);
void shard_close(shard *s);
/* Adds its batches to the run's (sample_account). TR_E_IO where they cannot be read. */
tr_status shard_account(sample_run *run, const shard *s);
/* Name of its samples, "arr_0" for pictures and else "latents", and their shape when there are n. */
const char *shard_samples(const sample_run *run, int64_t n, tr_npy *shape);

/* ---- what batches took, as JSON ---- */

json_t *batches_to_json(const sample_batch *batches, int64_t n);
/* *out is malloc'd; texts are those of *json, which outlives it. False: it is no such thing. */
bool batches_of_json(const json_t *json, sample_batch **out, int64_t *n);

#endif
