#include "experiments/fetch/cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/io/file.h"
#include "core/text.h"
#include "experiments/fetch/spelling.h"
#include "experiments/files/paths.h"

/* "models--OWNER--NAME" */
static const char *folder_of(const char *repo, char text[FETCH_TEXT]) {
  const char *slash = strchr(repo, '/');
  snprintf(text, FETCH_TEXT, "models--%.*s--%s", (int)(slash - repo), repo, slash + 1);
  return text;
}

static tr_status within(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *kind,
                        const char *name, char path[FETCH_PATH]) {
  char folder[FETCH_TEXT];
  return fetch_path(ctx, path, "%s/%s/%s/%s", places->hub, folder_of(repo, folder), kind, name);
}

tr_status cache_commit(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *revision,
                       char commit[FETCH_COMMIT]) {
  char path[FETCH_PATH];
  *commit = 0;
  if (spelled_commit(revision)) return snprintf(commit, FETCH_COMMIT, "%s", revision), TR_OK;
  TR_TRY(within(ctx, places, repo, "refs", revision, path));
  FILE *in = fopen(path, "r");
  if (!in) return TR_OK;
  const size_t n = fread(commit, 1, FETCH_COMMIT - 1, in);
  fclose(in);
  commit[n] = 0;
  commit[strcspn(commit, " \r\n")] = 0;
  if (!spelled_commit(commit)) *commit = 0;
  return TR_OK;
}

tr_status cache_file(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *commit,
                     const char *file, char path[FETCH_PATH]) {
  char at[FETCH_PATH];
  TR_TRY(within(ctx, places, repo, "snapshots", commit, at));
  return fetch_path(ctx, path, "%s%s%s", at, *file ? "/" : "", file);
}

tr_status cache_blob(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *etag,
                     char path[FETCH_PATH]) {
  return within(ctx, places, repo, "blobs", etag, path);
}

tr_status cache_lock(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *etag,
                     char path[FETCH_PATH]) {
  char folder[FETCH_TEXT];
  return fetch_path(ctx, path, "%s/.locks/%s/%s.lock", places->hub, folder_of(repo, folder), etag);
}

tr_status cache_link(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *commit,
                     const char *file, const char *etag) {
  char path[FETCH_PATH], target[FETCH_PATH] = "../../";
  TR_TRY(cache_file(ctx, places, repo, commit, file, path));
  if (path_is_file(path)) return TR_OK;
  for (const char *c = file; *c; c++)
    if (*c == '/') strcat(target, "../");
  snprintf(target + strlen(target), FETCH_TEXT, "blobs/%s", etag);
  TR_TRY(fetch_make_parents(ctx, path));
  unlink(path); /* a link to what is no more */
  if (symlink(target, path) == 0 || (errno == EEXIST && path_is_file(path))) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "link '%s' cannot be made: %s", TR_SHOW(path, 300), strerror(errno));
}

static tr_status write_ref(tr_ctx *ctx, const char *path, const char *commit) {
  tr_out_file *file;
  TR_TRY(fetch_make_parents(ctx, path));
  TR_TRY(tr_out_file_open(ctx, path, &file));
  fputs(commit, tr_out_file_stream(file));
  return tr_out_file_commit(ctx, &file);
}

tr_status cache_ref(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *revision,
                    const char *commit) {
  char path[FETCH_PATH], before[FETCH_COMMIT];
  TR_TRY(cache_commit(ctx, places, repo, revision, before));
  if (strcmp(before, commit) == 0) return TR_OK; /* a cache that cannot be written will do then */
  TR_TRY(within(ctx, places, repo, "refs", revision, path));
  return write_ref(ctx, path, commit);
}
