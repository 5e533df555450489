#include "experiments/input/dataset.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io/npz.h"
#include "experiments/input/model.h"
#include "transport/likelihood/dequantise.h"

#define FAR_OUT 4.0 /* pixels in [-1, 1], samples of them a little beyond; 0 to 255 is a mistake */

int64_t dataset_row(const dataset *data) {
  return data->shape[0] * data->shape[1] * data->shape[2];
}

const char *dataset_name(const dataset *data, int64_t i, char *text, size_t size) {
  if (data->names && data->names[i])
    snprintf(text, size, "'%s'", data->names[i]);
  else
    snprintf(text, size, "input %lld", (long long)i);
  return text;
}

void dataset_reject(dataset *data, int64_t i, const char *format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (!data->trouble[i]) data->trouble[i] = strdup(text);
}

tr_status dataset_allocate(tr_ctx *ctx, dataset *data, bool pixels, bool labels) {
  size_t n = (size_t)data->n, count = n * (size_t)dataset_row(data);
  if (pixels)
    data->pixels = calloc(count, 1);
  else
    data->values = malloc(count * sizeof *data->values);
  if (labels) data->labels = calloc(n, sizeof *data->labels);
  data->trouble = calloc(n, sizeof *data->trouble);
  if ((data->pixels || data->values) && data->trouble && (!labels || data->labels)) return TR_OK;
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld inputs", (long long)data->n);
}

static void free_texts(char **texts, int64_t n) {
  for (int64_t i = 0; texts && i < n; i++) free(texts[i]);
  free(texts);
}

void dataset_close(dataset *data) {
  free(data->pixels);
  free(data->values);
  free(data->labels);
  free_texts(data->names, data->n);
  free_texts(data->trouble, data->n);
  *data = (dataset){0};
}

/* ---- arrays ---- */

typedef struct {
  const char *path, *entry; /* entry NULL: a .npy */
  tr_npy npy;
} source;

static const char *describe(const source *s, char *text, size_t size) {
  char array[128];
  tr_npy_describe(&s->npy, array, sizeof array);
  snprintf(text, size, "'%s'%s%s holds %s", s->path, s->entry ? " " : "", s->entry ? s->entry : "", array);
  return text;
}

static void first_rows(const source *s, int64_t limit, dataset *out) {
  out->n = s->npy.shape[0];
  if (limit > 0 && limit < out->n) out->n = limit;
}

static tr_status check_rows(tr_ctx *ctx, const source *s) {
  char text[400];
  if (s->npy.ndim == 0 || s->npy.shape[0] > 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "%s: there is no input in it", describe(s, text, sizeof text));
}

static tr_status take_values(tr_ctx *ctx, const source *s, const int64_t shape[3], int64_t limit,
                             dataset *out) {
  char text[400];
  bool real = s->npy.type == TR_NPY_F32 || s->npy.type == TR_NPY_F64;
  if (!real)
    return TR_FAIL(
        ctx, TR_E_SHAPE,
        "%s: numbers of the model's space are float32 or float64 (images of bytes go into a .npz as "
        "'images')",
        describe(s, text, sizeof text));
  bool fits = s->npy.ndim == 4;
  TR_TRY(check_rows(ctx, s));
  for (int i = 0; fits && i < 3; i++) fits = s->npy.shape[i + 1] == shape[i];
  if (!fits)
    return TR_FAIL(ctx, TR_E_SHAPE, "%s: this model takes (N, %lld, %lld, %lld)",
                   describe(s, text, sizeof text), (long long)shape[0], (long long)shape[1],
                   (long long)shape[2]);
  first_rows(s, limit, out);
  memcpy(out->shape, shape, sizeof out->shape);
  TR_TRY(dataset_allocate(ctx, out, false, false));
  tr_npy part = s->npy;
  part.count = out->n * dataset_row(out);
  tr_npy_get_f64(&part, out->values);
  return TR_OK;
}

static bool is_integer(tr_npy_type type) {
  return type >= TR_NPY_I8 && type <= TR_NPY_U64;
}

/* (H, W, C) of any integer type into planes of bytes. */
static void take_levels(const source *s, int64_t i, double *levels, dataset *out) {
  const int64_t C = out->shape[0], pixels = out->shape[1] * out->shape[2], row = dataset_row(out);
  tr_npy part = s->npy;
  part.count = row;
  part.data = (const char *)s->npy.data + (size_t)(i * row) * tr_npy_type_size(s->npy.type);
  tr_npy_get_f64(&part, levels);
  for (int64_t k = 0; k < row; k++) {
    bool fits = levels[k] >= 0 && levels[k] <= 255;
    if (!fits) dataset_reject(out, i, "a pixel of %.0f: levels are 0 to 255", levels[k]);
    out->pixels[i * row + k % C * pixels + k / C] = fits ? (uint8_t)levels[k] : 0;
  }
}

static tr_status take_images(tr_ctx *ctx, const source *s, int64_t limit, dataset *out) {
  char text[400];
  const int64_t *shape = s->npy.shape;
  bool fits = (s->npy.ndim == 3 || (s->npy.ndim == 4 && (shape[3] == 3 || shape[3] == 1))) && shape[1] > 0 &&
              shape[2] > 0;
  TR_TRY(check_rows(ctx, s));
  if (!fits || !is_integer(s->npy.type))
    return TR_FAIL(ctx, TR_E_SHAPE, "%s: images are integers 0 to 255, (N, H, W) or (N, H, W, 3)",
                   describe(s, text, sizeof text));
  first_rows(s, limit, out);
  out->shape[0] = s->npy.ndim == 4 ? shape[3] : 1;
  out->shape[1] = shape[1];
  out->shape[2] = shape[2];
  TR_TRY(dataset_allocate(ctx, out, true, false));
  double *levels = malloc((size_t)dataset_row(out) * sizeof *levels);
  if (!levels) return TR_FAIL(ctx, TR_E_MEM, "out of memory for an image");
  for (int64_t i = 0; i < out->n; i++) take_levels(s, i, levels, out);
  free(levels);
  return TR_OK;
}

static tr_status take_labels(tr_ctx *ctx, tr_npz *npz, const char *path, dataset *out) {
  source s = {.path = path, .entry = "labels"};
  char text[400];
  TR_TRY(tr_npz_get(npz, "labels", &s.npy));
  tr_status status = TR_OK;
  if (s.npy.ndim != 1 || s.npy.shape[0] < out->n)
    status = TR_FAIL(ctx, TR_E_SHAPE, "%s: one label for each of %lld inputs is needed",
                     describe(&s, text, sizeof text), (long long)out->n);
  s.npy.count = out->n;
  out->labels = calloc((size_t)out->n, sizeof *out->labels);
  if (status == TR_OK && !out->labels) status = TR_FAIL(ctx, TR_E_MEM, "out of memory for labels");
  out->labels_in = "'labels' of";
  if (status == TR_OK) tr_npy_get_f64(&s.npy, out->labels);
  tr_npy_close(&s.npy);
  return status;
}

static tr_status open_archive(tr_ctx *ctx, const char *path, const int64_t shape[3], int64_t limit,
                              dataset *out) {
  tr_npz *npz;
  TR_TRY(tr_npz_open(ctx, path, &npz));
  bool images = tr_npz_has(npz, "images"), latents = tr_npz_has(npz, "latents");
  source s = {.path = path, .entry = images ? "images" : "latents"};
  tr_status status = images != latents
                         ? tr_npz_get(npz, s.entry, &s.npy)
                         : TR_FAIL(ctx, TR_E_IO, "'%s' has %s: one of them is needed", path,
                                   images ? "both 'images' and 'latents'" : "neither 'images' nor 'latents'");
  if (status == TR_OK)
    status = images ? take_images(ctx, &s, limit, out) : take_values(ctx, &s, shape, limit, out);
  tr_npy_close(&s.npy);
  if (status == TR_OK && tr_npz_has(npz, "labels")) status = take_labels(ctx, npz, path, out);
  tr_npz_close(&npz);
  return status;
}

static tr_status open_array(tr_ctx *ctx, const char *path, const int64_t shape[3], int64_t limit,
                            dataset *out) {
  source s = {.path = path};
  TR_TRY(tr_npy_open(ctx, path, &s.npy));
  tr_status status = take_values(ctx, &s, shape, limit, out);
  tr_npy_close(&s.npy);
  return status;
}

/* ---- what fits the model ---- */

static tr_status check_pixels(tr_ctx *ctx, const char *path, const dataset *data, const int64_t shape[3]) {
  if (shape[0] != 1 && shape[0] != 3)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "'%s' holds images, this model takes latents of %lld channels: encode them first, or give "
                   "'latents'",
                   path, (long long)shape[0]);
  if (memcmp(data->shape, shape, sizeof data->shape) == 0) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_SHAPE,
      "'%s' holds images of %lld x %lld pixels in %lld channels: this model takes %lld x %lld in %lld", path,
      (long long)data->shape[1], (long long)data->shape[2], (long long)data->shape[0], (long long)shape[1],
      (long long)shape[2], (long long)shape[0]);
}

static void check_values(dataset *data) {
  int64_t row = dataset_row(data);
  bool pixels = data->shape[0] == 1 || data->shape[0] == 3;
  for (int64_t i = 0; i < data->n; i++)
    for (int64_t k = 0; k < row; k++) {
      double value = data->values[i * row + k];
      if (!isfinite(value))
        dataset_reject(data, i, "%g at element %lld: every number must be finite", value, (long long)k);
      else if (pixels && fabs(value) > FAR_OUT)
        dataset_reject(data, i, "%g at element %lld: this model works in pixels from -1 to 1", value,
                       (long long)k);
    }
}

static tr_status check_some_left(tr_ctx *ctx, const dataset *data, int64_t n) {
  char name[300];
  for (int64_t i = 0; i < n; i++)
    if (!data->trouble[i]) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "no input can be used: %s has %s", dataset_name(data, 0, name, sizeof name),
                 data->trouble[0]);
}

static bool ends_in(const char *path, const char *ending) {
  size_t length = strlen(path), tail = strlen(ending);
  return length > tail && strcmp(path + length - tail, ending) == 0;
}

tr_status dataset_open(tr_ctx *ctx, const char *path, const int64_t shape[3], int64_t limit, dataset *out) {
  struct stat info;
  *out = (dataset){.path = path};
  memcpy(out->shape, shape, sizeof out->shape);
  if (stat(path, &info) != 0) return TR_FAIL(ctx, TR_E_IO, "'%s': %s", path, strerror(errno));
  if (S_ISDIR(info.st_mode))
    TR_TRY(dataset_open_folder(ctx, path, limit, out));
  else if (ends_in(path, ".npz"))
    TR_TRY(open_archive(ctx, path, shape, limit, out));
  else if (ends_in(path, ".npy"))
    TR_TRY(open_array(ctx, path, shape, limit, out));
  else
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s' is neither a .npy, nor a .npz, nor a folder of images: give one of them", path);
  if (out->pixels) TR_TRY(check_pixels(ctx, path, out, shape));
  if (out->values) check_values(out);
  return check_some_left(ctx, out, out->n);
}

void dataset_values(const dataset *data, int64_t first, int64_t n, double *out) {
  int64_t row = dataset_row(data), from = first * row;
  for (int64_t k = 0; k < n * row; k++)
    out[k] = data->pixels ? data->pixels[from + k] / TR_BINS_PER_UNIT - 1 : data->values[from + k];
}

/* ---- classes ---- */

/* The label of input i, or -1 and the reason; of_data: that of the data, not of the option. */
static int32_t label_of(const tr_sit_config *config, dataset *data, int64_t i, double label, bool of_data) {
  if (label == rint(label) && fabs(label) <= INT32_MAX && model_has_class(config, (long)label))
    return (int32_t)label;
  const char *null_class = config->null_class >= 0 ? " and the null class after them" : "";
  if (of_data)
    dataset_reject(data, i,
                   "class %.15g in %s '%s': the model has classes 0 to %d%s, --class-labels gives others",
                   label, data->labels_in, data->path, config->num_classes - 1, null_class);
  else
    dataset_reject(data, i, "class %.15g of --class-labels: the model has classes 0 to %d%s", label,
                   config->num_classes - 1, null_class);
  return -1;
}

tr_status dataset_class_labels(tr_ctx *ctx, const tr_sit_config *config, const tr_int_list *given,
                               dataset *data, int64_t n, const long *otherwise, int32_t **out) {
  bool of_each = given->n > 1 && given->n == n;
  if (given->n > 1 && !of_each)
    return TR_FAIL(ctx, TR_E_ARG, "--class-labels has %d entries for %lld inputs: give one, or one per input",
                   given->n, (long long)n);
  if (!of_each && (given->n || !data->labels))
    return model_labels(ctx, config, given->n ? given->v : otherwise, given->n ? given->n : otherwise != NULL,
                        (long)n, out);
  *out = malloc((size_t)n * sizeof **out);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for labels");
  for (int64_t i = 0; i < n; i++)
    (*out)[i] = label_of(config, data, i, of_each ? (double)given->v[i] : data->labels[i], !of_each);
  return check_some_left(ctx, data, n);
}
