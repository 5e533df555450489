#include "core/data/dataset.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/data/dataset_private.h"
#include "core/io/file.h"
#include "core/io/image/image.h"
#include "core/require_private.h"
#include "core/text.h"

#define FAR_OUT 4.0 /* pixels in [-1, 1], samples of them a little beyond; 0 to 255 is a mistake */

int64_t tr_dataset_row(const tr_dataset *data) {
  int64_t count = 1;
  if (!data) return 0;
  for (int i = 0; i < data->ndim; i++) count *= data->shape[i];
  return count;
}

const char *tr_dataset_name(const tr_dataset *data, int64_t i, char *text, size_t size) {
  if (!data || !text) return "";
  if (data->names && i >= 0 && i < data->n && data->names[i])
    snprintf(text, size, "'%s'", TR_SHOW(data->names[i], 255));
  else
    snprintf(text, size, "input %lld", (long long)i);
  return text;
}

void tr_dataset_reject(tr_dataset *data, int64_t i, const char *format, ...) {
  if (!data || !data->trouble || !format || i < 0 || i >= data->n) return;
  char text[400];
  va_list args;
  va_start(args, format);
  tr_text_vshow(text, sizeof text, format, args);
  va_end(args);
  if (!data->trouble[i]) data->trouble[i] = strdup(text);
}

tr_status tr_dataset_check(const tr_dataset *data, int64_t n) {
  TR_REQUIRE(TR_CTX_OF(data), data);
  char name[300];
  if (n < 1 || n > data->n)
    return TR_FAIL(data->ctx, TR_E_ARG, "the first %lld inputs of %lld: use 1 or more, at most all",
                   (long long)n, (long long)data->n);
  for (int64_t i = 0; i < n; i++)
    if (!data->trouble[i]) return TR_OK;
  return TR_FAIL(data->ctx, TR_E_SHAPE, "no input can be used: %s has %s",
                 tr_dataset_name(data, 0, name, sizeof name), data->trouble[0]);
}

/* ---- memory ---- */

tr_status tr_dataset_allocate(tr_dataset *out, bool pixels, bool labels) {
  size_t n = (size_t)out->n, count = n * (size_t)tr_dataset_row(out);
  if (pixels) out->pixels = calloc(count, 1);
  if (labels) out->labels = calloc(n, sizeof *out->labels);
  out->trouble = calloc(n, sizeof *out->trouble);
  if ((!pixels || out->pixels) && out->trouble && (!labels || out->labels)) return TR_OK;
  return TR_FAIL(out->ctx, TR_E_MEM, "out of memory for %lld inputs", (long long)out->n);
}

static void free_texts(char **texts, int64_t n) {
  for (int64_t i = 0; texts && i < n; i++) free(texts[i]);
  free(texts);
}

void tr_dataset_close(tr_dataset *data) {
  if (!data) return;
  free(data->pixels);
  tr_npy_close(&data->numbers);
  tr_npz_close(&data->archive);
  free(data->labels);
  free(data->path);
  free_texts(data->names, data->n);
  free_texts(data->trouble, data->n);
  *data = (tr_dataset){0};
}

/* ---- what fits the model ---- */

tr_status tr_dataset_takes_images(const tr_dataset *data) {
  if (data->ndim != 1) return TR_OK;
  return TR_FAIL(data->ctx, TR_E_SHAPE,
                 "'%s' holds images, this model takes states of %lld numbers: give 'latents'", data->path,
                 (long long)tr_dataset_row(data));
}

static tr_status check_pixels(const tr_dataset *data, const int64_t shape[3]) {
  if (shape[0] != 1 && shape[0] != 3)
    return TR_FAIL(data->ctx, TR_E_SHAPE,
                   "'%s' holds images, this model takes latents of %lld channels: encode them first, or give "
                   "'latents'",
                   data->path, (long long)shape[0]);
  if (memcmp(data->shape, shape, sizeof data->shape) == 0) return TR_OK;
  return TR_FAIL(
      data->ctx, TR_E_SHAPE,
      "'%s' holds images of %lld x %lld pixels in %lld channels: this model takes %lld x %lld in %lld",
      data->path, (long long)data->shape[1], (long long)data->shape[2], (long long)data->shape[0],
      (long long)shape[1], (long long)shape[2], (long long)shape[0]);
}

static void check_row(tr_dataset *data, int64_t i, const double *values) {
  const bool pixels = !data->latents && data->ndim == 3 && (data->shape[0] == 1 || data->shape[0] == 3);
  for (int64_t k = 0; k < tr_dataset_row(data) && !data->trouble[i]; k++)
    if (!isfinite(values[k]))
      tr_dataset_reject(data, i, "%g at element %lld: every number must be finite", values[k], (long long)k);
    else if (pixels && fabs(values[k]) > FAR_OUT)
      tr_dataset_reject(data, i, "%g at element %lld: this model works in pixels from -1 to 1", values[k],
                        (long long)k);
}

static tr_status check_values(tr_dataset *data) {
  double *values = malloc((size_t)tr_dataset_row(data) * sizeof *values);
  tr_status status = values ? TR_OK : TR_FAIL(data->ctx, TR_E_MEM, "out of memory for an input");
  for (int64_t i = 0; i < data->n && status == TR_OK; i++) {
    status = tr_dataset_values(data, i, 1, values);
    if (status == TR_OK) check_row(data, i, values);
  }
  free(values);
  return status;
}

static bool ends_in(const char *path, const char *ending) {
  size_t length = strlen(path), tail = strlen(ending);
  return length > tail && strcmp(path + length - tail, ending) == 0;
}

/* By the content, else by the name. */
static bool is_kind(const tr_dataset *data, const char *magic, const char *ending) {
  unsigned char head[8];
  FILE *stream;
  size_t size = 0, wanted = strlen(magic);
  if (tr_file_stream_open(data->ctx, data->path, &stream) == TR_OK) {
    size = fread(head, 1, wanted, stream);
    fclose(stream);
  }
  tr_ctx_clear(data->ctx);
  return (size == wanted && memcmp(head, magic, wanted) == 0) || ends_in(data->path, ending);
}

static tr_status read_any(tr_dataset *out, int64_t limit) {
  struct stat info;
  if (stat(out->path, &info) != 0) return TR_FAIL(out->ctx, TR_E_IO, "'%s': %s", out->path, strerror(errno));
  if (S_ISDIR(info.st_mode) && out->ndim == 0)
    return TR_FAIL(out->ctx, TR_E_ARG, "'%s' is a folder: the shape of its images must be given", out->path);
  if (S_ISDIR(info.st_mode)) return tr_dataset_open_folder(out, limit);
  if (is_kind(out, "PK\3\4", ".npz")) return tr_dataset_open_archive(out, limit);
  if (is_kind(out, "\x93NUMPY", ".npy")) return tr_dataset_open_array(out, limit);
  return TR_FAIL(out->ctx, TR_E_IO,
                 "'%s' is neither a .npy, nor a .npz, nor a folder of images: give one of them", out->path);
}

static tr_status open_set(tr_ctx *ctx, const char *path, int ndim, const int64_t *shape, int64_t limit,
                          bool latents, tr_dataset *out) {
  *out = (tr_dataset){.ctx = ctx, .ndim = ndim, .latents = latents, .path = strdup(path)};
  if (!out->path) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
  if (ndim != 0 && ndim != 1 && ndim != 3)
    return TR_FAIL(ctx, TR_E_ARG, "data for a model of states of %d dimensions: use 1 or 3", ndim);
  for (int i = 0; i < ndim; i++)
    if (shape[i] < 1)
      return TR_FAIL(ctx, TR_E_ARG, "extent %lld of dimension %d of a model's states: use 1 or more",
                     (long long)shape[i], i);
  if (limit < 0)
    return TR_FAIL(ctx, TR_E_ARG, "at most %lld inputs: use 1 or more, or 0 for all", (long long)limit);
  if (ndim) memcpy(out->shape, shape, (size_t)ndim * sizeof *shape);
  TR_TRY(read_any(out, limit));
  if (out->pixels && ndim) TR_TRY(check_pixels(out, shape));
  if (!out->pixels) TR_TRY(check_values(out));
  return tr_dataset_check(out, out->n);
}

tr_status tr_dataset_open(tr_ctx *ctx, const char *path, int ndim, const int64_t *shape, int64_t limit,
                          tr_dataset *out) {
  TR_REQUIRE(ctx, path, out);
  if (ndim != 0) TR_REQUIRE(ctx, shape);
  return open_set(ctx, path, ndim, shape, limit, false, out);
}

tr_status tr_dataset_open_latents(tr_ctx *ctx, const char *path, int64_t limit, tr_dataset *out) {
  return open_set(ctx, path, 0, NULL, limit, true, out);
}

tr_status tr_dataset_values(const tr_dataset *data, int64_t first, int64_t n, double *out) {
  TR_REQUIRE(TR_CTX_OF(data), data, out);
  const int64_t row = tr_dataset_row(data);
  if (first < 0 || n < 0 || first > data->n || n > data->n - first)
    return TR_FAIL(data->ctx, TR_E_ARG, "%lld inputs from input %lld: there are %lld", (long long)n,
                   (long long)first, (long long)data->n);
  const char *numbers = data->numbers.data;
  const tr_dtype type = data->numbers.dtype;
  for (int64_t k = 0, from = first * row; data->pixels && k < n * row; k++)
    out[k] = data->pixels[from + k] / TR_BINS_PER_UNIT - 1;
  if (!data->pixels && n)
    tr_dtype_to_f64(type, n * row, numbers + (size_t)(first * row) * tr_dtype_size(type), out);
  return TR_OK;
}
