/* What looks for files and fetches them, with the table, the places and the connection in hand. */
#ifndef TR_EXPERIMENTS_FETCH_FETCHER_H
#define TR_EXPERIMENTS_FETCH_FETCHER_H

#include "experiments/common/program.h"
#include "experiments/fetch/local.h"

typedef struct {
  program *program;
  fetch_names *names;
  fetch_places places; /* once fetcher_know_places has been called */
  bool knows_places;
  struct http *http; /* NULL until something is fetched */
} fetcher;

/* own: the user's table; NULL: that of the environment. fetcher_close in any case. */
tr_status fetcher_open(program *p, const char *own, fetcher *out);
void fetcher_close(fetcher *f);

/* What the environment says of places, once; fetcher_get asks by itself. What is given as a path needs none
 * of it. */
tr_status fetcher_know_places(fetcher *f);

/* What is absent is fetched; `newest`: a newer commit of the revision too. Without a network what is there
 * is taken, with a warning if the newest was asked for. */
tr_status fetcher_get(fetcher *f, const fetch_source *source, bool newest, char path[FETCH_PATH]);

#endif
