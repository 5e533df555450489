#include "experiments/input/file_hash.h"

#include <string.h>

/* A context belongs to one thread, so this one has its own. */
static void *compute(void *argument) {
  file_hash *hash = argument;
  tr_ctx *ctx;
  hash->status = tr_ctx_open("cpu", 0, &ctx, &hash->error);
  if (hash->status != TR_OK) return NULL;
  hash->status = tr_sha256_file(ctx, hash->path, hash->hex);
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
