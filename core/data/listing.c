#include "core/data/listing_private.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/io/image/read_private.h"
#include "core/text.h"

tr_status tr_path_join(tr_ctx *ctx, const char *a, const char *b, char **out) {
  size_t size = strlen(a) + strlen(b) + 2;
  *out = malloc(size);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
  snprintf(*out, size, "%s%s%s", a, *a ? "/" : "", b);
  return TR_OK;
}

static const char *ending_of(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot && dot != name ? dot + 1 : "";
}

static bool is_named_as_picture(const char *name) {
  const char *ending = ending_of(name);
  return strcasecmp(ending, "png") == 0 || strcasecmp(ending, "jpg") == 0 || strcasecmp(ending, "jpeg") == 0;
}

/* ---- what is said of it ---- */

#define KINDS_MAX  8
#define ENDING_MAX 8 /* characters */

typedef struct tr_listing_notes {
  int64_t n, others; /* all; of kinds that found no room */
  int n_kinds;
  struct {
    char name[24];
    int64_t n;
  } kinds[KINDS_MAX];
  int64_t irregular, loops;
  char *first_irregular, *first_loop;
  char *number; /* the first sub-folder whose number is not its place */
  int32_t number_is, number_place;
} notes;

/* ".webp", or what the content is of a file without an ending. */
static void kind_of(tr_ctx *ctx, const char *path, const char *name, char *kind, size_t size) {
  const char *ending = ending_of(name), *format;
  size_t length = strlen(ending);
  bool plain = length > 0 && length <= ENDING_MAX;
  for (size_t i = 0; plain && i < length; i++) plain = isalnum((unsigned char)ending[i]);
  if (!plain && (format = tr_image_format_of(ctx, path)))
    snprintf(kind, size, "%s", format);
  else
    snprintf(kind, size, "%s%s", plain ? "." : "without an ending", plain ? ending : "");
  for (char *c = kind; plain && *c; c++) *c = (char)tolower((unsigned char)*c);
}

static void count_kind(notes *l, const char *kind) {
  int k = 0;
  while (k < l->n_kinds && strcmp(l->kinds[k].name, kind) != 0) k++;
  l->n++;
  if (k == KINDS_MAX) {
    l->others++;
    return;
  }
  if (k == l->n_kinds) snprintf(l->kinds[l->n_kinds++].name, sizeof l->kinds[k].name, "%s", kind);
  l->kinds[k].n++;
}

static void count_named(int64_t *n, char **first, const char *path) {
  if (!*first) *first = strdup(path);
  ++*n;
}

/* "3 .webp, 1 .txt" */
static void say_kinds(const notes *l, char *text, size_t size) {
  size_t used = 0;
  *text = 0;
  for (int k = 0; k < l->n_kinds && used < size; k++)
    used += (size_t)snprintf(text + used, size - used, "%s%lld %s", k ? ", " : "", (long long)l->kinds[k].n,
                             l->kinds[k].name);
  if (l->others && used < size) snprintf(text + used, size - used, ", %lld others", (long long)l->others);
}

static void warn_of_notes(const tr_listing *t) {
  const notes *l = t->notes;
  char kinds[300];
  say_kinds(l, kinds, sizeof kinds);
  if (l->n)
    tr_ctx_warn(t->ctx, "'%s': %lld file%s left out, neither PNG nor JPEG: %s", TR_SHOW(t->root, 160),
                (long long)l->n, l->n == 1 ? " is" : "s are", kinds);
  if (l->irregular)
    tr_ctx_warn(t->ctx, "'%s': '%s'%s left out, no regular file", TR_SHOW(t->root, 160),
                l->first_irregular ? TR_SHOW(l->first_irregular, 160) : "",
                l->irregular == 1 ? " is" : " and others are");
  if (l->loops)
    tr_ctx_warn(t->ctx, "'%s': '%s'%s left out, a link to a folder that it lies in", TR_SHOW(t->root, 160),
                l->first_loop ? TR_SHOW(l->first_loop, 160) : "", l->loops == 1 ? " is" : " and others are");
  if (l->number && t->n_inside)
    tr_ctx_warn(t->ctx,
                "'%s': the sub-folder '%s' is class %d, its number; torchvision, which counts the names "
                "sorted as text, "
                "makes it class %d",
                TR_SHOW(t->root, 160), TR_SHOW(l->number, 80), (int)l->number_is, (int)l->number_place);
}

/* ---- walking ---- */

/* The folders from the root down to the one at hand. */
typedef struct chain {
  const struct chain *above;
  dev_t device;
  ino_t inode;
} chain;

static bool is_among(const chain *c, const struct stat *info) {
  for (; c; c = c->above)
    if (c->device == info->st_dev && c->inode == info->st_ino) return true;
  return false;
}

static int visible(const struct dirent *e) {
  return e->d_name[0] != '.';
}

/* As text, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static tr_status append(tr_listing *l, const char *folder, const char *name, int32_t label, int64_t size) {
  if (l->n == l->room) {
    int64_t room = l->room ? 2 * l->room : 64;
    tr_picture_file *list = realloc(l->list, (size_t)room * sizeof *list);
    if (!list) return TR_FAIL(l->ctx, TR_E_MEM, "out of memory for %lld files", (long long)room);
    l->list = list;
    l->room = room;
  }
  tr_picture_file *file = &l->list[l->n];
  *file = (tr_picture_file){.folder = strlen(folder), .label = label, .size = size};
  TR_TRY(tr_path_join(l->ctx, folder, name, &file->path));
  l->n++;
  *(*folder ? &l->n_inside : &l->n_top) += 1;
  return TR_OK;
}

/* The class of a sub-folder: its name where that is a number, else its place among the sub-folders. */
static int32_t class_of(notes *l, const char *name, int32_t place) {
  char *end;
  long value = strtol(name, &end, 10);
  if (*end || value < 0 || value >= 1000000000) return place;
  if (value != place && !l->number) {
    l->number = strdup(name);
    l->number_is = (int32_t)value;
    l->number_place = place;
  }
  return (int32_t)value;
}

static tr_status walk(tr_listing *l, const char *folder, int32_t label, const chain *above);

static tr_status visit_folder(tr_listing *l, const char *folder, const char *inner, const char *name,
                              const struct stat *info, int32_t label, int32_t *place, const chain *above) {
  const chain here = {.above = above, .device = info->st_dev, .inode = info->st_ino};
  if (is_among(above, info)) {
    count_named(&l->notes->loops, &l->notes->first_loop, inner);
    return TR_OK;
  }
  if (*folder) return walk(l, inner, label, &here);
  const int64_t before = l->n;
  TR_TRY(walk(l, inner, class_of(l->notes, name, (*place)++), &here));
  if (l->n == before && !l->empty) l->empty = strdup(name);
  return TR_OK;
}

/* What cannot be looked at is taken for what its name says: reading it then says why it cannot be. */
static tr_status visit_file(tr_listing *l, const char *folder, const char *inner, const char *path,
                            const char *name, const struct stat *info, int32_t label) {
  char kind[24];
  const int64_t size = info ? (int64_t)info->st_size : 0;
  if (info && !S_ISREG(info->st_mode)) {
    count_named(&l->notes->irregular, &l->notes->first_irregular, inner);
    return TR_OK;
  }
  if (is_named_as_picture(name)) return append(l, folder, name, label, size);
  const char *format = info ? tr_image_format_of(l->ctx, path) : NULL;
  if (format && (strcmp(format, "PNG") == 0 || strcmp(format, "JPEG") == 0))
    return append(l, folder, name, label, size);
  kind_of(l->ctx, path, name, kind, sizeof kind);
  count_kind(l->notes, kind);
  return TR_OK;
}

static tr_status visit(tr_listing *l, const char *folder, const char *name, int32_t label, int32_t *place,
                       const chain *above) {
  char *inner, *path = NULL;
  struct stat info;
  TR_TRY(tr_path_join(l->ctx, folder, name, &inner));
  tr_status status = tr_path_join(l->ctx, l->root, inner, &path);
  if (status == TR_OK) {
    bool there = stat(path, &info) == 0;
    status = there && S_ISDIR(info.st_mode)
                 ? visit_folder(l, folder, inner, name, &info, label, place, above)
                 : visit_file(l, folder, inner, path, name, there ? &info : NULL, label);
  }
  free(inner);
  free(path);
  return status;
}

static tr_status walk(tr_listing *l, const char *folder, int32_t label, const chain *above) {
  char *path;
  struct dirent **names;
  int32_t place = 0;
  TR_TRY(tr_path_join(l->ctx, l->root, folder, &path));
  int n = scandir(path, &names, visible, by_name);
  tr_status status =
      n < 0 ? TR_FAIL(l->ctx, TR_E_IO, "'%s' cannot be listed: %s", path, strerror(errno)) : TR_OK;
  for (int i = 0; i < n; i++) {
    if (status == TR_OK) status = visit(l, folder, names[i]->d_name, label, &place, above);
    free(names[i]);
  }
  if (n >= 0) free(names);
  free(path);
  return status;
}

/* ---- order and classes ---- */

static size_t class_length(const tr_picture_file *f) {
  return f->folder ? strcspn(f->path, "/") : 0;
}

static int compare_parts(const char *a, size_t a_length, const char *b, size_t b_length) {
  int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
  return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* By sub-folder, within it by folder and then by name: as torchvision goes. */
static int by_place(const void *a, const void *b) {
  const tr_picture_file *p = a, *q = b;
  int order = compare_parts(p->path, class_length(p), q->path, class_length(q));
  if (order == 0) order = compare_parts(p->path, p->folder, q->path, q->folder);
  return order ? order : strcmp(p->path + p->folder, q->path + q->folder);
}

static int by_label(const void *a, const void *b) {
  const tr_picture_file *p = a, *q = b;
  if (p->label != q->label) return p->label < q->label ? -1 : 1;
  return by_place(a, b);
}

/* Files in the folder itself have no class, those in its sub-folders have. */
static tr_status check_places(const tr_listing *l) {
  const char *top = NULL, *inside = NULL;
  if (!l->n_top || !l->n_inside) return TR_OK;
  for (int64_t i = l->n - 1; i >= 0; i--) *(l->list[i].folder ? &inside : &top) = l->list[i].path;
  return TR_FAIL(
      l->ctx, TR_E_IO,
      "'%s' has images beside its sub-folders ('%s') and in them ('%s'): the first have no class, move "
      "them into a sub-folder or away",
      l->root, top, inside);
}

/* Of files sorted by label. */
static tr_status check_distinct(const tr_listing *l) {
  for (int64_t i = 1; i < l->n && l->n_inside; i++) {
    const tr_picture_file *a = &l->list[i - 1], *b = &l->list[i];
    const size_t of_a = class_length(a), of_b = class_length(b);
    if (a->label == b->label && compare_parts(a->path, of_a, b->path, of_b) != 0)
      return TR_FAIL(
          l->ctx, TR_E_IO,
          "the sub-folders '%.*s' and '%.*s' of '%s' both have class %d (a number is the class, another name "
          "has its place): rename one",
          (int)of_a, a->path, (int)of_b, b->path, l->root, (int)a->label);
  }
  return TR_OK;
}

/* ---- the whole ---- */

static tr_status list_all(tr_listing *l) {
  struct stat info;
  if (stat(l->root, &info) != 0)
    return TR_FAIL(l->ctx, TR_E_IO, "'%s' cannot be listed: %s", l->root, strerror(errno));
  const chain root = {.device = info.st_dev, .inode = info.st_ino};
  TR_TRY(walk(l, "", 0, &root));
  warn_of_notes(l);
  TR_TRY(check_places(l));
  if (l->n == 0)
    return TR_FAIL(l->ctx, TR_E_IO, "no .png or .jpg files in '%s' and its sub-folders", l->root);
  qsort(l->list, (size_t)l->n, sizeof *l->list, by_label);
  TR_TRY(check_distinct(l));
  qsort(l->list, (size_t)l->n, sizeof *l->list, by_place);
  return TR_OK;
}

tr_status tr_listing_open(tr_ctx *ctx, const char *root, tr_listing *out) {
  *out = (tr_listing){.ctx = ctx, .root = root, .notes = calloc(1, sizeof *out->notes)};
  if (!out->notes) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the files of '%s'", root);
  return list_all(out);
}

void tr_listing_close(tr_listing *l) {
  for (int64_t i = 0; i < l->n; i++) free(l->list[i].path);
  free(l->list);
  free(l->empty);
  if (l->notes) {
    free(l->notes->first_irregular);
    free(l->notes->first_loop);
    free(l->notes->number);
  }
  free(l->notes);
  *l = (tr_listing){0};
}
