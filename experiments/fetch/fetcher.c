#include "experiments/fetch/fetcher.h"

#include <string.h>

#include "core/text.h"

tr_status fetcher_open(program *p, const char *own, fetcher *out) {
  memset(out, 0, sizeof *out);
  out->program = p;
  TR_TRY(fetch_names_open(p->ctx, own, &out->names));
  return fetch_places_find(p->ctx, out->names, &out->places);
}

void fetcher_close(fetcher *f) {
  fetch_names_close(&f->names);
}

/* It cannot be had: what is absent, and where it belongs. */
static tr_status absent(fetcher *f, const fetch_source *source, const char *why) {
  tr_ctx *ctx = f->program->ctx;
  char words[200], folder[FETCH_PATH];
  TR_TRY(local_by_hand(ctx, &f->places, source, source->n_files, folder));
  return TR_FAIL(ctx, TR_E_IO, "%s%s%s %s not on this machine (%s): put %s into '%s'",
                 local_words(source, words, sizeof words), source->repo ? " of " : "",
                 source->repo ? source->repo : "", source->n_files == 1 ? "is" : "are", why,
                 source->n_files == 1 ? "it" : "them", TR_SHOW(folder, 160));
}

tr_status fetcher_get(fetcher *f, const fetch_source *source, bool newest, char path[FETCH_PATH]) {
  (void)newest;
  TR_TRY(local_find(f->program->ctx, &f->places, source, path));
  return *path ? TR_OK : absent(f, source, "and nothing is fetched");
}
