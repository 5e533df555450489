#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/evaluate/pictures/source_private.h"

/* What transit leaves in its folders: the file that has all pictures, beside grids of them. */
static char *file_of_run(const char *folder) {
  static const char *const names[] = {"samples.npz", "images.npz"};
  const size_t size = strlen(folder) + 16;
  char *path = malloc(size);
  for (int i = 0; path && i < 2; i++) {
    snprintf(path, size, "%s/%s", folder, names[i]);
    if (access(path, F_OK) == 0) return path;
  }
  free(path);
  return NULL;
}

static tr_status open_kind(picture_source *s, const char *given) {
  struct stat info;
  if (stat(given, &info) != 0)
    return TR_FAIL(s->ctx, TR_E_IO, "%s: '%s' cannot be opened: %s", s->option, TR_SHOW(given, 200),
                   strerror(errno));
  const bool folder = S_ISDIR(info.st_mode);
  char *file = folder ? file_of_run(given) : NULL;
  s->path = file ? file : strdup(given);
  s->facts.path = s->path;
  if (!s->path) return TR_FAIL(s->ctx, TR_E_MEM, "out of memory for '%s'", TR_SHOW(given, 200));
  return folder && !file ? picture_folder_open(s) : picture_archive_open(s);
}

tr_status picture_source_open(tr_ctx *ctx, const char *option, const char *path, picture_source **out) {
  *out = NULL;
  picture_source *s = calloc(1, sizeof *s);
  if (!s) return TR_FAIL(ctx, TR_E_MEM, "out of memory for '%s'", TR_SHOW(path, 200));
  *s = (picture_source){.ctx = ctx, .option = option};
  tr_status status = open_kind(s, path);
  s->facts.labels = s->labels;
  if (status != TR_OK)
    picture_source_close(&s);
  else
    *out = s;
  return status;
}

void picture_source_close(picture_source **source) {
  picture_source *s = *source;
  if (!s) return;
  if (s->kind && s->own) s->kind->close(s);
  free(s->labels);
  free(s->path);
  free(s);
  *source = NULL;
}

const picture_facts *picture_source_facts(const picture_source *source) {
  return &source->facts;
}

tr_status picture_source_read(picture_source *source, int64_t n, uint8_t *levels) {
  if (n > source->facts.n - source->next)
    return TR_FAIL(source->ctx, TR_E_ARG, "%s: %lld pictures are asked for, and %lld are left",
                   source->option, (long long)n, (long long)(source->facts.n - source->next));
  TR_TRY(source->kind->read(source, n, levels));
  source->next += n;
  return TR_OK;
}

tr_status picture_source_rewind(picture_source *source) {
  source->next = 0;
  return source->kind->rewind(source);
}

void picture_source_skip(picture_source *source, int64_t n) {
  source->next += n;
}

tr_status picture_source_hash(picture_source *source, char hex[TR_SHA256_TEXT]) {
  return source->kind->hash(source, hex);
}
