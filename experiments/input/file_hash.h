/* The SHA-256 of what a run reads, computed beside the work on a thread of its own: of the file, or, of a
 * checkpoint in several files, of the digests of the index and of each file in its order, 64 digits and a
 * line break each. */
#ifndef TR_EXPERIMENTS_INPUT_FILE_HASH_H
#define TR_EXPERIMENTS_INPUT_FILE_HASH_H

#include <pthread.h>

#include "core/io/sha256.h"

typedef struct {
  pthread_t thread;
  bool running;
  const char *path; /* borrowed until the end */
  tr_status status;
  tr_error error;
  char hex[TR_SHA256_TEXT];
} file_hash;

tr_status file_hash_start(tr_ctx *ctx, const char *path, file_hash *hash);
/* Waits; the digits are then in hash->hex. Errors are latched in ctx. */
tr_status file_hash_finish(tr_ctx *ctx, file_hash *hash);
/* Waits and forgets; a hash that was never started is fine. */
void file_hash_discard(file_hash *hash);

#endif
