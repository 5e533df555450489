/* One process at a time in a folder: a lock on a file in it, which goes with the process. */
#ifndef TR_EXPERIMENTS_RESULTS_LOCK_H
#define TR_EXPERIMENTS_RESULTS_LOCK_H

#include "core/context.h"

/* Locks a file that is open for writing. False: another process has it. Where the file system has no locks,
 * nobody has it. */
bool lock_take(int fd);

/* A file made for nothing else. */
typedef struct {
  int fd; /* -1: none */
  char *path;
} lock_file;

/* Makes and locks FOLDER/.lock. TR_E_IO where it cannot be made, or where another process has it: "another
 * process DOES in 'FOLDER'". */
tr_status lock_file_take(tr_ctx *ctx, const char *folder, const char *does, lock_file *out);
/* Removes it; fine where there is none. */
void lock_file_release(lock_file *lock);

#endif
