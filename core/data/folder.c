/* Data sets of images in a folder and its sub-folders. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/data/dataset_private.h"
#include "core/io/image/jpeg.h"
#include "core/io/image/png.h"

typedef struct {
  char *path; /* from the folder that the user gave */
  int32_t label;
} entry;

typedef struct {
  tr_ctx *ctx;
  const char *root;
  entry *list;
  int64_t n, room;
  int64_t n_top, n_inside; /* of them beside the sub-folders and in them */
} listing;

static const char *ending_of(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot ? dot + 1 : "";
}

static bool is_png(const char *name) {
  return strcasecmp(ending_of(name), "png") == 0;
}

static bool is_jpeg(const char *name) {
  return strcasecmp(ending_of(name), "jpg") == 0 || strcasecmp(ending_of(name), "jpeg") == 0;
}

static tr_status join(tr_ctx *ctx, const char *a, const char *b, char **out) {
  size_t size = strlen(a) + strlen(b) + 2;
  *out = malloc(size);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
  snprintf(*out, size, "%s%s%s", a, *a ? "/" : "", b);
  return TR_OK;
}

static int visible(const struct dirent *e) {
  return e->d_name[0] != '.';
}

static tr_status append(listing *l, const char *folder, const char *name, int32_t label) {
  if (l->n == l->room) {
    int64_t room = l->room ? 2 * l->room : 64;
    entry *list = realloc(l->list, (size_t)room * sizeof *list);
    if (!list) return TR_FAIL(l->ctx, TR_E_MEM, "out of memory for %lld files", (long long)room);
    l->list = list;
    l->room = room;
  }
  TR_TRY(join(l->ctx, folder, name, &l->list[l->n].path));
  l->list[l->n++].label = label;
  *(*folder ? &l->n_inside : &l->n_top) += 1;
  return TR_OK;
}

static tr_status walk(listing *l, const char *folder, int32_t label);

/* The class of a sub-folder: its name where that is a number, else its place among the sub-folders. */
static int32_t class_of(const char *name, int32_t place) {
  char *end;
  long value = strtol(name, &end, 10);
  return *name && !*end && value >= 0 && value < 1000000000 ? (int32_t)value : place;
}

static tr_status visit(listing *l, const char *folder, const char *name, int32_t label, int32_t *place) {
  char *inner, *path = NULL;
  struct stat info;
  TR_TRY(join(l->ctx, folder, name, &inner));
  tr_status status = join(l->ctx, l->root, inner, &path);
  bool is_folder = status == TR_OK && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
  if (is_folder && !*folder) {
    status = walk(l, inner, class_of(name, (*place)++));
  } else if (status == TR_OK && !is_folder && (is_png(name) || is_jpeg(name))) {
    status = append(l, folder, name, label);
  }
  free(inner);
  free(path);
  return status;
}

/* A folder, sorted by name; sub-folders of the root only. */
static tr_status walk(listing *l, const char *folder, int32_t label) {
  char *path;
  struct dirent **names;
  int32_t place = 0;
  TR_TRY(join(l->ctx, l->root, folder, &path));
  int n = scandir(path, &names, visible, alphasort);
  tr_status status =
      n < 0 ? TR_FAIL(l->ctx, TR_E_IO, "'%s' cannot be listed: %s", path, strerror(errno)) : TR_OK;
  for (int i = 0; i < n; i++) {
    if (status == TR_OK) status = visit(l, folder, names[i]->d_name, label, &place);
    free(names[i]);
  }
  if (n >= 0) free(names);
  free(path);
  return status;
}

/* ---- classes ---- */

/* Files in the folder itself have no class, those in its sub-folders have. */
static tr_status check_places(const listing *l) {
  const char *top = NULL, *inside = NULL;
  if (!l->n_top || !l->n_inside) return TR_OK;
  for (int64_t i = l->n - 1; i >= 0; i--) *(strchr(l->list[i].path, '/') ? &inside : &top) = l->list[i].path;
  return TR_FAIL(
      l->ctx, TR_E_IO,
      "'%s' has images beside its sub-folders ('%s') and in them ('%s'): the first have no class, move "
      "them into a sub-folder or away",
      l->root, top, inside);
}

static size_t folder_length(const char *path) {
  return strcspn(path, "/");
}

static bool same_folder(const char *a, const char *b) {
  size_t length = folder_length(a);
  return length == folder_length(b) && strncmp(a, b, length) == 0;
}

static int by_label(const void *a, const void *b) {
  const entry *p = a, *q = b;
  if (p->label != q->label) return p->label < q->label ? -1 : 1;
  return strcmp(p->path, q->path);
}

static tr_status check_distinct(const listing *l, const entry *sorted) {
  for (int64_t i = 1; i < l->n; i++) {
    const entry *a = &sorted[i - 1], *b = &sorted[i];
    if (a->label == b->label && !same_folder(a->path, b->path))
      return TR_FAIL(
          l->ctx, TR_E_IO,
          "the sub-folders '%.*s' and '%.*s' of '%s' both have class %d (a number is the class, another name "
          "has its place): rename one",
          (int)folder_length(a->path), a->path, (int)folder_length(b->path), b->path, l->root, (int)a->label);
  }
  return TR_OK;
}

static tr_status check_classes(const listing *l) {
  TR_TRY(check_places(l));
  if (!l->n_inside) return TR_OK;
  entry *sorted = malloc((size_t)l->n * sizeof *sorted);
  if (!sorted) return TR_FAIL(l->ctx, TR_E_MEM, "out of memory for %lld files", (long long)l->n);
  memcpy(sorted, l->list, (size_t)l->n * sizeof *sorted);
  qsort(sorted, (size_t)l->n, sizeof *sorted, by_label);
  tr_status status = check_distinct(l, sorted);
  free(sorted);
  return status;
}

/* ---- pixels ---- */

/* Bytes (H, W, 3) of a file: grey is r = g = b. */
static tr_status read_image(const listing *l, const char *path, tr_image *image) {
  char *whole;
  TR_TRY(join(l->ctx, l->root, path, &whole));
  tr_status status =
      is_png(path) ? tr_png_read(l->ctx, whole, 3, image) : tr_jpeg_read(l->ctx, whole, 3, image);
  free(whole);
  return status;
}

static bool is_grey(const tr_image *image) {
  for (int64_t k = 0; k < 3 * image->height * image->width; k++)
    if (image->pixels[k] != image->pixels[k / 3 * 3]) return false;
  return true;
}

static void check_image(tr_dataset *out, int64_t i, const tr_image *image) {
  if (image->height != out->shape[1] || image->width != out->shape[2])
    tr_dataset_reject(out, i, "%lld x %lld pixels: this model takes %lld x %lld", (long long)image->height,
                      (long long)image->width, (long long)out->shape[1], (long long)out->shape[2]);
  else if (out->shape[0] == 1 && !is_grey(image))
    tr_dataset_reject(out, i, "colours: this model takes one channel, grey");
}

/* One file into row i; what is wrong with it is noted, the others are kept. */
static void take(const listing *l, tr_dataset *out, int64_t i) {
  tr_image image;
  const int64_t C = out->shape[0], pixels = out->shape[1] * out->shape[2];
  if (read_image(l, out->names[i], &image) != TR_OK) {
    tr_dataset_reject(out, i, "an error: %s", tr_ctx_error(l->ctx)->message);
    tr_ctx_clear(l->ctx);
    return;
  }
  check_image(out, i, &image);
  for (int64_t p = 0; p < pixels && !out->trouble[i]; p++)
    for (int64_t c = 0; c < C; c++) out->pixels[(i * C + c) * pixels + p] = image.pixels[p * 3 + c];
  free(image.pixels);
}

static tr_status take_all(listing *l, int64_t limit, tr_dataset *out) {
  if (l->n == 0)
    return TR_FAIL(l->ctx, TR_E_IO, "no .png or .jpg files in '%s' and its sub-folders", l->root);
  int64_t n = limit > 0 && limit < l->n ? limit : l->n;
  out->n = n;
  TR_TRY(tr_dataset_allocate(out, true, l->n_inside > 0));
  if (out->labels) out->labels_in = "the sub-folders of";
  out->names = calloc((size_t)n, sizeof *out->names);
  if (!out->names) return TR_FAIL(l->ctx, TR_E_MEM, "out of memory for %lld names", (long long)n);
  for (int64_t i = 0; i < n; i++) {
    out->names[i] = l->list[i].path;
    l->list[i].path = NULL;
    if (out->labels) out->labels[i] = l->list[i].label;
    take(l, out, i);
  }
  return TR_OK;
}

tr_status tr_dataset_open_folder(tr_dataset *out, int64_t limit) {
  TR_TRY(tr_dataset_takes_images(out));
  if (out->shape[0] != 1 && out->shape[0] != 3)
    return TR_FAIL(out->ctx, TR_E_SHAPE,
                   "'%s' holds images, this model takes latents of %lld channels: encode them first",
                   out->path, (long long)out->shape[0]);
  listing l = {.ctx = out->ctx, .root = out->path};
  tr_status status = walk(&l, "", 0);
  if (status == TR_OK) status = check_classes(&l);
  if (status == TR_OK) status = take_all(&l, limit, out);
  for (int64_t i = 0; i < l.n; i++) free(l.list[i].path);
  free(l.list);
  return status;
}
