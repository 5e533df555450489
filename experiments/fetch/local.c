#include "experiments/fetch/local.h"

#include <stdio.h>
#include <string.h>

#include "experiments/files/paths.h"

/* The first of a file's names that is there in a folder; NULL: none. */
static const char *there(const char *folder, const fetch_file *file) {
  char path[FETCH_PATH];
  for (int i = 0; i < file->n; i++) {
    const int length = snprintf(path, sizeof path, "%s/%s", folder, file->names[i]);
    if (length < FETCH_PATH && path_is_file(path)) return file->names[i];
  }
  return NULL;
}

/* Within `root`: the file, or the folder of the first of several. */
static tr_status result(tr_ctx *ctx, const char *root, const fetch_source *source, const char *first,
                        char path[FETCH_PATH]) {
  TR_TRY(fetch_path(ctx, path, "%s/%s", root, first));
  if (source->n_files != 1) *strrchr(path, '/') = 0;
  return TR_OK;
}

static tr_status within(tr_ctx *ctx, const char *root, const fetch_source *source, char path[FETCH_PATH]) {
  char all[FETCH_PATH];
  const char *first = source->n_files ? there(root, &source->files[0]) : source->folder;
  *path = 0;
  for (int i = 0; i < source->n_files; i++)
    if (!there(root, &source->files[i])) return TR_OK;
  if (source->n_files) return result(ctx, root, source, first, path);
  TR_TRY(fetch_path(ctx, all, "%s/%s", root, first));
  return path_is_folder(all) ? result(ctx, root, source, first, path) : TR_OK;
}

tr_status local_snapshot(tr_ctx *ctx, const fetch_places *places, const fetch_source *source,
                         const char *commit, char path[FETCH_PATH]) {
  char root[FETCH_PATH];
  TR_TRY(cache_file(ctx, places, source->repo, commit, "", root));
  return within(ctx, root, source, path);
}

static tr_status find_cached(tr_ctx *ctx, const fetch_places *places, const fetch_source *source,
                             char path[FETCH_PATH]) {
  char commit[FETCH_COMMIT];
  *path = 0;
  if (source->url && strcmp(source->cache, "torch") == 0) return within(ctx, places->torch, source, path);
  if (!source->repo) return TR_OK;
  TR_TRY(cache_commit(ctx, places, source->repo, source->revision, commit));
  return *commit ? local_snapshot(ctx, places, source, commit, path) : TR_OK;
}

/* OWN/OWNER/NAME, OWN, or torch.hub's folder. */
static tr_status hand_root(tr_ctx *ctx, const fetch_places *places, const fetch_source *source,
                           char path[FETCH_PATH]) {
  if (source->url && strcmp(source->cache, "torch") == 0) return fetch_path(ctx, path, "%s", places->torch);
  return fetch_path(ctx, path, "%s%s%s", places->own, source->repo ? "/" : "",
                    source->repo ? source->repo : "");
}

static tr_status find_by_hand(tr_ctx *ctx, const fetch_places *places, const fetch_source *source,
                              char path[FETCH_PATH]) {
  char root[FETCH_PATH];
  TR_TRY(hand_root(ctx, places, source, root));
  return within(ctx, root, source, path);
}

tr_status local_find(tr_ctx *ctx, const fetch_places *places, const fetch_source *source,
                     char path[FETCH_PATH]) {
  TR_TRY(find_cached(ctx, places, source, path));
  if (!*path && (source->repo || source->url)) TR_TRY(find_by_hand(ctx, places, source, path));
  for (int i = 0; !*path && i < source->n_also; i++)
    if ((source->n_files <= 1 && path_is_file(source->also[i])) ||
        (source->n_files != 1 && path_is_folder(source->also[i])))
      TR_TRY(fetch_path(ctx, path, "%s", source->also[i]));
  return TR_OK;
}

tr_status local_by_hand(tr_ctx *ctx, const fetch_places *places, const fetch_source *source, int i,
                        char path[FETCH_PATH]) {
  char root[FETCH_PATH];
  TR_TRY(hand_root(ctx, places, source, root));
  return fetch_path(ctx, path, "%s/%s", root,
                    i < source->n_files ? source->files[i].names[0] : source->folder);
}

const char *local_words(const fetch_source *source, char *text, size_t size) {
  size_t used = 0;
  const char *none = *source->folder ? source->folder : source->repo ? "all files" : source->also[0];
  snprintf(text, size, "%s", source->n_files ? "" : none);
  for (int i = 0; i < source->n_files && used < size; i++) {
    const char *name = source->files[i].names[0];
    used += (size_t)snprintf(text + used, size - used, "%s%s",
                             i == 0                    ? ""
                             : i + 1 < source->n_files ? ", "
                                                       : " and ",
                             name);
  }
  return text;
}
