#include "experiments/fetch/fetcher.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/fetch/net/download.h"
#include "experiments/fetch/net/hub.h"
#include "experiments/fetch/spelling.h"
#include "experiments/files/paths.h"

tr_status fetcher_open(program *p, const char *own, fetcher *out) {
  memset(out, 0, sizeof *out);
  out->program = p;
  return fetch_names_open(p->ctx, own, &out->names);
}

tr_status fetcher_know_places(fetcher *f) {
  if (!f->knows_places) TR_TRY(fetch_places_find(f->program->ctx, f->names, &f->places));
  f->knows_places = true;
  return TR_OK;
}

void fetcher_close(fetcher *f) {
  http_close(&f->http);
  fetch_names_close(&f->names);
}

/* It cannot be had: what is absent, why, and where it belongs. */
static tr_status absent(fetcher *f, const fetch_source *source, const char *why) {
  tr_ctx *ctx = f->program->ctx;
  const bool one = source->n_files == 1;
  const char *it = one ? "it" : "them";
  char words[200], folder[FETCH_PATH];
  TR_TRY(local_by_hand(ctx, &f->places, source, source->n_files, folder));
  return TR_FAIL(ctx, TR_E_IO, "%s%s%s %s not here (%s): fetch %s elsewhere and put %s into '%s'",
                 local_words(source, words, sizeof words), source->repo ? " of " : "",
                 source->repo ? source->repo : "", one ? "is" : "are", why, it, it, TR_SHOW(folder, 160));
}

/* ---- of the hub ---- */

static tr_status get_blob(fetcher *f, const fetch_source *source, const char *file, const hub_answer *a) {
  tr_ctx *ctx = f->program->ctx;
  char url[HTTP_URL], blob[FETCH_PATH], lock[FETCH_PATH];
  const bool is_digest = spelled_hex(a->etag, 64, 64) || spelled_hex(a->etag, 40, 40);
  TR_TRY(cache_blob(ctx, &f->places, source->repo, a->etag, blob));
  if (path_is_file(blob)) return TR_OK;
  TR_TRY(hub_url(ctx, &f->places, source->repo, a->commit, file, url));
  TR_TRY(cache_lock(ctx, &f->places, source->repo, a->etag, lock));
  if (!is_digest)
    tr_ctx_warn(ctx, "the hub tells no digest of %s: its size alone is checked", TR_SHOW(file, 120));
  return download(f->http, &(download_job){.url = url,
                                           .token = f->places.token,
                                           .shown = file,
                                           .path = blob,
                                           .lock = lock,
                                           .size = a->size,
                                           .digest = is_digest ? a->etag : NULL});
}

/* One file at a revision, unless *out says why not. */
static tr_status get_file(fetcher *f, const fetch_source *source, const char *revision, const char *file,
                          hub_answer *out) {
  char path[FETCH_PATH];
  tr_ctx *ctx = f->program->ctx;
  TR_TRY(hub_ask(f->http, &f->places, source->repo, revision, file, out));
  if (out->kind != HUB_FOUND) return TR_OK;
  TR_TRY(cache_file(ctx, &f->places, source->repo, out->commit, file, path));
  if (path_is_file(path)) return TR_OK;
  TR_TRY(get_blob(f, source, file, out));
  return cache_link(ctx, &f->places, source->repo, out->commit, file, out->etag);
}

/* The first of a file's names that the repository has. */
static tr_status get_any(fetcher *f, const fetch_source *source, const char *revision, const fetch_file *file,
                         hub_answer *out) {
  for (int i = 0; i < file->n; i++) {
    TR_TRY(get_file(f, source, revision, file->names[i], out));
    if (out->kind != HUB_ABSENT) return TR_OK;
  }
  return TR_OK;
}

/* All files, of one commit: that of the first. */
static tr_status get_files(fetcher *f, const fetch_source *source, hub_answer *out) {
  char commit[FETCH_COMMIT] = "";
  for (int i = 0; i < source->n_files; i++) {
    TR_TRY(get_any(f, source, *commit ? commit : source->revision, &source->files[i], out));
    if (out->kind != HUB_FOUND) return TR_OK;
    if (!*commit) memcpy(commit, out->commit, sizeof commit);
  }
  return TR_OK;
}

/* All that the repository has below the folder. */
static tr_status get_listed(fetcher *f, const fetch_source *source, const json_t *files, hub_answer *out) {
  char commit[FETCH_COMMIT];
  size_t i, n = 0;
  const json_t *one;
  memcpy(commit, out->commit, sizeof commit);
  json_array_foreach(files, i, one) {
    const char *name = json_string_value(one);
    if (strncmp(name, source->folder, strlen(source->folder)) != 0) continue;
    TR_TRY(get_file(f, source, commit, name, out));
    if (out->kind != HUB_FOUND) return TR_OK;
    n++;
  }
  if (n > 0) return TR_OK;
  out->kind = HUB_ABSENT;
  snprintf(out->why, sizeof out->why, "%s has no files below '%s'", source->repo,
           TR_SHOW(source->folder, 200));
  return TR_OK;
}

static tr_status get_folder(fetcher *f, const fetch_source *source, hub_answer *out) {
  json_t *files;
  TR_TRY(hub_list(f->http, &f->places, source->repo, source->revision, out, &files));
  if (out->kind != HUB_FOUND) return TR_OK;
  tr_status status = get_listed(f, source, files, out);
  json_decref(files);
  return status;
}

static tr_status get_from_hub(fetcher *f, const fetch_source *source, hub_answer *out,
                              char path[FETCH_PATH]) {
  tr_ctx *ctx = f->program->ctx;
  TR_TRY(source->n_files ? get_files(f, source, out) : get_folder(f, source, out));
  if (out->kind != HUB_FOUND) return TR_OK;
  if (strcmp(source->revision, out->commit) != 0)
    TR_TRY(cache_ref(ctx, &f->places, source->repo, source->revision, out->commit));
  TR_TRY(local_snapshot(ctx, &f->places, source, out->commit, path));
  return *path ? TR_OK : TR_FAIL(ctx, TR_E_IO, "what was fetched of %s is gone again", source->repo);
}

/* ---- of a URL ---- */

static tr_status get_url(fetcher *f, const fetch_source *source, char path[FETCH_PATH]) {
  tr_ctx *ctx = f->program->ctx;
  char lock[FETCH_PATH];
  TR_TRY(local_by_hand(ctx, &f->places, source, 0, path));
  TR_TRY(fetch_path(ctx, lock, "%s.lock", path));
  return download(f->http, &(download_job){.url = source->url,
                                           .shown = source->files[0].names[0],
                                           .path = path,
                                           .lock = lock,
                                           .lock_goes = true,
                                           .size = -1,
                                           .digest = source->sha256});
}

/* ---- whichever it is ---- */

static tr_status not_had(fetcher *f, const fetch_source *source, const char *why) {
  const char *near = source->listed ? NULL : fetch_names_near(f->names, source->name);
  return TR_FAIL(f->program->ctx, TR_E_IO, "%s%s%s%s", why, near ? "; did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
}

/* path: what is here, "": nothing; then what there is to take. */
static tr_status get(fetcher *f, const fetch_source *source, char path[FETCH_PATH]) {
  hub_answer answer = {0};
  if (!f->http) TR_TRY(http_open(f->program, f->places.patience, &f->http));
  if (source->url) return get_url(f, source, path);
  TR_TRY(get_from_hub(f, source, &answer, path));
  if (answer.kind == HUB_FOUND) return TR_OK;
  if (answer.kind == HUB_UNREACHABLE && !*path) return absent(f, source, answer.why);
  if (answer.kind != HUB_UNREACHABLE) return not_had(f, source, answer.why);
  tr_ctx_warn(f->program->ctx, "the hub cannot be asked (%s): what is here is taken", answer.why);
  return TR_OK;
}

/* Whether the hub may have a newer one than what is here. */
static bool may_be_older(const fetcher *f, const fetch_source *source, const char *here) {
  const size_t n = strlen(f->places.hub);
  return source->repo && strncmp(here, f->places.hub, n) == 0 && here[n] == '/';
}

tr_status fetcher_get(fetcher *f, const fetch_source *source, bool newest, char path[FETCH_PATH]) {
  TR_TRY(fetcher_know_places(f));
  TR_TRY(local_find(f->program->ctx, &f->places, source, path));
  const bool complete = *path && (source->n_files || !source->repo); /* all of a repository: the hub tells */
  if (complete && !(newest && may_be_older(f, source, path))) return TR_OK;
  if (f->places.offline) return *path ? TR_OK : absent(f, source, "HF_HUB_OFFLINE is set");
  if (!source->repo && !source->url) return absent(f, source, "its entry names no place to fetch it from");
  return get(f, source, path);
}
