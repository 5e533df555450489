/* What the hub says of files in its repositories. */
#ifndef TR_EXPERIMENTS_FETCH_NET_HUB_H
#define TR_EXPERIMENTS_FETCH_NET_HUB_H

#include <jansson.h>

#include "experiments/fetch/cache.h"
#include "experiments/fetch/net/http.h"

enum { HUB_WHY = 400 };

typedef struct {
  enum {
    HUB_FOUND,
    HUB_ABSENT,      /* no such file there */
    HUB_REFUSED,     /* nor will it be had by asking again */
    HUB_UNREACHABLE, /* now */
  } kind;
  char why[HUB_WHY]; /* unless it is found */
  char commit[FETCH_COMMIT];
  char etag[HTTP_WORD]; /* 64 hexadecimal digits, a SHA-256, 40, a git blob's SHA-1, or another word */
  int64_t size;
} hub_answer;

/* Of one file at a revision, after a few tries where a moment's trouble is in the way. TR_E_IO for an answer
 * that makes no sense, TR_E_INTERRUPTED. */
tr_status hub_ask(http *h, const fetch_places *places, const char *repo, const char *revision,
                  const char *file, hub_answer *out);
/* The names of all files of a revision, as a list that the caller releases (NULL unless it is found), and its
 * commit. */
tr_status hub_list(http *h, const fetch_places *places, const char *repo, const char *revision,
                   hub_answer *out, json_t **files);
/* The URL of a file. */
tr_status hub_url(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *revision,
                  const char *file, char url[HTTP_URL]);

#endif
