#include "experiments/input/file_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/checkpoint/checkpoint.h"

/* The digest of the file that an index names, behind the text so far. */
static tr_status add_shard(tr_ctx *ctx, const char *path, char **text, size_t *size) {
  char hex[TR_SHA256_TEXT];
  TR_TRY(tr_sha256_file(ctx, path, hex));
  char *longer = realloc(*text, *size + TR_SHA256_TEXT + 1);
  if (!longer) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the digest of '%s'", path);
  *text = longer;
  *size += (size_t)snprintf(longer + *size, TR_SHA256_TEXT + 1, "%s\n", hex);
  return TR_OK;
}

static tr_status hash_shards(tr_ctx *ctx, file_hash *hash) {
  tr_checkpoint *checkpoint;
  char *text = NULL;
  size_t size = 0;
  TR_TRY(tr_checkpoint_open(ctx, hash->path, &checkpoint));
  const char *shard = hash->path;
  tr_status status = TR_OK;
  for (int i = 0; shard && status == TR_OK; shard = tr_checkpoint_shard(checkpoint, i++))
    status = add_shard(ctx, shard, &text, &size);
  const tr_file_map whole = {
      .data = (const unsigned char *)text, .size = size, .path = (char *)(uintptr_t)hash->path};
  if (status == TR_OK) status = tr_sha256_map(ctx, &whole, hash->hex);
  free(text);
  tr_checkpoint_close(&checkpoint);
  return status;
}

static bool is_index(const char *path) {
  static const char ending[] = ".json"; /* a checkpoint of that name is the index of several files */
  const size_t length = strlen(path), n = sizeof ending - 1;
  return length > n && strcmp(path + length - n, ending) == 0;
}

/* A context belongs to one thread, so this one has its own. */
static void *compute(void *argument) {
  file_hash *hash = argument;
  tr_ctx *ctx;
  hash->status = tr_ctx_open("cpu", 0, &ctx, &hash->error);
  if (hash->status != TR_OK) return NULL;
  hash->status = is_index(hash->path) ? hash_shards(ctx, hash) : tr_sha256_file(ctx, hash->path, hash->hex);
  hash->error = *tr_ctx_error(ctx);
  tr_ctx_close(&ctx);
  return NULL;
}

tr_status file_hash_start(tr_ctx *ctx, const char *path, file_hash *hash) {
  *hash = (file_hash){.path = path};
  int reason = pthread_create(&hash->thread, NULL, compute, hash);
  if (reason != 0) return TR_FAIL(ctx, TR_E_MEM, "no thread to hash '%s': %s", path, strerror(reason));
  hash->running = true;
  return TR_OK;
}

void file_hash_discard(file_hash *hash) {
  if (hash->running) pthread_join(hash->thread, NULL);
  hash->running = false;
}

tr_status file_hash_finish(tr_ctx *ctx, file_hash *hash) {
  file_hash_discard(hash);
  return hash->status == TR_OK ? TR_OK : TR_FAIL(ctx, hash->status, "%s", hash->error.message);
}
