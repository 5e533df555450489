#include "core/io/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/npy_private.h"
#include "core/require_private.h"

/* As a file says it and as NumPy does. */
static const struct {
  const char *descr, *name;
} types[TR_N_DTYPES] = {
    [TR_BOOL] = {"|b1", "bool"},   [TR_I8] = {"|i1", "int8"},     [TR_I16] = {"<i2", "int16"},
    [TR_I32] = {"<i4", "int32"},   [TR_I64] = {"<i8", "int64"},   [TR_U8] = {"|u1", "uint8"},
    [TR_U16] = {"<u2", "uint16"},  [TR_U32] = {"<u4", "uint32"},  [TR_U64] = {"<u8", "uint64"},
    [TR_F16] = {"<f2", "float16"}, [TR_F32] = {"<f4", "float32"}, [TR_F64] = {"<f8", "float64"}};

#define DESCR_MAX   16
#define MAGIC       "\x93NUMPY"
#define MAGIC_BYTES 6

const char *tr_npy_descr(tr_dtype dtype) {
  return (unsigned)dtype < TR_N_DTYPES ? types[dtype].descr : NULL;
}

const char *tr_npy_type_name(tr_dtype dtype) {
  return tr_npy_descr(dtype) ? types[dtype].name : tr_dtype_name(dtype);
}

const char *tr_npy_describe(const tr_npy *npy, char *text, size_t size) {
  if (!npy || !text) return "";
  size_t used = (size_t)snprintf(text, size, "%s (", tr_npy_type_name(npy->dtype));
  for (int i = 0; i < npy->ndim && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, i ? ", %lld" : "%lld", (long long)npy->shape[i]);
  if (used < size) snprintf(text + used, size - used, ")");
  return text;
}

/* The product of the shape; false when its bytes would overflow. */
static bool count_elements(tr_npy *npy) {
  npy->count = 1;
  for (int i = 0; i < npy->ndim; i++)
    if (npy->shape[i] < 0 || __builtin_mul_overflow(npy->count, npy->shape[i], &npy->count)) return false;
  return npy->count <= INT64_MAX / 8;
}

/* Reading the header: the literal of a Python dict with exactly the keys descr, fortran_order and shape. */

typedef struct {
  const char *at, *end;
} cursor;

static void skip_blanks(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) c->at++;
}

static bool take(cursor *c, const char *word) {
  size_t n = strlen(word);
  skip_blanks(c);
  if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return false;
  c->at += n;
  return true;
}

/* A quoted text of letters, digits and the signs of a descr. */
static bool take_text(cursor *c, char text[DESCR_MAX + 1]) {
  skip_blanks(c);
  if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return false;
  char quote = *c->at++;
  size_t n = 0;
  while (c->at < c->end && *c->at != quote) {
    if (n == DESCR_MAX || *c->at < '!' || *c->at > '~') return false;
    text[n++] = *c->at++;
  }
  text[n] = 0;
  return c->at < c->end && *c->at++ == quote;
}

static bool take_extent(cursor *c, int64_t *out) {
  skip_blanks(c);
  if (c->at == c->end || *c->at < '0' || *c->at > '9') return false;
  for (*out = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
    if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *c->at - '0', out))
      return false;
  return true;
}

/* (), (3,), (3, 4) or (3, 4,) */
static bool take_shape(cursor *c, tr_npy *out) {
  if (!take(c, "(")) return false;
  for (out->ndim = 0; !take(c, ")"); out->ndim++) {
    if (out->ndim == TR_NPY_MAX_DIMS || !take_extent(c, &out->shape[out->ndim])) return false;
    bool comma = take(c, ",");
    if (!comma && (out->ndim == 0 || !take(c, ")"))) return false;
    if (!comma) return ++out->ndim, true;
  }
  return true;
}

typedef struct {
  char descr[DESCR_MAX + 1];
  bool fortran, has_descr, has_order, has_shape;
} header;

static bool take_item(cursor *c, header *h, tr_npy *out) {
  char key[DESCR_MAX + 1];
  if (!take_text(c, key) || !take(c, ":")) return false;
  if (strcmp(key, "descr") == 0 && !h->has_descr) return h->has_descr = take_text(c, h->descr);
  if (strcmp(key, "shape") == 0 && !h->has_shape) return h->has_shape = take_shape(c, out);
  if (strcmp(key, "fortran_order") != 0 || h->has_order) return false;
  h->fortran = take(c, "True");
  return h->has_order = h->fortran || take(c, "False");
}

static bool take_dict(cursor *c, header *h, tr_npy *out) {
  if (!take(c, "{")) return false;
  while (!take(c, "}")) {
    if (!take_item(c, h, out)) return false;
    if (take(c, ",")) continue;
    if (!take(c, "}")) return false;
    break;
  }
  skip_blanks(c);
  return c->at == c->end && h->has_descr && h->has_order && h->has_shape;
}

static tr_status find_type(tr_ctx *ctx, const char *name, const char *descr, tr_dtype *out) {
  for (int i = 0; i < TR_N_DTYPES; i++)
    if (types[i].descr && strcmp(types[i].descr, descr) == 0) return *out = (tr_dtype)i, TR_OK;
  return TR_FAIL(ctx, TR_E_IO,
                 "%s holds elements of type '%s': save little-endian numbers, float64 or float32 for example",
                 name, descr);
}

/* Where the header's text begins: its length takes 2 bytes in version 1 and 4 in versions 2 and 3. */
static size_t head_start(const unsigned char *bytes) {
  return bytes[6] == 1 ? 10 : 12;
}

size_t tr_npy_head_size(const unsigned char bytes[TR_NPY_HEAD]) {
  const size_t start = head_start(bytes);
  size_t length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
  if (start > 10) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
  return start + length;
}

/* Where the header's text lies. */
static tr_status find_header(tr_ctx *ctx, const char *name, const unsigned char *bytes, size_t size,
                             cursor *out) {
  if (size < 12 || memcmp(bytes, MAGIC, MAGIC_BYTES) != 0)
    return TR_FAIL(ctx, TR_E_IO, "%s is no .npy file: it must begin with \\x93NUMPY and a header", name);
  int major = bytes[6], minor = bytes[7];
  if (major < 1 || major > 3 || minor != 0)
    return TR_FAIL(ctx, TR_E_IO, "%s has .npy version %d.%d: 1.0, 2.0 and 3.0 can be read", name, major,
                   minor);
  const size_t start = head_start(bytes), whole = tr_npy_head_size(bytes);
  if (whole > size)
    return TR_FAIL(ctx, TR_E_IO, "%s is truncated: its header says %zu bytes, %zu are there", name,
                   whole - start, size - start);
  *out = (cursor){(const char *)bytes + start, (const char *)bytes + whole};
  return TR_OK;
}

/* Copies `from` in Fortran order to row-major `to`. */
static void reorder(const tr_npy *npy, const unsigned char *from, unsigned char *to) {
  size_t item = tr_dtype_size(npy->dtype);
  int64_t index[TR_NPY_MAX_DIMS] = {0}, stride[TR_NPY_MAX_DIMS], source = 0;
  for (int d = 0; d < npy->ndim; d++) stride[d] = d ? stride[d - 1] * npy->shape[d - 1] : 1;
  for (int64_t i = 0; i < npy->count; i++) {
    memcpy(to + (size_t)i * item, from + (size_t)source * item, item);
    for (int d = npy->ndim - 1; d >= 0; d--) {
      source += stride[d];
      if (++index[d] < npy->shape[d]) break;
      source -= stride[d] * npy->shape[d];
      index[d] = 0;
    }
  }
}

/* Points at the elements, or copies them when the caller could not use them as they lie. */
static tr_status place(tr_ctx *ctx, const char *name, const unsigned char *elements, bool fortran,
                       tr_npy *out) {
  size_t item = tr_dtype_size(out->dtype), bytes = (size_t)out->count * item;
  bool scattered = fortran && out->ndim > 1;
  out->data = elements;
  if (!scattered && (uintptr_t)elements % item == 0) return TR_OK;
  out->owned = malloc(bytes ? bytes : 1);
  if (!out->owned) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the %zu bytes of %s", bytes, name);
  out->data = out->owned;
  if (scattered)
    reorder(out, elements, out->owned);
  else
    memcpy(out->owned, elements, bytes);
  return TR_OK;
}

/* Type and shape from the header of a file of `size` bytes, of which no more than the header is looked at. */
static tr_status parse_header(tr_ctx *ctx, const char *name, const unsigned char *bytes, size_t size,
                              tr_npy *out, const unsigned char **elements, bool *fortran) {
  cursor c = {0};
  header h = {0};
  TR_TRY(find_header(ctx, name, bytes, size, &c));
  if (!take_dict(&c, &h, out))
    return TR_FAIL(ctx, TR_E_IO,
                   "%s has a malformed .npy header: it must hold a plain 'descr', 'fortran_order' and a "
                   "'shape' of at most %d extents, and nothing else",
                   name, TR_NPY_MAX_DIMS);
  TR_TRY(find_type(ctx, name, h.descr, &out->dtype));
  if (!count_elements(out))
    return TR_FAIL(ctx, TR_E_IO, "%s claims a shape whose size overflows 64 bits", name);
  size_t there = size - (size_t)((const unsigned char *)c.end - bytes);
  uint64_t claimed = (uint64_t)out->count * tr_dtype_size(out->dtype);
  if (claimed != there) {
    char text[120];
    return TR_FAIL(ctx, TR_E_IO, "%s %s: %s needs %llu bytes, %zu are there", name,
                   claimed > there ? "is truncated" : "is longer than its shape says",
                   tr_npy_describe(out, text, sizeof text), (unsigned long long)claimed, there);
  }
  *elements = (const unsigned char *)c.end;
  *fortran = h.fortran;
  return TR_OK;
}

static tr_status parse(tr_ctx *ctx, const char *name, const unsigned char *bytes, size_t size, tr_npy *out) {
  const unsigned char *elements;
  bool fortran;
  TR_TRY(parse_header(ctx, name, bytes, size, out, &elements, &fortran));
  return place(ctx, name, elements, fortran, out);
}

tr_status tr_npy_parse_head(tr_ctx *ctx, const char *name, const unsigned char *bytes, size_t size,
                            tr_npy *out) {
  const unsigned char *elements;
  bool fortran;
  *out = (tr_npy){0};
  TR_TRY(parse_header(ctx, name, bytes, size, out, &elements, &fortran));
  if (fortran && out->ndim > 1)
    return TR_FAIL(ctx, TR_E_IO,
                   "%s is stored in Fortran order, which cannot be read row by row: save it in C order",
                   name);
  return TR_OK;
}

tr_status tr_npy_parse(tr_ctx *ctx, const char *name, const unsigned char *bytes, size_t size, tr_npy *out) {
  if (out) *out = (tr_npy){0};
  TR_REQUIRE(ctx, name, out);
  if (size) TR_REQUIRE(ctx, bytes);
  tr_status status = parse(ctx, name, bytes, size, out);
  if (status != TR_OK) *out = (tr_npy){0};
  return status;
}

tr_status tr_npy_open(tr_ctx *ctx, const char *path, tr_npy *out) {
  if (out) *out = (tr_npy){0};
  TR_REQUIRE(ctx, path, out);
  tr_file_map map;
  TR_TRY(tr_file_map_open(ctx, path, &map));
  tr_status status = tr_npy_parse(ctx, path, map.data, map.size, out);
  if (status == TR_OK && !out->owned)
    out->map = map;
  else
    tr_file_map_close(&map);
  return status;
}

void tr_npy_close(tr_npy *npy) {
  if (!npy) return;
  free(npy->owned);
  tr_file_map_close(&npy->map);
  *npy = (tr_npy){0};
}

void tr_npy_get_f64(const tr_npy *npy, double *out) {
  if (!npy || !out) return;
  tr_dtype_to_f64(npy->dtype, npy->count, npy->data, out);
}

void tr_npy_get_f32(const tr_npy *npy, float *out) {
  if (!npy || !out) return;
  tr_dtype_to_f32(npy->dtype, npy->count, npy->data, out);
}

tr_status tr_npy_get_i32(tr_ctx *ctx, const tr_npy *npy, int32_t *out) {
  TR_REQUIRE(ctx, npy, out);
  const char *element = npy->data;
  for (int64_t i = 0; i < npy->count; i++, element += tr_dtype_size(npy->dtype)) {
    double value;
    tr_dtype_to_f64(npy->dtype, 1, element, &value);
    if (tr_dtype_from_f64(TR_I32, 1, &value, &out[i]) != 1)
      return TR_FAIL(ctx, TR_E_ARG, "%g at element %lld is no %s", value, (long long)i,
                     tr_dtype_kind(TR_I32));
  }
  return TR_OK;
}

static tr_status upload(const tr_npy *npy, tr_array *a) {
  if (npy->dtype == a->dtype) return tr_array_upload(a, npy->data);
  double *values = malloc((size_t)(npy->count ? npy->count : 1) * sizeof *values);
  if (!values)
    return TR_FAIL(a->ctx, TR_E_MEM, "out of memory converting %lld elements", (long long)npy->count);
  tr_npy_get_f64(npy, values);
  tr_status status = tr_array_set_f64(a, values);
  free(values);
  return status;
}

tr_status tr_npy_to_array(tr_ctx *ctx, const tr_npy *npy, tr_dtype dtype, tr_array **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, npy, out);
  const int64_t one = 1;
  if (npy->ndim > TR_MAX_DIMS) {
    char text[120];
    return TR_FAIL(ctx, TR_E_SHAPE, "%s has too many dimensions: an array has at most %d",
                   tr_npy_describe(npy, text, sizeof text), TR_MAX_DIMS);
  }
  TR_TRY(tr_array_create(ctx, dtype, npy->ndim ? npy->ndim : 1, npy->ndim ? npy->shape : &one, out));
  tr_status status = upload(npy, *out);
  if (status != TR_OK) tr_array_destroy(out);
  return status;
}

tr_status tr_npy_wrap(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, const void *data,
                      tr_npy *out) {
  if (out) *out = (tr_npy){0};
  TR_REQUIRE(ctx, out);
  if (ndim > 0) TR_REQUIRE(ctx, shape);
  if (ndim < 0 || ndim > TR_NPY_MAX_DIMS)
    return TR_FAIL(ctx, TR_E_SHAPE, "a .npy array of %d dimensions: use 0 to %d", ndim, TR_NPY_MAX_DIMS);
  if ((unsigned)dtype >= TR_N_DTYPES)
    return TR_FAIL(ctx, TR_E_ARG, "there is no element type %d", (int)dtype);
  if (!tr_npy_descr(dtype))
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "NumPy files cannot hold %s: convert to f32 first",
                   tr_dtype_name(dtype));
  tr_npy npy = {.dtype = dtype, .ndim = ndim, .data = data};
  if (ndim) memcpy(npy.shape, shape, (size_t)ndim * sizeof *shape);
  if (!count_elements(&npy)) {
    char text[240];
    return TR_FAIL(ctx, TR_E_SHAPE, "the shape of %s is negative or overflows 64-bit sizes",
                   tr_npy_describe(&npy, text, sizeof text));
  }
  *out = npy;
  return TR_OK;
}

tr_status tr_npy_check(tr_ctx *ctx, const tr_npy *npy) {
  tr_npy counted;
  TR_TRY(tr_npy_wrap(ctx, npy->dtype, npy->ndim, npy->shape, npy->data, &counted));
  if (counted.count == npy->count) return TR_OK;
  char text[240];
  return TR_FAIL(ctx, TR_E_ARG, "an array %s is said to have %lld elements: use tr_npy_wrap to describe one",
                 tr_npy_describe(npy, text, sizeof text), (long long)npy->count);
}

size_t tr_npy_header_of(const char *descr, int ndim, const int64_t *shape, uint64_t at,
                        char text[TR_NPY_HEADER_MAX]) {
  size_t used = MAGIC_BYTES + 4;
  memcpy(text, MAGIC "\x01\x00", MAGIC_BYTES + 2);
  used += (size_t)snprintf(text + used, TR_NPY_HEADER_MAX - used,
                           "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
  for (int i = 0; i < ndim; i++)
    used +=
        (size_t)snprintf(text + used, TR_NPY_HEADER_MAX - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
  used += (size_t)snprintf(text + used, TR_NPY_HEADER_MAX - used, ndim == 1 ? ",), }" : "), }");
  while ((at + used + 1) % 64 != 0) text[used++] = ' ';
  text[used++] = '\n';
  size_t length = used - MAGIC_BYTES - 4;
  text[8] = (char)(length & 255), text[9] = (char)(length >> 8);
  return used;
}

size_t tr_npy_header(const tr_npy *npy, uint64_t at, char text[TR_NPY_HEADER_MAX]) {
  if (!npy || !text || !tr_npy_descr(npy->dtype)) return 0;
  return tr_npy_header_of(types[npy->dtype].descr, npy->ndim, npy->shape, at, text);
}

tr_status tr_npy_save(tr_ctx *ctx, const char *path, const tr_npy *npy) {
  TR_REQUIRE(ctx, path, npy);
  if (npy->count) TR_REQUIRE(ctx, npy->data);
  TR_TRY(tr_npy_check(ctx, npy));
  char text[TR_NPY_HEADER_MAX];
  tr_out_file *file;
  TR_TRY(tr_out_file_open(ctx, path, &file));
  FILE *stream = tr_out_file_stream(file);
  size_t item = tr_dtype_size(npy->dtype);
  fwrite(text, 1, tr_npy_header(npy, 0, text), stream); /* errors stick to the stream; commit reports them */
  if (npy->count) fwrite(npy->data, item, (size_t)npy->count, stream);
  return tr_out_file_commit(ctx, &file);
}
