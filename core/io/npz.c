#include "core/io/npz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/file_private.h"
#include "core/io/npy_private.h"
#include "core/io/npz_rows_private.h"
#include "core/io/zip_private.h"
#include "core/io/zip_write_private.h"
#include "core/require_private.h"
#include "core/text.h"

#define SUFFIX ".npy"
#define PIECE  (1 << 18) /* elements of a device array downloaded at once */

struct tr_npz {
  tr_ctx *ctx;
  tr_file_map map;
  tr_zip *zip;
  int n;
  char **names; /* of the entries, without the suffix */
};

/* A copy of the entry's name without its suffix. */
static char *bare_name(const char *name) {
  size_t length = strlen(name), suffix = strlen(SUFFIX);
  if (length > suffix && strcmp(name + length - suffix, SUFFIX) == 0) length -= suffix;
  return strndup(name, length);
}

static tr_status read_names(tr_npz *npz) {
  int n = tr_zip_count(npz->zip);
  npz->names = calloc(n ? (size_t)n : 1, sizeof *npz->names);
  for (; npz->names && npz->n < n; npz->n++)
    if (!(npz->names[npz->n] = bare_name(tr_zip_entry_at(npz->zip, npz->n)->name))) break;
  return npz->names && npz->n == n
             ? TR_OK
             : TR_FAIL(npz->ctx, TR_E_MEM, "out of memory for the names in '%s'", npz->map.path);
}

tr_status tr_npz_open(tr_ctx *ctx, const char *path, tr_npz **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, out);
  tr_npz *npz = calloc(1, sizeof *npz);
  if (!npz) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the archive '%s'", path);
  npz->ctx = ctx;
  tr_status status = tr_file_map_open(ctx, path, &npz->map);
  if (status == TR_OK) status = tr_zip_open(ctx, &npz->map, &npz->zip);
  if (status == TR_OK) status = read_names(npz);
  if (status != TR_OK)
    tr_npz_close(&npz);
  else
    *out = npz;
  return status;
}

void tr_npz_close(tr_npz **npz) {
  if (!npz || !*npz) return;
  for (int i = 0; i < (*npz)->n; i++) free((*npz)->names[i]);
  free((*npz)->names);
  tr_zip_close(&(*npz)->zip);
  tr_file_map_close(&(*npz)->map);
  free(*npz);
  *npz = NULL;
}

int tr_npz_count(const tr_npz *npz) {
  if (!npz) return 0;
  return npz->n;
}

const char *tr_npz_name(const tr_npz *npz, int i) {
  if (!npz || i < 0 || i >= npz->n) return NULL;
  return npz->names[i];
}

static const tr_zip_entry *find(const tr_npz *npz, const char *name) {
  for (int i = 0; i < npz->n; i++)
    if (strcmp(npz->names[i], name) == 0) return tr_zip_entry_at(npz->zip, i);
  return NULL;
}

bool tr_npz_has(const tr_npz *npz, const char *name) {
  if (!npz || !name) return false;
  return find(npz, name) != NULL;
}

static bool is_one_of(const char *name, const char *const *list) {
  for (; list && *list; list++)
    if (strcmp(*list, name) == 0) return true;
  return false;
}

const char *tr_npz_list(const tr_npz *npz, const char *const *but, char *text, size_t size) {
  if (!npz || !text || size == 0) return "";
  size_t used = 0;
  *text = 0;
  for (int i = 0; i < npz->n && used + 16 < size; i++) {
    if (is_one_of(npz->names[i], but)) continue;
    used += (size_t)snprintf(text + used, size - used, "%s", used ? ", " : "");
    tr_text_show(npz->names[i], strlen(npz->names[i]), text + used, size - used);
    used += strlen(text + used);
  }
  return text;
}

static tr_status missing(const tr_npz *npz, const char *name) {
  char list[240];
  return TR_FAIL(npz->ctx, TR_E_IO, "'%s' has no array '%s': it holds %s", npz->map.path, name,
                 npz->n ? tr_npz_list(npz, NULL, list, sizeof list) : "nothing");
}

/* In messages. */
static void name_entry(const tr_npz *npz, const char *name, char *label, size_t size) {
  snprintf(label, size, "'%s' in '%s'", TR_SHOW(name, 80), TR_SHOW(npz->map.path, 220));
}

tr_status tr_npz_get(tr_npz *npz, const char *name, tr_npy *out) {
  if (out) *out = (tr_npy){0};
  TR_REQUIRE(TR_CTX_OF(npz), npz, name, out);
  const tr_zip_entry *entry = find(npz, name);
  if (!entry) return missing(npz, name);
  const unsigned char *bytes;
  void *inflated;
  char label[320];
  name_entry(npz, name, label, sizeof label);
  TR_TRY(tr_zip_read(npz->ctx, npz->zip, entry, &bytes, &inflated));
  tr_status status = tr_npy_parse(npz->ctx, label, bytes, (size_t)entry->size, out);
  if (status == TR_OK && !out->owned)
    out->owned = inflated; /* the elements lie inside */
  else
    free(inflated);
  return status;
}

/* ---- unpacked aside ---- */

#define UNPACKED_PIECE ((size_t)1 << 20)

/* *why: the reason why it cannot be written. */
static tr_status copy_entry(const tr_npz *npz, tr_zip_in *in, uint64_t size, void *piece, FILE *to,
                            const char **why) {
  while (size > 0 && !*why) {
    const size_t n = size < UNPACKED_PIECE ? (size_t)size : UNPACKED_PIECE;
    if (tr_ctx_interrupted(npz->ctx))
      return TR_FAIL(npz->ctx, TR_E_INTERRUPTED, "interrupted, unpacking '%s'", npz->map.path);
    TR_TRY(tr_zip_in_read(in, piece, n));
    if (fwrite(piece, 1, n, to) != n) *why = strerror(errno);
    size -= n;
  }
  if (!*why && fflush(to) != 0) *why = strerror(errno);
  return TR_OK;
}

static tr_status unpack(tr_npz *npz, const tr_zip_entry *entry, FILE *to, const char **why) {
  tr_zip_in *in;
  void *piece = malloc(UNPACKED_PIECE);
  if (!piece) return TR_FAIL(npz->ctx, TR_E_MEM, "out of memory to unpack '%s'", npz->map.path);
  tr_status status = tr_zip_in_open(npz->ctx, npz->zip, entry, &in);
  if (status == TR_OK) status = copy_entry(npz, in, entry->size, piece, to, why);
  tr_zip_in_close(&in);
  free(piece);
  return status;
}

/* *map is empty where *why tells that it cannot be. */
static tr_status unpack_aside(tr_npz *npz, const tr_zip_entry *entry, tr_file_map *map, const char **why) {
  FILE *file;
  *map = (tr_file_map){0};
  tr_file_temporary(&file, why);
  if (!file) return TR_OK;
  tr_status status = unpack(npz, entry, file, why);
  if (status == TR_OK && !*why) status = tr_file_map_temporary(npz->ctx, file, npz->map.path, map);
  fclose(file);
  return status;
}

tr_status tr_npz_get_mapped(tr_npz *npz, const char *name, uint64_t most, tr_npy *out) {
  const tr_zip_entry *entry = find(npz, name);
  const char *why;
  char label[320];
  tr_file_map map;
  *out = (tr_npy){0};
  if (!entry || entry->method == 0 || entry->size <= most) return tr_npz_get(npz, name, out);
  TR_TRY(unpack_aside(npz, entry, &map, &why));
  name_entry(npz, name, label, sizeof label);
  if (why) {
    tr_ctx_warn(npz->ctx, "%s is unpacked into memory, %.1f MB, since '%s' (TMPDIR) cannot have it: %s",
                label, (double)entry->size / 1e6, TR_SHOW(tr_file_temporary_folder(), 100), why);
    return tr_npz_get(npz, name, out);
  }
  const tr_status status = tr_npy_parse(npz->ctx, label, map.data, map.size, out);
  if (status == TR_OK && !out->owned)
    out->map = map; /* the elements lie inside */
  else
    tr_file_map_close(&map);
  return status;
}

tr_status tr_npz_get_array(tr_npz *npz, const char *name, tr_dtype dtype, tr_array **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(npz), npz, name, out);
  tr_npy npy;
  TR_TRY(tr_npz_get(npz, name, &npy));
  tr_status status = tr_npy_to_array(npz->ctx, &npy, dtype, out);
  tr_npy_close(&npy);
  return status;
}

/* ---- row by row ---- */

struct tr_npz_rows {
  tr_ctx *ctx;
  tr_zip_in *in;
  tr_npy shape;
  char label[320];
  int64_t row, left; /* elements in one; rows to come */
};

/* The header, which alone is in memory. */
static tr_status read_head(tr_npz_rows *rows, uint64_t size) {
  unsigned char first[TR_NPY_HEAD], *head;
  if (size < TR_NPY_HEAD) return tr_npy_parse_head(rows->ctx, rows->label, first, 0, &rows->shape);
  TR_TRY(tr_zip_in_read(rows->in, first, sizeof first));
  size_t whole = tr_npy_head_size(first);
  whole = whole < sizeof first || whole > size ? sizeof first : whole;
  if (!(head = calloc(whole, 1)))
    return TR_FAIL(rows->ctx, TR_E_MEM, "out of memory for the header of %s", rows->label);
  memcpy(head, first, sizeof first);
  tr_status status = tr_zip_in_read(rows->in, head + sizeof first, whole - sizeof first);
  if (status == TR_OK) status = tr_npy_parse_head(rows->ctx, rows->label, head, (size_t)size, &rows->shape);
  free(head);
  return status;
}

static tr_status open_rows(tr_npz *npz, const tr_zip_entry *entry, tr_npz_rows *rows) {
  TR_TRY(tr_zip_in_open(npz->ctx, npz->zip, entry, &rows->in));
  TR_TRY(read_head(rows, entry->size));
  const tr_npy *a = &rows->shape;
  if (a->ndim < 1) return TR_FAIL(npz->ctx, TR_E_IO, "%s is one number: an array is needed", rows->label);
  rows->left = a->shape[0];
  rows->row = rows->left ? a->count / rows->left : 0;
  return TR_OK;
}

tr_status tr_npz_rows_open(tr_npz *npz, const char *name, tr_npz_rows **out) {
  *out = NULL;
  const tr_zip_entry *entry = find(npz, name);
  if (!entry) return missing(npz, name);
  tr_npz_rows *rows = calloc(1, sizeof *rows);
  if (!rows) return TR_FAIL(npz->ctx, TR_E_MEM, "out of memory to read '%s'", npz->map.path);
  rows->ctx = npz->ctx;
  name_entry(npz, name, rows->label, sizeof rows->label);
  tr_status status = open_rows(npz, entry, rows);
  if (status != TR_OK)
    tr_npz_rows_close(&rows);
  else
    *out = rows;
  return status;
}

void tr_npz_rows_close(tr_npz_rows **rows) {
  if (!*rows) return;
  tr_zip_in_close(&(*rows)->in);
  free(*rows);
  *rows = NULL;
}

const tr_npy *tr_npz_rows_shape(const tr_npz_rows *rows) {
  return &rows->shape;
}

tr_status tr_npz_rows_read(tr_npz_rows *rows, int64_t n, void *elements) {
  if (n < 0 || n > rows->left)
    return TR_FAIL(rows->ctx, TR_E_ARG, "%lld rows of %s are asked for, and %lld are left", (long long)n,
                   rows->label, (long long)rows->left);
  rows->left -= n;
  return tr_zip_in_read(rows->in, elements, (size_t)(n * rows->row) * tr_dtype_size(rows->shape.dtype));
}

struct tr_npz_out {
  tr_ctx *ctx;
  tr_zip_out *zip;
  tr_dtype dtype; /* of the array begun last */
};

tr_status tr_npz_create(tr_ctx *ctx, const char *path, tr_npz_out **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, out);
  *out = calloc(1, sizeof **out);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the archive '%s'", path);
  (*out)->ctx = ctx;
  tr_status status = tr_zip_out_create(ctx, path, TR_ZIP32_MAX, &(*out)->zip);
  if (status != TR_OK) tr_npz_discard(out);
  return status;
}

/* The header of elements that `descr` describes, each as wide as those of `dtype` or several of them. */
static tr_status begin(tr_npz_out *npz, const char *name, const char *descr, const tr_npy *shape,
                       uint64_t bytes) {
  char entry[300], header[TR_NPY_HEADER_MAX];
  int length = snprintf(entry, sizeof entry, "%s%s", name, SUFFIX);
  if (length >= (int)sizeof entry)
    return TR_FAIL(npz->ctx, TR_E_ARG, "an array's name of %zu characters is too long", strlen(name));
  uint64_t at = tr_zip_out_content_at(npz->zip, entry, bytes);
  size_t header_size = tr_npy_header_of(descr, shape->ndim, shape->shape, at, header);
  TR_TRY(tr_zip_out_begin(npz->zip, entry, header_size + bytes));
  npz->dtype = shape->dtype;
  return tr_zip_out_write(npz->zip, header, header_size);
}

tr_status tr_npz_begin(tr_npz_out *npz, const char *name, const tr_npy *shape) {
  TR_REQUIRE(TR_CTX_OF(npz), npz, name, shape);
  TR_TRY(tr_npy_check(npz->ctx, shape));
  return begin(npz, name, tr_npy_descr(shape->dtype), shape,
               (uint64_t)shape->count * tr_dtype_size(shape->dtype));
}

tr_status tr_npz_append(tr_npz_out *npz, const void *elements, int64_t n) {
  TR_REQUIRE(TR_CTX_OF(npz), npz, elements);
  size_t size = tr_dtype_size(npz->dtype);
  if (n < 0 || (uint64_t)n > SIZE_MAX / size)
    return TR_FAIL(npz->ctx, TR_E_ARG, "cannot append %lld elements", (long long)n);
  return tr_zip_out_write(npz->zip, elements, (size_t)n * size);
}

static tr_status append_piece(tr_npz_out *npz, const tr_array *a, int64_t from, int64_t n, void *buffer) {
  tr_array piece = tr_view(a, from, 1, &n);
  TR_TRY(tr_array_download(&piece, buffer));
  return tr_npz_append(npz, buffer, n);
}

tr_status tr_npz_append_array(tr_npz_out *npz, const tr_array *a) {
  TR_REQUIRE(TR_CTX_FROM(npz, a), npz, a);
  if (a->dtype != npz->dtype)
    return TR_FAIL(npz->ctx, TR_E_SHAPE, "cannot append %s to an array of %s", tr_npy_type_name(a->dtype),
                   tr_npy_type_name(npz->dtype));
  void *buffer = malloc(PIECE * tr_dtype_size(a->dtype));
  if (!buffer) return TR_FAIL(npz->ctx, TR_E_MEM, "out of memory for a piece of %d elements", PIECE);
  tr_status status = TR_OK;
  for (int64_t from = 0; from < a->count && status == TR_OK; from += PIECE)
    status = append_piece(npz, a, from, a->count - from < PIECE ? a->count - from : PIECE, buffer);
  free(buffer);
  return status;
}

tr_status tr_npz_add(tr_npz_out *npz, const char *name, const tr_npy *npy) {
  TR_REQUIRE(TR_CTX_OF(npz), npz, name, npy);
  TR_TRY(tr_npz_begin(npz, name, npy));
  return npy->count ? tr_npz_append(npz, npy->data, npy->count) : TR_OK;
}

tr_status tr_npz_add_array(tr_npz_out *npz, const char *name, const tr_array *a) {
  TR_REQUIRE(TR_CTX_FROM(npz, a), npz, name, a);
  tr_npy npy;
  TR_TRY(tr_npy_wrap(npz->ctx, a->dtype, a->ndim, a->shape, NULL, &npy));
  TR_TRY(tr_npz_begin(npz, name, &npy));
  return tr_npz_append_array(npz, a);
}

/* ---- texts: every character is 4 bytes, and all have the length of the longest ---- */

static tr_status count_characters(tr_npz_out *npz, const char *name, const char *text, int64_t *out) {
  const size_t length = strlen(text);
  *out = 0;
  for (size_t i = 0, n; i < length; i += n, ++*out)
    if ((n = tr_text_character(text + i, length - i, NULL)) == 0)
      return TR_FAIL(npz->ctx, TR_E_ARG, "array '%s': the text '%s' is no UTF-8", name, TR_SHOW(text, 80));
  return TR_OK;
}

static tr_status find_longest(tr_npz_out *npz, const char *name, int64_t n, const char *const *texts,
                              int64_t *out) {
  int64_t length;
  *out = 1;
  for (int64_t i = 0; i < n; i++) {
    if (!texts[i]) return TR_FAIL(npz->ctx, TR_E_ARG, "array '%s': text %lld is NULL", name, (long long)i);
    TR_TRY(count_characters(npz, name, texts[i], &length));
    if (length > *out) *out = length;
  }
  return TR_OK;
}

/* One text, zeros behind it. */
static tr_status append_text(tr_npz_out *npz, const char *text, int64_t width, uint32_t *room) {
  const size_t length = strlen(text);
  size_t used = 0;
  memset(room, 0, (size_t)width * sizeof *room);
  for (size_t i = 0; i < length; used++) i += tr_text_character(text + i, length - i, &room[used]);
  return tr_npz_append(npz, room, width);
}

tr_status tr_npz_add_texts(tr_npz_out *npz, const char *name, int64_t n, const char *const *texts) {
  TR_REQUIRE(TR_CTX_OF(npz), npz, name, texts);
  int64_t width;
  char descr[32];
  tr_npy shape;
  TR_TRY(tr_npy_wrap(npz->ctx, TR_U32, 1, &n, NULL, &shape));
  TR_TRY(find_longest(npz, name, n, texts, &width));
  snprintf(descr, sizeof descr, "<U%lld", (long long)width);
  uint32_t *room = malloc((size_t)width * sizeof *room);
  if (!room) return TR_FAIL(npz->ctx, TR_E_MEM, "out of memory for %lld characters", (long long)width);
  tr_status status = begin(npz, name, descr, &shape, (uint64_t)n * (uint64_t)width * sizeof *room);
  for (int64_t i = 0; i < n && status == TR_OK; i++) status = append_text(npz, texts[i], width, room);
  free(room);
  return status;
}

tr_status tr_npz_commit(tr_npz_out **npz) {
  if (!npz || !*npz) return TR_FAIL(NULL, TR_E_ARG, "tr_npz_commit: npz is NULL");
  tr_status status = tr_zip_out_commit(&(*npz)->zip);
  free(*npz);
  *npz = NULL;
  return status;
}

void tr_npz_discard(tr_npz_out **npz) {
  if (!npz || !*npz) return;
  tr_zip_out_discard(&(*npz)->zip);
  free(*npz);
  *npz = NULL;
}
