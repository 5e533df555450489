/* Pictures as files of a folder. */
#include <stdlib.h>
#include <string.h>

#include "core/data/listing_private.h"
#include "core/io/image/image.h"
#include "core/text.h"
#include "experiments/evaluate/pictures/source_private.h"

typedef struct {
  tr_listing list;
} folder;

/* Picture i; height and width 0: of any size. */
static tr_status read_file(const picture_source *s, int64_t i, int64_t height, int64_t width, tr_image *out) {
  const folder *f = s->own;
  char *path;
  *out = (tr_image){0};
  TR_TRY(tr_path_join(s->ctx, s->facts.path, f->list.list[i].path, &path));
  tr_status status = tr_image_read(s->ctx, path, 3, height, width, out);
  free(path);
  return status;
}

static tr_status mixed(const picture_source *s, int64_t i, const tr_image *image) {
  const folder *f = s->own;
  tr_ctx_clear(s->ctx);
  return TR_FAIL(
      s->ctx, TR_E_SHAPE,
      "%s: '%s' in '%s' has %lld x %lld pixels and '%s' %lld x %lld: all pictures must have one size",
      s->option, TR_SHOW(f->list.list[i].path, 120), TR_SHOW(s->facts.path, 120), (long long)image->height,
      (long long)image->width, TR_SHOW(f->list.list[0].path, 120), (long long)s->facts.height,
      (long long)s->facts.width);
}

static tr_status folder_read(picture_source *s, int64_t n, uint8_t *levels) {
  const int64_t one = s->facts.height * s->facts.width * 3;
  for (int64_t k = 0; k < n; k++) {
    tr_image image;
    const tr_status status = read_file(s, s->next + k, s->facts.height, s->facts.width, &image);
    if (status == TR_E_SHAPE) return mixed(s, s->next + k, &image);
    TR_TRY(status);
    memcpy(levels + k * one, image.pixels, (size_t)one);
    free(image.pixels);
  }
  return TR_OK;
}

static tr_status folder_rewind(picture_source *s) {
  (void)s; /* the number of the next picture is all */
  return TR_OK;
}

static tr_status folder_hash(picture_source *s, char hex[TR_SHA256_TEXT]) {
  const folder *f = s->own;
  char digest[TR_SHA256_TEXT], *path, *text = NULL;
  size_t size = 0;
  FILE *lines = open_memstream(&text, &size);
  if (!lines)
    return TR_FAIL(s->ctx, TR_E_MEM, "out of memory for the digests of '%s'", TR_SHOW(s->facts.path, 200));
  tr_status status = TR_OK;
  for (int64_t i = 0; i < f->list.n && status == TR_OK; i++) {
    status = tr_path_join(s->ctx, s->facts.path, f->list.list[i].path, &path);
    if (status != TR_OK) break;
    status = tr_sha256_file(s->ctx, path, digest);
    fprintf(lines, "%s  %s\n", digest, f->list.list[i].path);
    free(path);
  }
  if (fclose(lines) != 0 && status == TR_OK)
    status = TR_FAIL(s->ctx, TR_E_MEM, "out of memory for the digests of '%s'", TR_SHOW(s->facts.path, 200));
  const tr_file_map whole = {
      .data = (const unsigned char *)text, .size = size, .path = (char *)(uintptr_t)s->facts.path};
  if (status == TR_OK) status = tr_sha256_map(s->ctx, &whole, hex);
  free(text);
  return status;
}

static void folder_close(picture_source *s) {
  folder *f = s->own;
  tr_listing_close(&f->list);
  free(f);
}

static const picture_kind kind = {folder_read, folder_rewind, folder_hash, folder_close};

static tr_status take_labels(picture_source *s, const folder *f) {
  if (f->list.n_inside == 0) return TR_OK;
  s->labels = malloc((size_t)f->list.n * sizeof *s->labels);
  if (!s->labels) return TR_FAIL(s->ctx, TR_E_MEM, "out of memory for %lld labels", (long long)f->list.n);
  for (int64_t i = 0; i < f->list.n; i++) s->labels[i] = f->list.list[i].label;
  return TR_OK;
}

tr_status picture_folder_open(picture_source *s) {
  tr_image image;
  folder *f = calloc(1, sizeof *f);
  if (!f) return TR_FAIL(s->ctx, TR_E_MEM, "out of memory for '%s'", TR_SHOW(s->facts.path, 200));
  s->kind = &kind;
  s->own = f;
  TR_TRY(tr_listing_open(s->ctx, s->facts.path, &f->list));
  TR_TRY(read_file(s, 0, 0, 0, &image));
  free(image.pixels);
  s->facts.n = f->list.n, s->facts.height = image.height, s->facts.width = image.width;
  return take_labels(s, f);
}
