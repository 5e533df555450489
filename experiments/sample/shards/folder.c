/* The folder of a run in shards: whose it is, what lies in it, and whether the disk has room. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/files/paths.h"
#include "experiments/output/claim.h"
#include "experiments/output/run_record.h"
#include "experiments/output/staging.h"
#include "experiments/results/manifest.h"
#include "experiments/sample/shards/shards.h"

#define NAME_ROOM 64 /* of what is in the folder */
#define BLOCK     4096

static claim claim_of(const sample_run *run) {
  sample_options *o = run->options;
  return (claim){&sample_table, run->parsed, o, &o->machine, true};
}

/* ---- samples in a shard ---- */

/* That of a run that has begun in the folder; 0: none has. */
static int64_t size_there(const program *p, const char *folder) {
  json_t *record = folder ? claim_record_in(folder, "manifest.json") : NULL;
  const char *command = json_string_value(json_object_get(record, "command"));
  const json_t *size = json_object_get(json_object_get(record, "options"), "shard-size");
  const int64_t there = command && strcmp(command, p->command) == 0 ? json_integer_value(size) : 0;
  json_decref(record);
  return there;
}

tr_status shards_settle_size(sample_run *run) {
  sample_options *o = run->options;
  const char *folder = o->machine.out;
  if (folder && strlen(folder) > SHARDS_PATH - NAME_ROOM)
    return TR_FAIL(run->program->ctx, TR_E_ARG, "--out is too long: %zu characters", strlen(folder));
  if (o->shard_size == TR_OPTION_UNSET) o->shard_size = (long)size_there(run->program, folder);
  if (o->shard_size <= 0) o->shard_size = o->batch_size;
  if (o->shard_size > o->num_samples) o->shard_size = o->num_samples;
  run->shards.size = o->shard_size;
  run->shards.n = (run->n + o->shard_size - 1) / o->shard_size;
  return TR_OK;
}

/* ---- room ---- */

int64_t shards_sample_bytes(const sample_run *run) {
  tr_npy one;
  shard_samples(run, 1, &one);
  return one.count * (int64_t)tr_dtype_size(one.dtype);
}

int64_t shards_count_there(const sample_run *run) {
  char path[SHARDS_PATH];
  int64_t samples = 0;
  for (int64_t k = 0; k < run->shards.n; k++) {
    shard_path(run, k, path);
    if (access(path, F_OK) == 0) samples += shard_count(run, k);
  }
  return samples;
}

/* Of the folder, or of the one that it will be made in. */
static bool free_bytes(const char *folder, double *out) {
  char path[SHARDS_PATH];
  struct statvfs disk;
  snprintf(path, sizeof path, "%s", folder);
  while (statvfs(path, &disk) != 0) {
    char *slash = strrchr(path, '/');
    if (errno != ENOENT || strcmp(path, ".") == 0) return false;
    if (slash == path)
      path[1] = 0;
    else if (slash)
      *slash = 0;
    else
      strcpy(path, ".");
  }
  *out = (double)disk.f_bavail * (double)disk.f_frsize;
  return true;
}

/* Shards and samples.npz are there together at the end; a PNG is at most a little larger than its levels. */
static tr_status check_room(const sample_run *run, const char *folder) {
  const double one = (double)shards_sample_bytes(run), all = (double)run->n,
               missing = all - (double)shards_count_there(run);
  const double png = BLOCK * (double)(int64_t)((one * 1.01 + 1000 + BLOCK - 1) / BLOCK),
               needed = one * (missing + all) + (pictures_any(&run->pictures) ? png * missing : 0);
  double there;
  const bool small = needed < 1 << 30;
  const double unit = small ? 1 << 20 : 1 << 30;
  const char *name = small ? "MiB" : "GiB";
  if (!free_bytes(folder, &there) || there >= needed) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_IO,
                 "the disk of '%s' has %.2f %s free, and %.2f %s are needed for %lld samples: %.2f for "
                 "samples.npz, as much until then for shards%s",
                 TR_SHOW(folder, 200), there / unit, name, needed / unit, name, (long long)run->n,
                 one * all / unit, pictures_any(&run->pictures) ? ", the rest for images" : "");
}

/* ---- whose it is ---- */

/* The samples do not depend on where weights lie, nor on how many are drawn at once. */
static void forget_place(json_t *record) {
  static const char *const names[] = {"ckpt", "model", "image-size", "guide-ckpt", "vae"};
  json_t *options = json_object_get(record, "options"), *vae = json_object_get(record, "autoencoder");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) json_object_del(options, names[i]);
  json_object_del(vae, "folder");
  json_object_del(vae, "file");
}

static void forget_place_and_batch(json_t *record) {
  forget_place(record);
  json_object_del(json_object_get(record, "options"), "batch-size");
}

static bool rows_are_alone(const sample_run *run) {
  const tr_backend *backend = tr_ctx_backend(run->program->ctx);
  return !sample_is_adaptive(run) && backend->promises & TR_BACKEND_ROWS_INDEPENDENT;
}

static tr_status take(sample_run *run, const claim *what) {
  static const manifest_content contents[] = {{"checkpoint_sha256", "what --ckpt holds differs"},
                                              {"guide_sha256", "what --guide-ckpt holds differs"},
                                              {"autoencoder", "what --vae holds differs"},
                                              {"init_sha256", "what --init holds differs"},
                                              {"noise_sha256", "what --noise holds differs"},
                                              {"grid_file", "what --grid-file holds differs"},
                                              {"diffusion_table", "what --diffusion-table holds differs"},
                                              {NULL, NULL}};
  json_t *record = record_create(run->program, &sample_table, run->parsed, run->options);
  json_object_set_new(record, "checkpoint_sha256", json_string(run->hash.hex));
  if (run->provider.guide.model)
    json_object_set_new(record, "guide_sha256", json_string(run->provider.guide.hash.hex));
  sample_record_inputs(run, record);
  const manifest m = {what, record, "run of sample", contents,
                      rows_are_alone(run) ? forget_place_and_batch : forget_place};
  const tr_status status = manifest_claim(run->program, &m, &run->shards.resumed);
  json_decref(record);
  return status;
}

/* ---- what lies in it ---- */

/* The system calls a link to nothing and a file a folder that exists. */
static tr_status make_folder(const sample_run *run, const char *name) {
  tr_ctx *ctx = run->program->ctx;
  char path[SHARDS_PATH];
  shards_path(run, name, path);
  TR_TRY(path_make_folder(ctx, path));
  if (path_is_folder(path)) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "folder '%s' cannot be made: %s has this name, take it away",
                 TR_SHOW(path, 300), access(path, F_OK) == 0 ? "a file" : "a link to what is not there");
}

/* What a run that was killed had half written. */
static void remove_half_written(const sample_run *run, const char *name) {
  char folder[SHARDS_PATH], path[SHARDS_PATH + 300];
  shards_path(run, name, folder);
  DIR *entries = opendir(folder);
  for (struct dirent *entry; entries && (entry = readdir(entries));) {
    if (!tr_text_ends_with(entry->d_name, ".tmp")) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    unlink(path);
  }
  if (entries) closedir(entries);
}

static bool has(const sample_run *run, const char *name) {
  char path[SHARDS_PATH];
  shards_path(run, name, path);
  return access(path, F_OK) == 0;
}

static tr_status prepare(sample_run *run) {
  char path[SHARDS_PATH];
  run->shards.complete = run->shards.resumed && has(run, "run.json") && has(run, "samples.npz");
  shards_path(run, SHARDS_FOLDER, path);
  if (run->shards.complete) {
    staging_remove(path);
    return TR_OK;
  }
  TR_TRY(make_folder(run, SHARDS_FOLDER));
  remove_half_written(run, SHARDS_FOLDER);
  if (!pictures_any(&run->pictures)) return TR_OK;
  TR_TRY(make_folder(run, IMAGES_FOLDER));
  remove_half_written(run, IMAGES_FOLDER);
  return TR_OK;
}

static tr_status keep_name(sample_run *run) {
  run->shards.folder = strdup(run->options->machine.out);
  return run->shards.folder ? TR_OK : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for a path");
}

tr_status shards_take_folder(sample_run *run) {
  tr_ctx *ctx = run->program->ctx;
  const claim what = claim_of(run);
  TR_TRY(claim_folder(run->program, &what, &run->dir));
  TR_TRY(keep_name(run));
  TR_TRY(check_room(run, run->shards.folder));
  if (!run->dir) TR_TRY(out_dir_open(ctx, run->shards.folder, &run->dir));
  TR_TRY(lock_file_take(ctx, run->shards.folder, "draws", &run->shards.lock));
  TR_TRY(take(run, &what));
  run->shards.taken = true;
  return prepare(run);
}
