#include "core/io/zip_write_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <zlib.h>

#include "core/io/file.h"

#define NAME_MAX_BYTES    255
#define DATE              0x21 /* 1980-01-01, the earliest a zip can say */
#define CRC_AT            14   /* where the CRC-32 stands in a local header */
#define LOCAL_BYTES       30   /* of a local header without name and ZIP64 field */
#define LOCAL_EXTRA_BYTES 20
#define FILL_BYTES        4 /* of a field that fills up, without its filling */
#define FILL_MAX          4096

typedef struct {
  char *name;
  uint64_t size, offset; /* offset: of the local header */
  uint32_t crc;
} entry;

struct tr_zip_out {
  tr_ctx *ctx;
  tr_out_file *file;
  char *path;
  uint32_t zip32_max;
  uint64_t offset, left; /* bytes written; bytes that the open entry still misses */
  entry *entries;
  size_t n, capacity;
  tr_status status; /* of the first call that failed */
};

/* A record under construction: little-endian fields one after the other. */
typedef struct {
  unsigned char bytes[128];
  size_t size;
} record;

static void put(record *r, int width, uint64_t value) {
  for (int i = 0; i < width; i++) r->bytes[r->size++] = (unsigned char)(value >> 8 * i);
}

static bool big(const tr_zip_out *zip, uint64_t value) {
  return value > zip->zip32_max;
}

/* A 32-bit field; all ones refer the reader to the ZIP64 record. */
static void put_clipped(record *r, bool zip64, uint64_t value) {
  put(r, 4, zip64 ? 0xFFFFFFFFu : value);
}

static tr_status note(tr_zip_out *zip, tr_status status) {
  if (zip->status == TR_OK) zip->status = status;
  return status;
}

static tr_status write_out(tr_zip_out *zip, const void *bytes, size_t size) {
  if (size && fwrite(bytes, 1, size, tr_out_file_stream(zip->file)) != size)
    return TR_FAIL(zip->ctx, TR_E_IO, "cannot write '%s': %s", zip->path, strerror(errno));
  zip->offset += size;
  return TR_OK;
}

tr_status tr_zip_out_create(tr_ctx *ctx, const char *path, uint32_t zip32_max, tr_zip_out **out) {
  *out = NULL;
  tr_zip_out *zip = calloc(1, sizeof *zip);
  if (!zip || !(zip->path = strdup(path))) {
    free(zip);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for the archive '%s'", path);
  }
  zip->ctx = ctx, zip->zip32_max = zip32_max;
  tr_status status = tr_out_file_open(ctx, path, &zip->file);
  if (status != TR_OK)
    tr_zip_out_discard(&zip);
  else
    *out = zip;
  return status;
}

static tr_status check_name(const tr_zip_out *zip, const char *name) {
  size_t length = strlen(name);
  bool sound = length >= 1 && length <= NAME_MAX_BYTES && *name != '/';
  for (const char *c = name; sound && *c; c++) sound = *c >= ' ' && *c <= '~' && *c != '\\';
  if (!sound)
    return TR_FAIL(zip->ctx, TR_E_ARG,
                   "an entry of '%s' needs a relative name of 1 to %d printable ASCII characters", zip->path,
                   NAME_MAX_BYTES);
  for (size_t i = 0; i < zip->n; i++)
    if (strcmp(zip->entries[i].name, name) == 0)
      return TR_FAIL(zip->ctx, TR_E_ARG, "'%s' already has an entry '%s'", zip->path, name);
  return TR_OK;
}

static tr_status add_entry(tr_zip_out *zip, const char *name, uint64_t size) {
  if (zip->n == zip->capacity) {
    size_t capacity = zip->capacity ? 2 * zip->capacity : 16;
    entry *grown = realloc(zip->entries, capacity * sizeof *grown);
    if (!grown) return TR_FAIL(zip->ctx, TR_E_MEM, "out of memory for the entries of '%s'", zip->path);
    zip->entries = grown, zip->capacity = capacity;
  }
  char *copy = strdup(name);
  if (!copy) return TR_FAIL(zip->ctx, TR_E_MEM, "out of memory for the entries of '%s'", zip->path);
  zip->entries[zip->n++] = (entry){.name = copy, .size = size, .offset = zip->offset};
  zip->left = size;
  return TR_OK;
}

/* The fields that local and central headers share, from "version needed" to the length of the name. */
static void put_common(record *r, const tr_zip_out *zip, const entry *e) {
  bool zip64 = big(zip, e->size);
  put(r, 2, zip64 || big(zip, e->offset) ? 45 : 20);
  put(r, 2, 0); /* flags */
  put(r, 2, 0); /* stored */
  put(r, 2, 0), put(r, 2, DATE);
  put(r, 4, e->crc);
  put_clipped(r, zip64, e->size), put_clipped(r, zip64, e->size);
  put(r, 2, strlen(e->name));
}

/* Bytes of a field "FB" that moves the content to a multiple of `alignment`; 0: none is needed. */
static size_t filling(uint64_t content_at, unsigned alignment) {
  const size_t over = (size_t)(content_at % alignment);
  if (over == 0) return 0;
  const size_t gap = alignment - over;
  return gap >= FILL_BYTES ? gap : gap + alignment * ((FILL_BYTES - gap + alignment - 1) / alignment);
}

static tr_status write_filling(tr_zip_out *zip, size_t size) {
  static const char spaces[FILL_MAX];
  record r = {.size = 0};
  if (size == 0) return TR_OK;
  put(&r, 2, 0x4246), put(&r, 2, size - FILL_BYTES);
  TR_TRY(write_out(zip, r.bytes, r.size));
  return write_out(zip, spaces, size - FILL_BYTES);
}

static tr_status write_local(tr_zip_out *zip, const entry *e, unsigned alignment) {
  record r = {.size = 0}, extra = {.size = 0};
  const size_t fill = filling(tr_zip_out_content_at(zip, e->name, e->size), alignment);
  if (big(zip, e->size))
    put(&extra, 2, 1), put(&extra, 2, 16), put(&extra, 8, e->size), put(&extra, 8, e->size);
  put(&r, 4, 0x04034b50);
  put_common(&r, zip, e);
  put(&r, 2, extra.size + fill);
  TR_TRY(write_out(zip, r.bytes, r.size));
  TR_TRY(write_out(zip, e->name, strlen(e->name)));
  TR_TRY(write_out(zip, extra.bytes, extra.size));
  return write_filling(zip, fill);
}

/* Goes back to the local header of the finished entry and fills in its CRC-32. */
static tr_status close_entry(tr_zip_out *zip) {
  if (zip->n == 0) return TR_OK;
  const entry *e = &zip->entries[zip->n - 1];
  if (zip->left)
    return TR_FAIL(zip->ctx, TR_E_ARG, "entry '%s' of '%s' was left %llu bytes short", e->name, zip->path,
                   (unsigned long long)zip->left);
  FILE *stream = tr_out_file_stream(zip->file);
  record r = {.size = 0};
  put(&r, 4, e->crc);
  if (fseeko(stream, (off_t)(e->offset + CRC_AT), SEEK_SET) != 0 || fwrite(r.bytes, 1, 4, stream) != 4 ||
      fseeko(stream, (off_t)zip->offset, SEEK_SET) != 0)
    return TR_FAIL(zip->ctx, TR_E_IO, "cannot write '%s': %s", zip->path, strerror(errno));
  return TR_OK;
}

static tr_status begin(tr_zip_out *zip, const char *name, uint64_t size, unsigned alignment) {
  TR_TRY(check_name(zip, name));
  TR_TRY(close_entry(zip));
  TR_TRY(add_entry(zip, name, size));
  return write_local(zip, &zip->entries[zip->n - 1], alignment);
}

tr_status tr_zip_out_begin(tr_zip_out *zip, const char *name, uint64_t size) {
  return note(zip, begin(zip, name, size, 1));
}

tr_status tr_zip_out_begin_aligned(tr_zip_out *zip, const char *name, uint64_t size, unsigned alignment) {
  if (alignment < 1 || alignment > FILL_MAX)
    return note(zip, TR_FAIL(zip->ctx, TR_E_ARG, "entries at multiples of %u bytes: use 1 to %d", alignment,
                             FILL_MAX));
  return note(zip, begin(zip, name, size, alignment));
}

uint64_t tr_zip_out_content_at(const tr_zip_out *zip, const char *name, uint64_t size) {
  return zip->offset + LOCAL_BYTES + strlen(name) + (big(zip, size) ? LOCAL_EXTRA_BYTES : 0);
}

static tr_status append(tr_zip_out *zip, const void *bytes, size_t size) {
  if (size > zip->left)
    return TR_FAIL(zip->ctx, TR_E_ARG, "%zu bytes do not fit into an entry of '%s' that has %llu left", size,
                   zip->path, (unsigned long long)zip->left);
  if (size == 0) return TR_OK;
  TR_TRY(write_out(zip, bytes, size));
  entry *e = &zip->entries[zip->n - 1];
  e->crc = (uint32_t)crc32_z(e->crc, bytes, size);
  zip->left -= size;
  return TR_OK;
}

tr_status tr_zip_out_write(tr_zip_out *zip, const void *bytes, size_t size) {
  return note(zip, append(zip, bytes, size));
}

static tr_status write_central(tr_zip_out *zip, const entry *e) {
  record r = {.size = 0}, extra = {.size = 0};
  if (big(zip, e->size) || big(zip, e->offset)) {
    put(&extra, 2, 1), put(&extra, 2, (big(zip, e->size) ? 16 : 0) + (big(zip, e->offset) ? 8 : 0));
    if (big(zip, e->size)) put(&extra, 8, e->size), put(&extra, 8, e->size);
    if (big(zip, e->offset)) put(&extra, 8, e->offset);
  }
  put(&r, 4, 0x02014b50);
  put(&r, 2, 3 << 8 | 45); /* made on Unix */
  put_common(&r, zip, e);
  put(&r, 2, extra.size);
  put(&r, 2, 0), put(&r, 2, 0), put(&r, 2, 0); /* no comment, disk 0, binary */
  put(&r, 4, (uint64_t)0100644 << 16);         /* a regular file, rw-r--r-- */
  put_clipped(&r, big(zip, e->offset), e->offset);
  TR_TRY(write_out(zip, r.bytes, r.size));
  TR_TRY(write_out(zip, e->name, strlen(e->name)));
  return write_out(zip, extra.bytes, extra.size);
}

static tr_status write_end(tr_zip_out *zip, uint64_t start) {
  uint64_t here = zip->offset, size = here - start;
  bool many = zip->n >= 0xFFFF, zip64 = many || big(zip, start) || big(zip, size);
  record r = {.size = 0};
  if (zip64) {
    put(&r, 4, 0x06064b50), put(&r, 8, 44), put(&r, 2, 3 << 8 | 45), put(&r, 2, 45), put(&r, 4, 0);
    put(&r, 4, 0), put(&r, 8, zip->n), put(&r, 8, zip->n), put(&r, 8, size), put(&r, 8, start);
    put(&r, 4, 0x07064b50), put(&r, 4, 0), put(&r, 8, here), put(&r, 4, 1);
  }
  put(&r, 4, 0x06054b50), put(&r, 2, 0), put(&r, 2, 0);
  put(&r, 2, many ? 0xFFFF : zip->n), put(&r, 2, many ? 0xFFFF : zip->n);
  put_clipped(&r, big(zip, size), size), put_clipped(&r, big(zip, start), start);
  put(&r, 2, 0);
  return write_out(zip, r.bytes, r.size);
}

static tr_status finish(tr_zip_out *zip) {
  TR_TRY(zip->status);
  TR_TRY(close_entry(zip));
  uint64_t start = zip->offset;
  for (size_t i = 0; i < zip->n; i++) TR_TRY(write_central(zip, &zip->entries[i]));
  TR_TRY(write_end(zip, start));
  return tr_out_file_commit(zip->ctx, &zip->file);
}

tr_status tr_zip_out_commit(tr_zip_out **zip) {
  tr_status status = finish(*zip);
  tr_zip_out_discard(zip);
  return status;
}

void tr_zip_out_discard(tr_zip_out **zip) {
  if (!*zip) return;
  tr_out_file_discard(&(*zip)->file);
  for (size_t i = 0; i < (*zip)->n; i++) free((*zip)->entries[i].name);
  free((*zip)->entries);
  free((*zip)->path);
  free(*zip);
  *zip = NULL;
}
