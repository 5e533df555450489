/* One file from a URL: in parts where the connection is cut, checked, and there whole or not at all. */
#ifndef TR_EXPERIMENTS_FETCH_NET_DOWNLOAD_H
#define TR_EXPERIMENTS_FETCH_NET_DOWNLOAD_H

#include "experiments/fetch/net/http.h"
#include "experiments/fetch/places.h"

/* Texts are borrowed. */
typedef struct {
  const char *url, *token;
  const char *shown; /* the file in messages */
  const char *path;  /* where it will be */
  const char *lock;  /* a file that who writes `path` holds */
  bool lock_goes;    /* it is removed afterwards */
  int64_t size;      /* -1: the server tells it with the file */
  /* 40 hexadecimal digits: of a git blob; fewer or more: how the SHA-256 begins; NULL: none is known, and
   * what another process has left is not gone on with. */
  const char *digest;
} download_job;

/* What arrives is kept in PATH.incomplete, and a later call goes on with it. TR_E_IO for all that may be
 * wrong with the server, the connection or the disk, one line with what is kept; TR_E_INTERRUPTED. Of two
 * processes one waits for the other. */
tr_status download(http *h, const download_job *job);

#endif
