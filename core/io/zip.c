/* Reading zip archives (PKWARE APPNOTE 6.3.10; ZIP64 in its section 4.5.3). The central directory is the
 * authority, as the format has it; what the local headers and data descriptors repeat must agree. */
#include "core/io/zip_private.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/bytes_private.h"
#include "core/text.h"

enum {
  END_SIZE = 22,
  END64_SIZE = 56,
  LOCATOR_SIZE = 20,
  CENTRAL_SIZE = 46,
  LOCAL_SIZE = 30,
  MAX_COMMENT = 65535,
  ZIP64_EXTRA = 1,
  FLAG_DESCRIPTOR = 1 << 3, /* sizes and CRC-32 follow the data */
  /* encrypted, patch data, strongly encrypted, masked headers */
  FLAGS_REFUSED = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 13,
};
static const uint32_t end_signature = 0x06054b50, end64_signature = 0x06064b50,
                      locator_signature = 0x07064b50;
static const uint32_t central_signature = 0x02014b50, local_signature = 0x04034b50;
static const uint32_t descriptor_signature = 0x08074b50;

/* Deflate codes 258 bytes in two bits at best, so no honest entry grows more than 1032 times. */
static const uint64_t max_deflate_ratio = 1032;

struct tr_zip {
  const tr_file_map *map;
  int n;
  tr_zip_entry *entries;        /* in the order of the directory */
  const tr_zip_entry **by_name; /* sorted */
  char *names;                  /* every name, NUL-terminated, one after the other */
  bool no_checksums;            /* every CRC-32 is recorded as 0 */
};

/* Where the central directory lies. */
typedef struct {
  uint64_t offset, size, count;
} directory;

/* Where an entry lies: local header, data and descriptor. */
typedef struct {
  uint64_t begin, end;
  const tr_zip_entry *entry;
} span;

#define FAIL_AT(ctx, map, offset, ...) fail_at((ctx), (map), (offset), __LINE__, __VA_ARGS__)
static tr_status fail_at(tr_ctx *ctx, const tr_file_map *map, uint64_t offset, int line, const char *format,
                         ...) __attribute__((format(printf, 5, 6)));
static tr_status fail_at(tr_ctx *ctx, const tr_file_map *map, uint64_t offset, int line, const char *format,
                         ...) {
  char text[320];
  va_list args;
  va_start(args, format);
  tr_text_vshow(text, sizeof text, format, args);
  va_end(args);
  return tr_ctx_latch(ctx, TR_E_IO, __FILE__, line, "'%s': zip archive, offset %" PRIu64 ": %s", map->path,
                      offset, text);
}

/* ---- the end of the archive ---- */

/* The end record closes the file: its comment reaches exactly to the last byte. */
static bool find_end(const tr_file_map *map, uint64_t *end) {
  if (map->size < END_SIZE) return false;
  size_t last = map->size - END_SIZE, first = last > MAX_COMMENT ? last - MAX_COMMENT : 0;
  for (size_t p = last + 1; p-- > first;) {
    const unsigned char *record = map->data + p;
    if (tr_le32(record) != end_signature || tr_le16(record + 20) != last - p) continue;
    *end = p;
    return true;
  }
  return false;
}

/* A field of the end record either repeats the ZIP64 value or holds all ones. */
static bool agrees(uint64_t small, uint64_t large, uint64_t ones) {
  return small == large || small == ones;
}

static tr_status read_end64(tr_ctx *ctx, const tr_file_map *map, uint64_t locator_at, uint64_t *record_at,
                            directory *dir) {
  const unsigned char *locator = map->data + locator_at;
  uint64_t at = tr_le64(locator + 8);
  if (tr_le32(locator + 4) != 0 || tr_le32(locator + 16) > 1)
    return FAIL_AT(ctx, map, locator_at, "the archive spans several disks, which is not supported");
  if (!tr_range_inside(at, END64_SIZE, locator_at))
    return FAIL_AT(ctx, map, locator_at,
                   "the ZIP64 end record is said to be at %" PRIu64 ", outside the file", at);
  const unsigned char *record = map->data + at;
  uint64_t size = tr_le64(record + 4);
  if (tr_le32(record) != end64_signature || size < END64_SIZE - 12 || size != locator_at - at - 12)
    return FAIL_AT(ctx, map, at, "the ZIP64 end record is malformed");
  if (tr_le32(record + 16) != 0 || tr_le32(record + 20) != 0 || tr_le64(record + 24) != tr_le64(record + 32))
    return FAIL_AT(ctx, map, at, "the archive spans several disks, which is not supported");
  *dir = (directory){
      .count = tr_le64(record + 32), .size = tr_le64(record + 40), .offset = tr_le64(record + 48)};
  *record_at = at;
  return TR_OK;
}

static tr_status read_end(tr_ctx *ctx, const tr_file_map *map, directory *dir) {
  uint64_t at;
  if (!find_end(map, &at))
    return FAIL_AT(ctx, map, map->size,
                   "the file does not close with an end record: truncated or not a zip archive");
  const unsigned char *record = map->data + at;
  uint32_t count = tr_le16(record + 10), size = tr_le32(record + 12), offset = tr_le32(record + 16);
  if (tr_le16(record + 4) != 0 || tr_le16(record + 6) != 0 || tr_le16(record + 8) != count)
    return FAIL_AT(ctx, map, at, "the archive spans several disks, which is not supported");
  *dir = (directory){.offset = offset, .size = size, .count = count};
  uint64_t directory_end = at;
  if (at >= LOCATOR_SIZE && tr_le32(record - LOCATOR_SIZE) == locator_signature) {
    TR_TRY(read_end64(ctx, map, at - LOCATOR_SIZE, &directory_end, dir));
    if (!agrees(count, dir->count, UINT16_MAX) || !agrees(size, dir->size, UINT32_MAX) ||
        !agrees(offset, dir->offset, UINT32_MAX))
      return FAIL_AT(ctx, map, at, "the end record contradicts the ZIP64 end record");
  }
  if (!tr_range_inside(dir->offset, dir->size, directory_end) || dir->offset + dir->size != directory_end)
    return FAIL_AT(ctx, map, at,
                   "the directory (%" PRIu64 " bytes at %" PRIu64
                   ") does not end where its end record begins, %" PRIu64,
                   dir->size, dir->offset, directory_end);
  if (dir->count > dir->size / CENTRAL_SIZE || dir->count > INT_MAX)
    return FAIL_AT(ctx, map, at, "%" PRIu64 " entries do not fit into a directory of %" PRIu64 " bytes",
                   dir->count, dir->size);
  return TR_OK;
}

/* ---- one entry ---- */

/* The body of the extra field with this id; NULL when there is none or the list is malformed. */
static const unsigned char *find_extra(const unsigned char *extra, size_t size, int id, size_t *body_size) {
  while (size >= 4) {
    size_t body = tr_le16(extra + 2);
    if (body > size - 4) return NULL;
    if (tr_le16(extra) == id) {
      *body_size = body;
      return extra + 4;
    }
    extra += 4 + body;
    size -= 4 + body;
  }
  return NULL;
}

/* Replaces each all-ones field by the next value of the ZIP64 extra field. False when that is too short. */
static bool widen(uint64_t *const fields[], int n, const unsigned char *extra, size_t extra_size) {
  size_t left = 0;
  const unsigned char *body = find_extra(extra, extra_size, ZIP64_EXTRA, &left);
  for (int i = 0; i < n; i++) {
    if (*fields[i] != UINT32_MAX) continue;
    if (!body || left < 8) return false;
    *fields[i] = tr_le64(body);
    body += 8;
    left -= 8;
  }
  return true;
}

/* Names go into messages and paths: text in one piece. */
static bool is_plain_text(const unsigned char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (text[i] < 0x20 || text[i] == 0x7f) return false;
  return size > 0;
}

/* Sizes that the format itself makes impossible. */
static tr_status check_sizes(tr_ctx *ctx, const tr_file_map *map, uint64_t at, const tr_zip_entry *entry) {
  if (entry->method != 0 && entry->method != 8)
    return FAIL_AT(ctx, map, at,
                   "entry '%s' is compressed by method %d; stored (0) and deflated (8) are supported",
                   entry->name, entry->method);
  if (entry->method == 0 && entry->size != entry->stored_size)
    return FAIL_AT(ctx, map, at, "entry '%s' is stored, yet claims %" PRIu64 " bytes in %" PRIu64,
                   entry->name, entry->size, entry->stored_size);
  if (entry->method == 8 && entry->size / max_deflate_ratio > entry->stored_size)
    return FAIL_AT(ctx, map, at,
                   "entry '%s' claims %" PRIu64 " bytes deflated to %" PRIu64 ", which is impossible",
                   entry->name, entry->size, entry->stored_size);
  return TR_OK;
}

/* Reads the directory record at `at`. `limit` is where the directory ends. */
static tr_status read_central(tr_ctx *ctx, const tr_file_map *map, uint64_t at, uint64_t limit, char *name,
                              tr_zip_entry *entry, uint64_t *local_at, uint64_t *next) {
  if (!tr_range_inside(at, CENTRAL_SIZE, limit))
    return FAIL_AT(ctx, map, at, "the directory ends inside an entry");
  const unsigned char *record = map->data + at;
  size_t name_size = tr_le16(record + 28), extra_size = tr_le16(record + 30), comment = tr_le16(record + 32);
  if (tr_le32(record) != central_signature)
    return FAIL_AT(ctx, map, at, "a directory entry was expected here");
  if (!tr_range_inside(at + CENTRAL_SIZE, name_size + extra_size + comment, limit))
    return FAIL_AT(ctx, map, at, "the directory ends inside an entry");
  if (!is_plain_text(record + CENTRAL_SIZE, name_size))
    return FAIL_AT(ctx, map, at, "the name of an entry is empty or holds control characters");
  memcpy(name, record + CENTRAL_SIZE, name_size);
  name[name_size] = 0;
  *entry = (tr_zip_entry){.name = name,
                          .method = tr_le16(record + 10),
                          .crc32 = tr_le32(record + 16),
                          .stored_size = tr_le32(record + 20),
                          .size = tr_le32(record + 24)};
  *local_at = tr_le32(record + 42);
  *next = at + CENTRAL_SIZE + name_size + extra_size + comment;
  if (tr_le16(record + 8) & FLAGS_REFUSED)
    return FAIL_AT(ctx, map, at, "entry '%s' is encrypted or patched, which is not supported", name);
  if (tr_le16(record + 34) != 0 && tr_le16(record + 34) != UINT16_MAX)
    return FAIL_AT(ctx, map, at, "entry '%s' lies on another disk, which is not supported", name);
  uint64_t *const fields[] = {&entry->size, &entry->stored_size, local_at};
  if (!widen(fields, 3, record + CENTRAL_SIZE + name_size, extra_size))
    return FAIL_AT(ctx, map, at, "entry '%s' lacks the ZIP64 sizes that it refers to", name);
  return check_sizes(ctx, map, at, entry);
}

/* The descriptor behind the data, with or without signature, with 32 or 64-bit sizes. Its length, or 0 when
 * none of the four layouts agrees with the directory. */
static size_t descriptor_size(const unsigned char *p, uint64_t room, const tr_zip_entry *entry) {
  size_t head = room >= 4 && tr_le32(p) == descriptor_signature ? 4 : 0;
  for (;; head = 0) {
    const unsigned char *q = p + head;
    if (room >= head + 20 && tr_le32(q) == entry->crc32 && tr_le64(q + 4) == entry->stored_size &&
        tr_le64(q + 12) == entry->size)
      return head + 20;
    if (room >= head + 12 && tr_le32(q) == entry->crc32 && tr_le32(q + 4) == entry->stored_size &&
        tr_le32(q + 8) == entry->size)
      return head + 12;
    if (head == 0) return 0;
  }
}

/* With a descriptor the local header may leave sizes and CRC-32 at zero. */
static bool local_agrees(uint64_t local, uint64_t central, bool descriptor) {
  return local == central || (descriptor && local == 0);
}

/* Checks the local header against the directory's entry and finds the data. `limit`: the directory begins
 * there. */
static tr_status read_local(tr_ctx *ctx, const tr_file_map *map, uint64_t at, uint64_t limit,
                            tr_zip_entry *entry, span *extent) {
  if (!tr_range_inside(at, LOCAL_SIZE, limit))
    return FAIL_AT(ctx, map, at, "entry '%s' is said to begin here, outside the archive's data", entry->name);
  const unsigned char *record = map->data + at;
  size_t name_size = tr_le16(record + 26), extra_size = tr_le16(record + 28);
  uint64_t data_at = at + LOCAL_SIZE + name_size + extra_size;
  if (tr_le32(record) != local_signature)
    return FAIL_AT(ctx, map, at, "entry '%s' is said to begin here, but there is no local header",
                   entry->name);
  if (!tr_range_inside(data_at, entry->stored_size, limit))
    return FAIL_AT(ctx, map, at,
                   "entry '%s' claims %" PRIu64 " bytes, more than there are before the directory",
                   entry->name, entry->stored_size);
  if (name_size != strlen(entry->name) || memcmp(record + LOCAL_SIZE, entry->name, name_size) != 0)
    return FAIL_AT(ctx, map, at, "entry '%s' has another name in its local header", entry->name);

  bool descriptor = tr_le16(record + 6) & FLAG_DESCRIPTOR;
  uint64_t stored_size = tr_le32(record + 18), size = tr_le32(record + 22);
  uint64_t *const fields[] = {&size, &stored_size};
  if (!widen(fields, 2, record + LOCAL_SIZE + name_size, extra_size) ||
      (tr_le16(record + 6) & FLAGS_REFUSED) || tr_le16(record + 8) != entry->method ||
      !local_agrees(tr_le32(record + 14), entry->crc32, descriptor) ||
      !local_agrees(stored_size, entry->stored_size, descriptor) ||
      !local_agrees(size, entry->size, descriptor))
    return FAIL_AT(ctx, map, at, "the local header of entry '%s' contradicts the directory", entry->name);

  entry->data = map->data + data_at;
  *extent = (span){.begin = at, .end = data_at + entry->stored_size, .entry = entry};
  if (descriptor) {
    size_t more = descriptor_size(map->data + extent->end, limit - extent->end, entry);
    if (more == 0)
      return FAIL_AT(ctx, map, extent->end, "the data descriptor of entry '%s' contradicts the directory",
                     entry->name);
    extent->end += more;
  }
  return TR_OK;
}

/* ---- the whole directory ---- */

static int compare_spans(const void *a, const void *b) {
  const span *x = a, *y = b;
  return (x->begin > y->begin) - (x->begin < y->begin);
}

static tr_status check_overlaps(tr_ctx *ctx, const tr_file_map *map, span *extents, int n) {
  qsort(extents, (size_t)n, sizeof *extents, compare_spans);
  for (int i = 1; i < n; i++)
    if (extents[i].begin < extents[i - 1].end)
      return FAIL_AT(ctx, map, extents[i].begin, "entries '%s' and '%s' overlap", extents[i - 1].entry->name,
                     extents[i].entry->name);
  return TR_OK;
}

static int compare_names(const void *a, const void *b) {
  const tr_zip_entry *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static tr_status index_names(tr_ctx *ctx, tr_zip *zip) {
  for (int i = 0; i < zip->n; i++) zip->by_name[i] = &zip->entries[i];
  qsort(zip->by_name, (size_t)zip->n, sizeof *zip->by_name, compare_names);
  for (int i = 1; i < zip->n; i++)
    if (strcmp(zip->by_name[i - 1]->name, zip->by_name[i]->name) == 0)
      return FAIL_AT(ctx, zip->map, (uint64_t)(zip->by_name[i]->data - zip->map->data),
                     "there are two entries named '%s'", zip->by_name[i]->name);
  return TR_OK;
}

static tr_status read_entries(tr_ctx *ctx, tr_zip *zip, const directory *dir, span *extents) {
  uint64_t at = dir->offset, limit = dir->offset + dir->size;
  char *name = zip->names;
  for (int i = 0; i < zip->n; i++) {
    uint64_t local_at = 0;
    TR_TRY(read_central(ctx, zip->map, at, limit, name, &zip->entries[i], &local_at, &at));
    TR_TRY(read_local(ctx, zip->map, local_at, dir->offset, &zip->entries[i], &extents[i]));
    name += strlen(name) + 1;
  }
  if (at != limit) return FAIL_AT(ctx, zip->map, at, "the directory goes on past its last entry");
  return TR_OK;
}

/* torch.serialization.set_crc32_options(False) writes archives in which every CRC-32 is 0. */
static void notice_missing_checksums(tr_ctx *ctx, tr_zip *zip) {
  bool some_data = false;
  for (int i = 0; i < zip->n; i++) {
    if (zip->entries[i].crc32 != 0) return;
    some_data = some_data || zip->entries[i].size > 0;
  }
  zip->no_checksums = some_data;
  if (some_data)
    tr_ctx_warn(ctx, "'%s' was written without checksums: damage would go unnoticed", zip->map->path);
}

static tr_status fill(tr_ctx *ctx, tr_zip *zip, const directory *dir) {
  zip->n = (int)dir->count;
  size_t n = dir->count ? (size_t)dir->count : 1;
  zip->entries = calloc(n, sizeof *zip->entries);
  zip->by_name = calloc(n, sizeof *zip->by_name);
  zip->names = malloc((size_t)dir->size + n);
  span *extents = calloc(n, sizeof *extents);
  tr_status status = TR_OK;
  if (!zip->entries || !zip->by_name || !zip->names || !extents)
    status =
        TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for %" PRIu64 " zip entries", zip->map->path, dir->count);
  if (status == TR_OK) status = read_entries(ctx, zip, dir, extents);
  if (status == TR_OK) status = check_overlaps(ctx, zip->map, extents, zip->n);
  if (status == TR_OK) status = index_names(ctx, zip);
  free(extents);
  return status;
}

tr_status tr_zip_open(tr_ctx *ctx, const tr_file_map *map, tr_zip **out) {
  *out = NULL;
  directory dir = {0};
  TR_TRY(read_end(ctx, map, &dir));
  tr_zip *zip = calloc(1, sizeof *zip);
  if (!zip) return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for a zip archive", map->path);
  zip->map = map;
  tr_status status = fill(ctx, zip, &dir);
  if (status != TR_OK) {
    tr_zip_close(&zip);
    return status;
  }
  notice_missing_checksums(ctx, zip);
  *out = zip;
  return TR_OK;
}

void tr_zip_close(tr_zip **zip) {
  if (!*zip) return;
  free((*zip)->entries);
  free((void *)(*zip)->by_name);
  free((*zip)->names);
  free(*zip);
  *zip = NULL;
}

int tr_zip_count(const tr_zip *zip) {
  return zip->n;
}

const tr_zip_entry *tr_zip_entry_at(const tr_zip *zip, int i) {
  return i >= 0 && i < zip->n ? &zip->entries[i] : NULL;
}

const tr_zip_entry *tr_zip_find(const tr_zip *zip, const char *name) {
  const tr_zip_entry key = {.name = name}, *pointer = &key;
  const tr_zip_entry *const *hit =
      bsearch(&pointer, (const void *)zip->by_name, (size_t)zip->n, sizeof *zip->by_name, compare_names);
  return hit ? *hit : NULL;
}

const tr_file_map *tr_zip_map(const tr_zip *zip) {
  return zip->map;
}

bool tr_zip_has_checksums(const tr_zip *zip) {
  return !zip->no_checksums;
}
