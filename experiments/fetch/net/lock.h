/* The locks of the hub's cache, which its own programs take as well: of two that fetch a file one waits. */
#ifndef TR_EXPERIMENTS_FETCH_NET_LOCK_H
#define TR_EXPERIMENTS_FETCH_NET_LOCK_H

#include "experiments/common/program.h"

typedef struct {
  int fd;           /* -1: not held */
  const char *path; /* borrowed */
  bool goes;        /* the file is removed when the lock is given back */
} fetch_lock;

/* Waits for the lock of this name, saying so once; the folder must be there. On a file system without locks a
 * warning is all. TR_E_IO for a file that cannot be made, TR_E_INTERRUPTED when a signal comes. */
tr_status fetch_lock_take(program *p, const char *path, const char *what, bool goes, fetch_lock *out);
void fetch_lock_give_back(fetch_lock *l);

#endif
