#include "core/data/source_private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io/image/image.h"
#include "core/io/image/resample.h"
#include "core/text.h"

/* ---- arrays ---- */

/* What cannot be used is left out, or an error where `strict`. */
static tr_status find_usable(tr_source *s, bool strict) {
  const tr_dataset *set = &s->set;
  char name[300];
  s->usable = malloc((size_t)set->n * sizeof *s->usable);
  if (!s->usable) return TR_FAIL(s->ctx, TR_E_MEM, "out of memory for %lld inputs", (long long)set->n);
  for (int64_t i = 0; i < set->n; i++) {
    if (!set->trouble[i]) {
      s->usable[s->about.n++] = i;
      continue;
    }
    if (strict)
      return TR_FAIL(s->ctx, TR_E_IO, "%s of '%s' cannot be used: it has %s",
                     tr_dataset_name(set, i, name, sizeof name), TR_SHOW(s->path, 200), set->trouble[i]);
    if (s->about.left_out++ == 0)
      tr_ctx_warn(s->ctx, "%s is left out: it has %s", tr_dataset_name(set, i, name, sizeof name),
                  set->trouble[i]);
  }
  if (s->about.left_out > 1) tr_ctx_warn(s->ctx, "%lld inputs are left out", (long long)s->about.left_out);
  return TR_OK;
}

static tr_status find_classes(tr_source *s) {
  double most = -1;
  for (int64_t i = 0; i < s->about.n; i++) {
    const double label = s->set.labels[s->usable[i]];
    if (!(label >= 0 && label < TR_LOADER_CLASSES && label == rint(label)))
      return TR_FAIL(s->ctx, TR_E_ARG,
                     "input %lld of '%s' has class %.15g: classes are whole numbers from 0 to %d",
                     (long long)s->usable[i], TR_SHOW(s->path, 200), label, TR_LOADER_CLASSES - 1);
    most = fmax(most, label);
  }
  s->about.classes = (int64_t)most + 1;
  return TR_OK;
}

static tr_status check_size(const tr_source *s, int64_t size) {
  const int64_t *shape = s->about.shape;
  if (size == 0 || (s->about.ndim == 3 && shape[1] == size && shape[2] == size)) return TR_OK;
  if (s->about.ndim == 1)
    return TR_FAIL(s->ctx, TR_E_ARG, "images of size %lld are asked for: '%s' holds vectors", (long long)size,
                   TR_SHOW(s->path, 200));
  return TR_FAIL(s->ctx, TR_E_ARG, "images of size %lld are asked for: '%s' holds states of %lld x %lld",
                 (long long)size, TR_SHOW(s->path, 200), (long long)shape[1], (long long)shape[2]);
}

static tr_status open_arrays(tr_source *s, const tr_loader_options *o) {
  TR_TRY(tr_dataset_open(s->ctx, s->path, 0, NULL, 0, &s->set));
  s->about.ndim = s->set.ndim;
  memcpy(s->about.shape, s->set.shape, sizeof s->about.shape);
  s->about.in_memory = true;
  TR_TRY(check_size(s, o->image_size));
  TR_TRY(find_usable(s, o->strict));
  s->labelled = s->set.labels != NULL;
  return s->labelled ? find_classes(s) : TR_OK;
}

/* ---- folders ---- */

static tr_status check_folder(const tr_source *s) {
  const tr_listing *l = &s->files;
  if (l->empty && l->n_inside)
    return TR_FAIL(s->ctx, TR_E_IO,
                   "the class folder '%s' of '%s' has no .png or .jpg files: fill it or take it away",
                   TR_SHOW(l->empty, 100), TR_SHOW(s->path, 200));
  for (int64_t i = 0; i < l->n; i++)
    if (l->list[i].label >= TR_LOADER_CLASSES)
      return TR_FAIL(s->ctx, TR_E_ARG, "'%s' of '%s' has class %d: classes are 0 to %d",
                     TR_SHOW(l->list[i].path, 100), TR_SHOW(s->path, 200), (int)l->list[i].label,
                     TR_LOADER_CLASSES - 1);
  return TR_OK;
}

static tr_status open_folder(tr_source *s, const tr_loader_options *o) {
  if (o->image_size == 0)
    return TR_FAIL(s->ctx, TR_E_ARG, "'%s' is a folder of images: image_size says what size they get",
                   TR_SHOW(s->path, 200));
  TR_TRY(tr_listing_open(s->ctx, s->path, &s->files));
  TR_TRY(check_folder(s));
  s->labelled = s->files.n_inside > 0;
  s->about.n = s->files.n;
  s->about.ndim = 3;
  s->about.shape[0] = 3;
  s->about.shape[1] = s->about.shape[2] = o->image_size;
  for (int64_t i = 0; i < s->files.n && s->labelled; i++)
    if (s->files.list[i].label >= s->about.classes) s->about.classes = s->files.list[i].label + 1;
  return TR_OK;
}

/* A line of a pixel's breadth would grow to thousands of times its size, most of which is cut off again. */
static tr_status check_sides(tr_ctx *ctx, const char *path, const tr_image *image, int64_t size) {
  const double height = (double)image->height, width = (double)image->width,
               pixels = fmax(height, width) / fmin(height, width) * (double)(size * size);
  if (pixels <= (double)TR_IMAGE_MOST) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_IO,
      "'%s' has %lld x %lld pixels: more than %lld, which are not made, with %lld on the shorter side", path,
      (long long)image->height, (long long)image->width, (long long)TR_IMAGE_MOST, (long long)size);
}

tr_status tr_source_picture(const tr_source *s, tr_ctx *ctx, int64_t i, uint8_t **out) {
  char *path;
  tr_image image, cropped = {0};
  TR_TRY(tr_path_join(ctx, s->path, s->files.list[i].path, &path));
  tr_status status = tr_image_read_rgb(ctx, path, &image);
  if (status == TR_OK) status = check_sides(ctx, path, &image, s->about.shape[1]);
  if (status == TR_OK) status = tr_image_centre_crop(ctx, &image, s->about.shape[1], &cropped);
  free(path);
  free(image.pixels);
  *out = cropped.pixels;
  return status;
}

/* ---- either ---- */

tr_status tr_source_open(tr_ctx *ctx, const char *path, const tr_loader_options *options, tr_source *out) {
  struct stat info;
  out->ctx = ctx;
  out->path = strdup(path);
  if (!out->path) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
  if (stat(path, &info) != 0) return TR_FAIL(ctx, TR_E_IO, "'%s': %s", TR_SHOW(path, 300), strerror(errno));
  out->is_folder = S_ISDIR(info.st_mode);
  TR_TRY((out->is_folder ? open_folder : open_arrays)(out, options));
  if (options->flip && out->about.ndim == 1)
    return TR_FAIL(ctx, TR_E_ARG, "vectors are not mirrored: '%s' holds no images", TR_SHOW(path, 200));
  return TR_OK;
}

void tr_source_close(tr_source *s) {
  tr_listing_close(&s->files);
  tr_dataset_close(&s->set);
  free(s->usable);
  free(s->path);
  *s = (tr_source){0};
}

static void put(tr_dtype dtype, void *out, int64_t at, double value) {
  if (dtype == TR_F64)
    ((double *)out)[at] = value;
  else
    ((float *)out)[at] = (float)value;
}

/* Every line of a row the other way round. */
static void mirror(const tr_source *s, tr_dtype dtype, void *row) {
  const int64_t *shape = s->about.shape;
  const size_t size = tr_dtype_size(dtype);
  char held[8], *line = row;
  for (int64_t i = 0; i < shape[0] * shape[1]; i++, line += (size_t)shape[2] * size)
    for (char *a = line, *b = line + (size_t)(shape[2] - 1) * size; a < b; a += size, b -= size) {
      memcpy(held, a, size);
      memcpy(a, b, size);
      memcpy(b, held, size);
    }
}

static double value_of_level(uint8_t level) {
  return level / TR_BINS_PER_UNIT - 1;
}

static void picture_row(const tr_source *s, const uint8_t *picture, tr_dtype dtype, void *out) {
  const int64_t pixels = s->about.shape[1] * s->about.shape[2];
  double values[256];
  for (int level = 0; level < 256; level++) values[level] = value_of_level((uint8_t)level);
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t c = 0; c < 3; c++) put(dtype, out, c * pixels + p, values[picture[3 * p + c]]);
}

static void array_row(const tr_dataset *set, int64_t i, tr_dtype dtype, void *out) {
  const int64_t row = tr_dataset_row(set);
  if (set->pixels) {
    for (int64_t k = 0; k < row; k++) put(dtype, out, k, value_of_level(set->pixels[i * row + k]));
    return;
  }
  const tr_dtype type = set->numbers.dtype;
  const char *from = (const char *)set->numbers.data + (size_t)(i * row) * tr_dtype_size(type);
  if (dtype == TR_F64)
    tr_dtype_to_f64(type, row, from, out);
  else
    tr_dtype_to_f32(type, row, from, out);
}

void tr_source_row(const tr_source *s, int64_t i, const uint8_t *picture, bool flip, tr_dtype dtype,
                   void *out) {
  if (s->is_folder)
    picture_row(s, picture, dtype, out);
  else
    array_row(&s->set, s->usable[i], dtype, out);
  if (flip) mirror(s, dtype, out);
}

int32_t tr_source_label(const tr_source *s, int64_t i) {
  if (!s->labelled) return 0;
  return s->is_folder ? s->files.list[i].label : (int32_t)s->set.labels[s->usable[i]];
}

/* ---- the digest ---- */

static tr_status digest_bytes(tr_ctx *ctx, const void *bytes, size_t size, char hex[TR_SHA256_TEXT]) {
  const tr_file_map map = {.data = bytes, .size = size};
  return tr_sha256_map(ctx, &map, hex);
}

/* That of the digests of numbers and labels. */
static tr_status digest_arrays(const tr_source *s, char hex[TR_SHA256_TEXT]) {
  const tr_dataset *set = &s->set;
  const size_t n = (size_t)(set->n * tr_dataset_row(set));
  char both[2 * TR_SHA256_TEXT] = "";
  TR_TRY(digest_bytes(s->ctx, set->pixels ? (const void *)set->pixels : set->numbers.data,
                      set->pixels ? n : n * tr_dtype_size(set->numbers.dtype), both));
  if (set->labels)
    TR_TRY(digest_bytes(s->ctx, set->labels, (size_t)set->n * sizeof *set->labels, both + strlen(both)));
  return digest_bytes(s->ctx, both, strlen(both), hex);
}

/* Names end with a NUL: they may hold ends of lines. */
static tr_status digest_list(const tr_source *s, char hex[TR_SHA256_TEXT]) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  for (int64_t i = 0; i < s->files.n && out; i++) {
    const tr_picture_file *file = &s->files.list[i];
    fprintf(out, "%d %lld %s%c", s->labelled ? (int)file->label : -1, (long long)file->size, file->path, 0);
  }
  const bool whole = out && fclose(out) == 0;
  tr_status status =
      whole ? digest_bytes(s->ctx, text, size, hex)
            : TR_FAIL(s->ctx, TR_E_MEM, "out of memory for a list of %lld pictures", (long long)s->files.n);
  free(text);
  return status;
}

tr_status tr_source_digest(const tr_source *s, char hex[TR_SHA256_TEXT]) {
  return (s->is_folder ? digest_list : digest_arrays)(s, hex);
}
