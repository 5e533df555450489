/* Pictures in an .npz. */
#include <stdlib.h>
#include <string.h>

#include "core/io/npz_rows_private.h"
#include "core/text.h"
#include "experiments/evaluate/pictures/source_private.h"

typedef struct {
  tr_npz *npz;
  tr_npz_rows *rows;
  int64_t at;       /* the picture that the rows give next */
  const char *name; /* of the array */
  int channels;     /* 1 or 3 */
} archive;

/* ---- what there is in place of pictures ---- */

static bool has(const archive *a, const char *name) {
  return tr_npz_has(a->npz, name);
}

static tr_status no_pictures(const picture_source *s, const archive *a) {
  char list[200];
  const char *path = TR_SHOW(s->facts.path, 160);
  if (has(a, "latents"))
    return TR_FAIL(s->ctx, TR_E_SHAPE,
                   "%s: '%s' holds latents and no pictures: decode them first (transit decode)", s->option,
                   path);
  if (has(a, "pool"))
    return TR_FAIL(s->ctx, TR_E_SHAPE,
                   "%s: '%s' holds features and no pictures: give it as --features or --reference-features",
                   s->option, path);
  if (has(a, "mu"))
    return TR_FAIL(s->ctx, TR_E_SHAPE,
                   "%s: '%s' holds statistics and no pictures: it can be a --reference only", s->option,
                   path);
  return TR_FAIL(s->ctx, TR_E_SHAPE,
                 "%s: '%s' has neither 'arr_0' nor 'images', uint8 (N, H, W, 3): it holds %s", s->option,
                 path, tr_npz_count(a->npz) ? tr_npz_list(a->npz, NULL, list, sizeof list) : "nothing");
}

static tr_status take_shape(picture_source *s, archive *a) {
  const tr_npy *shape = tr_npz_rows_shape(a->rows);
  const int64_t *extent = shape->shape;
  char text[120];
  a->channels = shape->ndim == 4 ? (int)(extent[3] < 4 ? extent[3] : 4) : 1;
  const bool fits = shape->dtype == TR_U8 && (shape->ndim == 3 || shape->ndim == 4) &&
                    (a->channels == 1 || a->channels == 3) && extent[1] > 0 && extent[2] > 0;
  if (!fits)
    return TR_FAIL(s->ctx, TR_E_SHAPE,
                   "%s: '%s' in '%s' is %s: pictures are uint8 (N, H, W, 3), or grey (N, H, W)", s->option,
                   a->name, TR_SHOW(s->facts.path, 160), tr_npy_describe(shape, text, sizeof text));
  if (extent[0] < 1)
    return TR_FAIL(s->ctx, TR_E_SHAPE, "%s: '%s' in '%s' holds no picture", s->option, a->name,
                   TR_SHOW(s->facts.path, 160));
  s->facts.n = extent[0], s->facts.height = extent[1], s->facts.width = extent[2];
  return TR_OK;
}

static tr_status take_integers(picture_source *s, const char *name, const tr_npy *npy) {
  const tr_status status = tr_npy_get_i32(s->ctx, npy, s->labels);
  if (status == TR_OK) return TR_OK;
  const tr_error error = *tr_ctx_error(s->ctx);
  tr_ctx_clear(s->ctx);
  return TR_FAIL(s->ctx, status, "%s: '%s' of '%s': %s", s->option, name, TR_SHOW(s->facts.path, 160),
                 TR_SHOW(error.message, 200));
}

static tr_status take_labels(picture_source *s, const archive *a) {
  static const char *const names[] = {"labels", "label", "arr_1", NULL};
  tr_npy npy;
  int i = 0;
  while (names[i] && !has(a, names[i])) i++;
  if (!names[i] || (i == 2 && strcmp(a->name, "arr_0") != 0)) return TR_OK;
  TR_TRY(tr_npz_get(a->npz, names[i], &npy));
  tr_status status = TR_OK;
  if (npy.count != s->facts.n)
    status = TR_FAIL(s->ctx, TR_E_SHAPE, "%s: '%s' has %lld labels for %lld pictures", s->option,
                     TR_SHOW(s->facts.path, 160), (long long)npy.count, (long long)s->facts.n);
  if (status == TR_OK && !(s->labels = malloc((size_t)npy.count * sizeof *s->labels)))
    status = TR_FAIL(s->ctx, TR_E_MEM, "out of memory for %lld labels", (long long)npy.count);
  if (status == TR_OK) status = take_integers(s, names[i], &npy);
  tr_npy_close(&npy);
  return status;
}

/* ---- the kind ---- */

/* Up to the next picture; those before it go where n of them have room. */
static tr_status pass_over(picture_source *s, int64_t n, uint8_t *levels) {
  archive *a = s->own;
  while (n > 0 && a->at < s->next) {
    const int64_t left = s->next - a->at, more = left < n ? left : n;
    TR_TRY(tr_npz_rows_read(a->rows, more, levels));
    a->at += more;
  }
  return TR_OK;
}

static tr_status archive_read(picture_source *s, int64_t n, uint8_t *levels) {
  archive *a = s->own;
  const int64_t pixels = n * s->facts.height * s->facts.width;
  uint8_t *grey = a->channels == 1 ? levels + 2 * pixels : levels;
  TR_TRY(pass_over(s, n, levels));
  TR_TRY(tr_npz_rows_read(a->rows, n, grey));
  a->at += n;
  for (int64_t i = 0; i < pixels && a->channels == 1;
       i++) /* what is written is never ahead of what is read */
    levels[3 * i] = levels[3 * i + 1] = levels[3 * i + 2] = grey[i];
  return TR_OK;
}

static tr_status archive_rewind(picture_source *s) {
  archive *a = s->own;
  a->at = 0;
  tr_npz_rows_close(&a->rows);
  return tr_npz_rows_open(a->npz, a->name, &a->rows);
}

static tr_status archive_hash(picture_source *s, char hex[TR_SHA256_TEXT]) {
  return tr_sha256_file(s->ctx, s->facts.path, hex);
}

static void archive_close(picture_source *s) {
  archive *a = s->own;
  tr_npz_rows_close(&a->rows);
  tr_npz_close(&a->npz);
  free(a);
}

static const picture_kind kind = {archive_read, archive_rewind, archive_hash, archive_close};

tr_status picture_archive_open(picture_source *s) {
  archive *a = calloc(1, sizeof *a);
  if (!a) return TR_FAIL(s->ctx, TR_E_MEM, "out of memory for '%s'", TR_SHOW(s->facts.path, 200));
  s->kind = &kind;
  s->own = a;
  TR_TRY(tr_npz_open(s->ctx, s->facts.path, &a->npz));
  a->name = has(a, "arr_0") ? "arr_0" : has(a, "images") ? "images" : NULL;
  if (!a->name) return no_pictures(s, a);
  TR_TRY(tr_npz_rows_open(a->npz, a->name, &a->rows));
  TR_TRY(take_shape(s, a));
  return take_labels(s, a);
}
