/* Data sets in NumPy's files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/dataset_private.h"
#include "core/io/npz.h"
#include "core/io/npz_rows_private.h"
#include "core/text.h"

/* Bytes of a deflated array that memory holds; larger ones lie on the disk, unpacked. */
#define MOST_UNPACKED ((uint64_t)1 << 28)

typedef struct {
  const char *path, *entry; /* entry NULL: a .npy */
  tr_npy npy;
} source;

static const char *describe(const source *s, char *text, size_t size) {
  char array[128];
  tr_npy_describe(&s->npy, array, sizeof array);
  snprintf(text, size, "'%s'%s%s holds %s", TR_SHOW(s->path, 200), s->entry ? " " : "",
           s->entry ? s->entry : "", array);
  return text;
}

static void first_rows(const source *s, int64_t limit, tr_dataset *out) {
  out->n = s->npy.shape[0];
  if (limit > 0 && limit < out->n) out->n = limit;
}

static tr_status check_rows(tr_ctx *ctx, const source *s) {
  char text[400];
  if (s->npy.ndim == 0 || s->npy.shape[0] > 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "%s: there is no input in it", describe(s, text, sizeof text));
}

/* ---- numbers ---- */

/* ", C, H, W" */
static const char *shape_of_one(const tr_dataset *data, char *text, size_t size) {
  size_t used = 0;
  for (int i = 0; i < data->ndim && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, ", %lld", (long long)data->shape[i]);
  return text;
}

/* The data's own shape, where none is asked for. */
static tr_status take_shape(const source *s, tr_dataset *out) {
  char text[400];
  bool empty = false;
  if (out->ndim != 0) return TR_OK;
  for (int i = 1; i < s->npy.ndim; i++) empty = empty || s->npy.shape[i] < 1;
  if ((s->npy.ndim != 2 && s->npy.ndim != 4) || empty)
    return TR_FAIL(out->ctx, TR_E_SHAPE, "%s: (N, C, H, W) or (N, dim) is needed",
                   describe(s, text, sizeof text));
  out->ndim = s->npy.ndim - 1;
  memcpy(out->shape, s->npy.shape + 1, (size_t)out->ndim * sizeof *out->shape);
  return TR_OK;
}

static bool has_shape(const source *s, const tr_dataset *out) {
  bool fits = s->npy.ndim == out->ndim + 1;
  for (int i = 0; fits && i < out->ndim; i++) fits = s->npy.shape[i + 1] == out->shape[i];
  return fits;
}

/* The array becomes the data set's. */
static tr_status take_values(source *s, int64_t limit, tr_dataset *out) {
  tr_ctx *ctx = out->ctx;
  char text[400], shape[80];
  const bool real = s->npy.dtype == TR_F16 || s->npy.dtype == TR_F32 || s->npy.dtype == TR_F64;
  if (!real)
    return TR_FAIL(
        ctx, TR_E_SHAPE,
        "%s: numbers of the model's space are float16, float32 or float64 (images of bytes go into a .npz as "
        "'images')",
        describe(s, text, sizeof text));
  TR_TRY(check_rows(ctx, s));
  TR_TRY(take_shape(s, out));
  if (!has_shape(s, out))
    return TR_FAIL(ctx, TR_E_SHAPE, "%s: this model takes (N%s)", describe(s, text, sizeof text),
                   shape_of_one(out, shape, sizeof shape));
  first_rows(s, limit, out);
  out->numbers = s->npy;
  s->npy = (tr_npy){0};
  return tr_dataset_allocate(out, false, false);
}

/* ---- images ---- */

/* (H, W, C) of any integer type into planes of bytes. */
static void take_levels(const source *s, int64_t i, double *levels, tr_dataset *out) {
  const int64_t C = out->shape[0], pixels = out->shape[1] * out->shape[2], row = tr_dataset_row(out);
  tr_npy part = s->npy;
  part.count = row;
  part.data = (const char *)s->npy.data + (size_t)(i * row) * tr_dtype_size(s->npy.dtype);
  tr_npy_get_f64(&part, levels);
  for (int64_t k = 0; k < row; k++) {
    bool fits = levels[k] >= 0 && levels[k] <= 255;
    if (!fits) tr_dataset_reject(out, i, "a pixel of %.0f: levels are 0 to 255", levels[k]);
    out->pixels[i * row + k % C * pixels + k / C] = fits ? (uint8_t)levels[k] : 0;
  }
}

/* Columns three wide are rare; an image without N is not. */
static tr_status check_batch(const source *s, const tr_dataset *out) {
  char text[400];
  const int64_t *shape = s->npy.shape;
  if (s->npy.ndim != 3 || shape[2] != 3 || (out->ndim && out->shape[2] == 3)) return TR_OK;
  return TR_FAIL(out->ctx, TR_E_SHAPE,
                 "%s, one image: the shape must be (N, H, W, 3), (1, %lld, %lld, 3) for one",
                 describe(s, text, sizeof text), (long long)shape[0], (long long)shape[1]);
}

static tr_status take_images(source *s, int64_t limit, tr_dataset *out) {
  tr_ctx *ctx = out->ctx;
  char text[400];
  const int64_t *shape = s->npy.shape;
  bool fits = (s->npy.ndim == 3 || (s->npy.ndim == 4 && (shape[3] == 3 || shape[3] == 1))) && shape[1] > 0 &&
              shape[2] > 0;
  TR_TRY(tr_dataset_takes_images(out));
  TR_TRY(check_rows(ctx, s));
  if (!fits || !tr_dtype_is_integer(s->npy.dtype))
    return TR_FAIL(ctx, TR_E_SHAPE, "%s: images are integers 0 to 255, (N, H, W) or (N, H, W, 3)",
                   describe(s, text, sizeof text));
  TR_TRY(check_batch(s, out));
  first_rows(s, limit, out);
  out->ndim = 3;
  out->shape[0] = s->npy.ndim == 4 ? shape[3] : 1;
  out->shape[1] = shape[1];
  out->shape[2] = shape[2];
  TR_TRY(tr_dataset_allocate(out, true, false));
  double *levels = malloc((size_t)tr_dataset_row(out) * sizeof *levels);
  if (!levels) return TR_FAIL(ctx, TR_E_MEM, "out of memory for an image");
  for (int64_t i = 0; i < out->n; i++) take_levels(s, i, levels, out);
  free(levels);
  return TR_OK;
}

/* ---- files ---- */

/* The arrays of an archive that are read; NULL where there is none. */
typedef struct {
  const char *inputs, *labels;
} roles;

/* Whether an array has another type than levels have; what is damaged its reader will say. */
static bool holds_fractions(tr_ctx *ctx, tr_npz *npz, const char *name) {
  tr_npz_rows *rows;
  if (tr_npz_rows_open(npz, name, &rows) != TR_OK) {
    tr_ctx_clear(ctx);
    return false;
  }
  const bool fractions = !tr_dtype_is_integer(tr_npz_rows_shape(rows)->dtype);
  tr_npz_rows_close(&rows);
  return fractions;
}

/* By the names of transit, else by those that numpy.savez gives its arguments (ADM's evaluation files). A
 * decoder's images have their levels in arr_0, which are read. */
static tr_status find_roles(tr_npz *npz, const tr_dataset *data, roles *out) {
  bool images = tr_npz_has(npz, "images"), latents = tr_npz_has(npz, "latents"),
       bare = tr_npz_has(npz, "arr_0");
  if (images && !latents && bare && holds_fractions(data->ctx, npz, "images"))
    images = holds_fractions(data->ctx, npz, "arr_0");
  char list[300];
  *out = (roles){.inputs = images ? "images" : latents ? "latents" : bare ? "arr_0" : NULL};
  if (images && latents)
    return TR_FAIL(data->ctx, TR_E_IO, "'%s' has both 'images' and 'latents': one of them is needed",
                   data->path);
  if (!out->inputs)
    return TR_FAIL(data->ctx, TR_E_IO, "'%s' has neither 'images' nor 'latents' (nor 'arr_0'): it holds %s",
                   data->path, tr_npz_count(npz) ? tr_npz_list(npz, NULL, list, sizeof list) : "nothing");
  const char *const spellings[] = {"labels", "label", images || latents ? NULL : "arr_1"};
  for (int i = 0; i < 3 && !out->labels; i++)
    if (spellings[i] && tr_npz_has(npz, spellings[i])) out->labels = spellings[i];
  return TR_OK;
}

/* Of samples.npz, arr_0 holds the pictures of its latents once more, and drawn_with is for who compares runs;
 * mean and logvar are what encoded latents were drawn from, and images what the levels of arr_0 were before.
 */
static void warn_of_unread(const tr_npz *npz, const tr_dataset *data, const roles *read) {
  const bool again = strcmp(read->inputs, "latents") == 0, levels = strcmp(read->inputs, "arr_0") == 0;
  const char *const but[] = {read->inputs,
                             read->labels ? read->labels : read->inputs,
                             "drawn_with",
                             again ? "arr_0" : read->inputs,
                             "mean",
                             "logvar",
                             levels ? "images" : read->inputs,
                             NULL};
  char list[300];
  if (*tr_npz_list(npz, but, list, sizeof list))
    tr_ctx_warn(data->ctx, "'%s': not read is %s", TR_SHOW(data->path, 160), list);
}

static const char *place_of_labels(const char *name) {
  return strcmp(name, "labels") == 0  ? "'labels' of"
         : strcmp(name, "label") == 0 ? "'label' of"
                                      : "'arr_1' of";
}

static tr_status take_labels(tr_npz *npz, const char *name, tr_dataset *out) {
  source s = {.path = out->path, .entry = name};
  tr_ctx *ctx = out->ctx;
  char text[400];
  TR_TRY(tr_npz_get(npz, name, &s.npy));
  tr_status status = TR_OK;
  bool column = s.npy.ndim == 2 && s.npy.shape[1] == 1;
  if ((s.npy.ndim != 1 && !column) || s.npy.shape[0] < out->n)
    status = TR_FAIL(ctx, TR_E_SHAPE, "%s: one label for each of %lld inputs is needed",
                     describe(&s, text, sizeof text), (long long)out->n);
  s.npy.count = out->n;
  out->labels = calloc((size_t)out->n, sizeof *out->labels);
  if (status == TR_OK && !out->labels) status = TR_FAIL(ctx, TR_E_MEM, "out of memory for labels");
  out->labels_in = place_of_labels(name);
  if (status == TR_OK) tr_npy_get_f64(&s.npy, out->labels);
  tr_npy_close(&s.npy);
  return status;
}

static tr_status take_archive(tr_npz *npz, int64_t limit, tr_dataset *out) {
  roles found;
  TR_TRY(find_roles(npz, out, &found));
  source s = {.path = out->path, .entry = found.inputs};
  TR_TRY(tr_npz_get_mapped(npz, s.entry, MOST_UNPACKED, &s.npy));
  bool images =
      strcmp(s.entry, "images") == 0 || (strcmp(s.entry, "arr_0") == 0 && tr_dtype_is_integer(s.npy.dtype));
  if (strcmp(s.entry, "latents") == 0) out->latents = true;
  tr_status status = (images ? take_images : take_values)(&s, limit, out);
  tr_npy_close(&s.npy);
  if (status == TR_OK && found.labels) status = take_labels(npz, found.labels, out);
  if (status == TR_OK) warn_of_unread(npz, out, &found);
  return status;
}

tr_status tr_dataset_open_archive(tr_dataset *out, int64_t limit) {
  tr_npz *npz;
  TR_TRY(tr_npz_open(out->ctx, out->path, &npz));
  tr_status status = take_archive(npz, limit, out);
  if (out->numbers.data)
    out->archive = npz;
  else
    tr_npz_close(&npz);
  return status;
}

tr_status tr_dataset_open_array(tr_dataset *out, int64_t limit) {
  source s = {.path = out->path};
  TR_TRY(tr_npy_open(out->ctx, out->path, &s.npy));
  tr_status status = take_values(&s, limit, out);
  tr_npy_close(&s.npy);
  return status;
}
