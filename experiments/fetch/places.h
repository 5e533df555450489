/* Where files are kept and where they come from, as the environment says: the cache of the hub
 * (HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub), that
 * of torch.hub (TORCH_HOME, else XDG_CACHE_HOME/torch, else ~/.cache/torch), and the program's own. */
#ifndef TR_EXPERIMENTS_FETCH_PLACES_H
#define TR_EXPERIMENTS_FETCH_PLACES_H

#include "experiments/fetch/names.h"

enum { FETCH_PATH = 4096 };

typedef struct {
  char hub[FETCH_PATH];      /* the hub's cache */
  char torch[FETCH_PATH];    /* torch.hub's checkpoints */
  char own[FETCH_PATH];      /* files by hand, OWNER/NAME/FILE, and those of URLs */
  char endpoint[FETCH_TEXT]; /* HF_ENDPOINT, else that of the table; no slash at its end */
  char token[FETCH_TEXT];    /* "": none */
  char token_from[FETCH_PATH];
  long patience; /* HF_HUB_DOWNLOAD_TIMEOUT, else 60: seconds for a server that is too slow */
  bool offline;  /* HF_HUB_OFFLINE */
} fetch_places;

/* TR_E_ARG where the environment says nothing that would do, and for a token that is none. */
tr_status fetch_places_find(tr_ctx *ctx, const fetch_names *names, fetch_places *out);

/* A path as the format says; TR_E_ARG for one that is too long. */
tr_status fetch_path(tr_ctx *ctx, char path[FETCH_PATH], const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Makes the folders that a path lies in. TR_E_IO with the system's reason and what to set. */
tr_status fetch_make_parents(tr_ctx *ctx, const char *path);

#endif
