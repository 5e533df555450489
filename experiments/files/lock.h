/* One process at a time: locks on files, which go with the process. */
#ifndef TR_EXPERIMENTS_FILES_LOCK_H
#define TR_EXPERIMENTS_FILES_LOCK_H

#include "core/context.h"

/* Locks a file that is open for writing, and that children may inherit: they do not have the lock. False:
 * another process has it. Where the file system has no locks, nobody has it. */
bool lock_take(int fd);

typedef enum {
  LOCK_HELD,
  LOCK_BUSY,    /* another process has it */
  LOCK_NO_FILE, /* it cannot be made: errno */
  LOCK_UNKNOWN  /* the file system has no locks: errno */
} lock_state;

/* Opens, or makes with this mode, a file that is there for its lock alone, and takes that, as flock(2) has it
 * (and the lock files of other programs). Who has it may remove the file before *fd is closed. *fd is -1
 * unless it is held or unknown; the caller closes it. */
lock_state lock_open(const char *path, unsigned int mode, int *fd);

/* Such a file in a folder of results. */
typedef struct {
  int fd; /* -1: none */
  char *path;
} lock_file;

/* Makes and locks FOLDER/.lock. TR_E_IO where it cannot be made, or where another process has it: "another
 * process DOES in 'FOLDER'". Where the file system has no locks, nobody has it. lock_file_release in any
 * case. */
tr_status lock_file_take(tr_ctx *ctx, const char *folder, const char *does, lock_file *out);
/* Removes it; fine where there is none. */
void lock_file_release(lock_file *lock);

#endif
