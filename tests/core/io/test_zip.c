/* The zip reader: archives built here byte by byte, honest ones and lying ones. Every archive lies in a heap
 * block of exactly its size, so that AddressSanitizer sees any read outside it. */
#include "core/io/zip_private.h"

#include <stdlib.h>
#include <zlib.h>

#include "tests/support/check.h"
#include "tests/support/damage.h"

static tr_ctx *ctx;

enum { CAPACITY = 1 << 16 };
typedef struct {
  unsigned char bytes[CAPACITY];
  size_t size;
  unsigned char central[CAPACITY];
  size_t central_size;
  int entries;
  size_t local_at, central_at, data_at; /* of the last entry */
} builder;

enum { STORED = 0, DEFLATED = 8, DESCRIPTOR = 1 << 8, WIDE = 1 << 9, ENCRYPTED = 1 << 10 };

static void put(unsigned char *to, uint64_t value, int n) {
  for (int i = 0; i < n; i++) to[i] = (unsigned char)(value >> 8 * i);
}
static void add(unsigned char *block, size_t *size, uint64_t value, int n) {
  put(block + *size, value, n);
  *size += (size_t)n;
}
static void add_bytes(unsigned char *block, size_t *size, const void *from, size_t n) {
  if (n) memcpy(block + *size, from, n);
  *size += n;
}

static size_t deflated(const void *content, size_t size, unsigned char *out, size_t room) {
  z_stream stream = {0};
  CHECK(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = (unsigned char *)(uintptr_t)content;
  stream.avail_in = (uInt)size;
  stream.next_out = out;
  stream.avail_out = (uInt)room;
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  deflateEnd(&stream);
  return stream.total_out;
}

/* One record of the kind that local header and directory share, from the flags field to the CRC and sizes. */
static void add_common(unsigned char *block, size_t *size, int flags, uint32_t crc, uint64_t stored,
                       uint64_t whole) {
  bool wide = flags & WIDE;
  add(block, size, (flags & DESCRIPTOR ? 8 : 0) | (flags & ENCRYPTED ? 1 : 0), 2);
  add(block, size, flags & 0xff, 2);
  add(block, size, 0, 4);
  add(block, size, crc, 4);
  add(block, size, wide ? UINT32_MAX : stored, 4);
  add(block, size, wide ? UINT32_MAX : whole, 4);
}

static void add_entry(builder *b, const char *name, const void *content, size_t size, int flags) {
  static unsigned char packed[CAPACITY];
  size_t stored = size, name_size = strlen(name), local_at = b->size;
  if ((flags & 0xff) == DEFLATED) stored = deflated(content, size, packed, sizeof packed);
  uint32_t crc = (uint32_t)crc32(0, content, (uInt)size);
  bool late = flags & DESCRIPTOR, wide = flags & WIDE;
  b->local_at = b->size;
  add(b->bytes, &b->size, 0x04034b50, 4);
  add(b->bytes, &b->size, 45, 2);
  add_common(b->bytes, &b->size, late ? flags & ~WIDE : flags, late ? 0 : crc, late ? 0 : stored,
             late ? 0 : size);
  add(b->bytes, &b->size, name_size, 2);
  add(b->bytes, &b->size, wide && !late ? 20 : 0, 2);
  add_bytes(b->bytes, &b->size, name, name_size);
  if (wide && !late)
    add(b->bytes, &b->size, 0x00100001, 4), add(b->bytes, &b->size, size, 8),
        add(b->bytes, &b->size, stored, 8);
  b->data_at = b->size;
  add_bytes(b->bytes, &b->size, (flags & 0xff) == DEFLATED ? packed : content, stored);
  if (late) {
    add(b->bytes, &b->size, 0x08074b50, 4);
    add(b->bytes, &b->size, crc, 4);
    add(b->bytes, &b->size, stored, wide ? 8 : 4);
    add(b->bytes, &b->size, size, wide ? 8 : 4);
  }
  b->central_at = b->central_size;
  add(b->central, &b->central_size, 0x02014b50, 4);
  add(b->central, &b->central_size, 45 | 45 << 16, 4);
  add_common(b->central, &b->central_size, flags, crc, stored, size);
  add(b->central, &b->central_size, name_size, 2);
  add(b->central, &b->central_size, wide ? 28 : 0, 2);
  add(b->central, &b->central_size, 0, 8); /* no comment, disk 0, attributes */
  add(b->central, &b->central_size, 0, 2);
  add(b->central, &b->central_size, wide ? UINT32_MAX : local_at, 4);
  add_bytes(b->central, &b->central_size, name, name_size);
  if (wide) {
    add(b->central, &b->central_size, 0x00180001, 4);
    add(b->central, &b->central_size, size, 8);
    add(b->central, &b->central_size, stored, 8);
    add(b->central, &b->central_size, local_at, 8);
  }
  b->entries++;
}

/* Directory and end records behind the entries. Returns the size of the whole. */
static size_t finish(builder *b, bool zip64) {
  size_t directory_at = b->size;
  add_bytes(b->bytes, &b->size, b->central, b->central_size);
  b->central_at += directory_at; /* now an offset into the file */
  size_t record_at = b->size;
  if (zip64) {
    add(b->bytes, &b->size, 0x06064b50, 4);
    add(b->bytes, &b->size, 44, 8);
    add(b->bytes, &b->size, 45 | 45 << 16, 4);
    add(b->bytes, &b->size, 0, 8);
    add(b->bytes, &b->size, (uint64_t)b->entries, 8);
    add(b->bytes, &b->size, (uint64_t)b->entries, 8);
    add(b->bytes, &b->size, b->central_size, 8);
    add(b->bytes, &b->size, directory_at, 8);
    add(b->bytes, &b->size, 0x07064b50, 4);
    add(b->bytes, &b->size, 0, 4);
    add(b->bytes, &b->size, record_at, 8);
    add(b->bytes, &b->size, 1, 4);
  }
  add(b->bytes, &b->size, 0x06054b50, 4);
  add(b->bytes, &b->size, 0, 4);
  add(b->bytes, &b->size, zip64 ? UINT16_MAX : (uint64_t)b->entries, 2);
  add(b->bytes, &b->size, zip64 ? UINT16_MAX : (uint64_t)b->entries, 2);
  add(b->bytes, &b->size, zip64 ? UINT32_MAX : b->central_size, 4);
  add(b->bytes, &b->size, zip64 ? UINT32_MAX : directory_at, 4);
  add(b->bytes, &b->size, 0, 2);
  return b->size;
}

static char long_text[3000]; /* deflates well */

static builder *example(int flags, bool zip64) {
  static builder b;
  memset(&b, 0, sizeof b);
  for (size_t i = 0; i < sizeof long_text; i++) long_text[i] = (char)('a' + i * i % 7);
  add_entry(&b, "a/first", "hello", 5, flags & ~0xff);
  add_entry(&b, "empty", "", 0, flags);
  add_entry(&b, "second", long_text, sizeof long_text, flags);
  finish(&b, zip64);
  return &b;
}

/* Opens an archive and reads every entry; the status of the first failure. */
static tr_status read_all(const unsigned char *bytes, size_t size, void *user) {
  (void)user;
  char path[] = "test.zip";
  const tr_file_map map = {.data = bytes, .size = size, .path = path};
  tr_zip *zip;
  tr_status status = tr_zip_open(ctx, &map, &zip);
  if (status != TR_OK) return status;
  for (int i = 0; i < tr_zip_count(zip) && status == TR_OK; i++) {
    const unsigned char *data;
    void *owned;
    status = tr_zip_read(ctx, zip, tr_zip_entry_at(zip, i), &data, &owned);
    free(owned);
  }
  tr_zip_close(&zip);
  return status;
}

static void check_entry(const tr_zip *zip, const char *name, const char *content, size_t size,
                        bool in_place) {
  const tr_zip_entry *entry = tr_zip_find(zip, name);
  const unsigned char *data;
  void *owned;
  CHECK(entry && strcmp(entry->name, name) == 0 && entry->size == size);
  if (!entry) return;
  CHECK_OK(ctx, tr_zip_read(ctx, zip, entry, &data, &owned));
  CHECK((size == 0 || memcmp(data, content, size) == 0) && (owned == NULL) == in_place);
  free(owned);
}

static void honest(void) {
  static const int flags[] = {STORED,          DEFLATED, STORED | DESCRIPTOR, DEFLATED | DESCRIPTOR | WIDE,
                              DEFLATED | WIDE, WIDE};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    builder *b = example(flags[i], flags[i] & WIDE);
    char path[] = "test.zip";
    const tr_file_map map = {.data = b->bytes, .size = b->size, .path = path};
    tr_zip *zip;
    CHECK_OK(ctx, tr_zip_open(ctx, &map, &zip));
    if (!zip) continue;
    bool stored = (flags[i] & 0xff) == STORED;
    CHECK(tr_zip_count(zip) == 3);
    CHECK(strcmp(tr_zip_entry_at(zip, 0)->name, "a/first") == 0 && tr_zip_entry_at(zip, 3) == NULL);
    check_entry(zip, "a/first", "hello", 5, true);
    check_entry(zip, "empty", "", 0, stored);
    check_entry(zip, "second", long_text, sizeof long_text, stored);
    CHECK(tr_zip_find(zip, "first") == NULL);
    tr_zip_close(&zip);
    CHECK(zip == NULL);
  }
}

/* Writes `value` over n bytes at `at` and expects a refusal that says `word`. */
static void lie(builder *b, size_t at, uint64_t value, int n, const char *word) {
  unsigned char *bytes = malloc(b->size);
  memcpy(bytes, b->bytes, b->size);
  put(bytes + at, value, n);
  CHECK_ERROR(ctx, read_all(bytes, b->size, NULL), TR_E_IO, word);
  free(bytes);
}

static void lies(void) {
  builder *b = example(STORED, false);
  size_t end = b->size - 22;
  lie(b, b->central_at + 20, 1u << 30, 4, "is stored, yet claims");
  lie(b, b->central_at + 24, 2999, 4, "is stored, yet claims");
  lie(b, b->central_at + 42, b->size - 25, 4, "outside the archive's data");
  lie(b, b->central_at + 42, UINT32_MAX, 4, "lacks the ZIP64 sizes");
  lie(b, b->central_at + 42, 1, 4, "there is no local header");
  lie(b, b->central_at + 42, 0, 4, "'second'"); /* the header of another entry */
  lie(b, b->central_at + 10, 12, 2, "method 12");
  lie(b, b->central_at + 8, 1, 2, "encrypted");
  lie(b, b->local_at + 6, 1, 2, "contradicts the directory");
  lie(b, b->central_at + 34, 3, 2, "another disk");
  lie(b, b->central_at + 28, 60000, 2, "ends inside an entry");
  lie(b, b->central_at + 28, 0, 2, "empty or holds control characters");
  lie(b, b->central_at + 46, '\n', 1, "control characters");
  lie(b, b->central_at, 0, 4, "directory entry was expected");
  lie(b, b->local_at + 8, 8, 2, "contradicts the directory");
  lie(b, b->local_at + 14, 1, 4, "contradicts the directory");
  lie(b, b->local_at + 18, 1, 4, "contradicts the directory");
  lie(b, b->local_at + 26, 5, 2, "another name");
  lie(b, b->data_at, 'z', 1, "the file is damaged");
  lie(b, end + 4, 1, 2, "several disks");
  lie(b, end + 8, 2, 4, "several disks");
  lie(b, end + 10, 2, 2, "several disks");
  lie(b, end + 8, 2 | 2 << 16, 4, "goes on past its last entry");
  lie(b, end + 8, 4 | 4 << 16, 4, "do not fit");
  lie(b, end + 8, 60000u | 60000u << 16, 4, "do not fit");
  lie(b, end + 12, 1, 4, "does not end where");
  lie(b, end + 16, UINT32_MAX, 4, "does not end where");
  lie(b, end + 20, 1, 2, "does not close with an end record");

  b = example(STORED, true);
  end = b->size - 22;
  lie(b, end - 20 + 8, b->size, 8, "outside the file");
  lie(b, end - 20 + 8, UINT64_MAX - 10, 8, "outside the file");
  lie(b, end - 20 + 8, 0, 8, "ZIP64 end record is malformed");
  lie(b, end - 20 + 16, 2, 4, "several disks");
  lie(b, end - 76 + 4, UINT64_MAX, 8, "ZIP64 end record is malformed");
  lie(b, end - 76 + 24, 7, 8, "several disks");
  lie(b, end - 76 + 40, UINT64_MAX, 8, "does not end where");
  lie(b, end - 76 + 48, UINT64_MAX - 3, 8, "does not end where");
  lie(b, end + 8, 2 | 2 << 16, 4, "contradicts the ZIP64");

  b = example(STORED | WIDE, true);
  size_t wide_at = b->central_at + 46 + strlen("second") + 4;
  lie(b, wide_at, UINT64_MAX, 8, "is stored, yet claims");
  lie(b, wide_at + 16, UINT64_MAX - 29, 8, "outside the archive's data");
  lie(b, wide_at - 4, 9, 2, "lacks the ZIP64 sizes");
  lie(b, wide_at - 2, 16, 2, "lacks the ZIP64 sizes");
  lie(b, wide_at - 2, UINT16_MAX, 2, "lacks the ZIP64 sizes");

  b = example(DEFLATED | DESCRIPTOR, false);
  lie(b, b->central_at + 24, 1u << 31, 4, "which is impossible"); /* a bomb by declaration */
  lie(b, b->central_at + 24, 3001, 4, "contradicts the directory");
}

/* A deflate stream that gives more, or less, than both headers say. */
static void deflate_bomb(void) {
  for (int change = -1; change <= 1; change += 2) {
    builder *b = example(DEFLATED, false);
    put(b->bytes + b->local_at + 22, sizeof long_text + (size_t)change, 4);
    lie(b, b->central_at + 24, sizeof long_text + (size_t)change, 4, "does not give");
  }
  builder *b = example(DEFLATED, false);
  lie(b, b->data_at, 0xff, 1, "does not give");
}

static void two_of_a_name_and_overlaps(void) {
  static builder b;
  memset(&b, 0, sizeof b);
  add_entry(&b, "same", "one", 3, STORED);
  add_entry(&b, "same", "two", 3, STORED);
  finish(&b, false);
  CHECK_ERROR(ctx, read_all(b.bytes, b.size, NULL), TR_E_IO, "two entries named 'same'");

  /* An entry within the data of another: the quine and the bomb of overlapping files. */
  static builder inner;
  memset(&inner, 0, sizeof inner);
  add_entry(&inner, "inner", "xyz", 3, STORED);
  memset(&b, 0, sizeof b);
  add_entry(&b, "outer", inner.bytes, inner.size, STORED);
  put(inner.central + 42, b.data_at, 4);
  add_bytes(b.central, &b.central_size, inner.central, inner.central_size);
  b.entries++;
  finish(&b, false);
  CHECK_ERROR(ctx, read_all(b.bytes, b.size, NULL), TR_E_IO, "entries 'outer' and 'inner' overlap");

  memset(&b, 0, sizeof b);
  add_entry(&b, "secret", "one", 3, STORED | ENCRYPTED);
  finish(&b, false);
  CHECK_ERROR(ctx, read_all(b.bytes, b.size, NULL), TR_E_IO, "encrypted");
}

static int warnings;
static void count_warning(const char *message, void *user) {
  (void)user;
  warnings += strstr(message, "without checksums") != NULL;
}

/* PyTorch can leave every CRC-32 at 0: read with a warning. One alone that is 0 is a wrong one. */
static void without_checksums(void) {
  static builder b;
  memset(&b, 0, sizeof b);
  add_entry(&b, "a", "one", 3, STORED);
  put(b.bytes + b.local_at + 14, 0, 4);
  put(b.central + b.central_at + 16, 0, 4);
  builder all = b;
  finish(&all, false);
  tr_ctx_on_warning(ctx, count_warning, NULL);
  CHECK_OK(ctx, read_all(all.bytes, all.size, NULL));
  CHECK(warnings == 1);
  add_entry(&b, "b", "two", 3, STORED);
  finish(&b, false);
  CHECK_ERROR(ctx, read_all(b.bytes, b.size, NULL), TR_E_IO, "'a' has CRC-32");
  CHECK(warnings == 1);
  tr_ctx_on_warning(ctx, NULL, NULL);
}

static void damaged(void) {
  static const int flags[] = {STORED, DEFLATED | DESCRIPTOR, DEFLATED | WIDE};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    builder *b = example(flags[i], flags[i] & WIDE);
    damage_truncate(ctx, b->bytes, b->size, read_all, NULL, TR_E_IO);
    damage_flip(ctx, b->bytes, b->size, read_all, NULL);
    damage_mutate(ctx, b->bytes, b->size, 20000, read_all, NULL);
  }
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  honest();
  lies();
  deflate_bomb();
  two_of_a_name_and_overlaps();
  without_checksums();
  damaged();
  const tr_file_map nothing = {.path = (char[]){"empty"}};
  tr_zip *zip;
  CHECK_ERROR(ctx, tr_zip_open(ctx, &nothing, &zip), TR_E_IO, "truncated");
  tr_ctx_close(&ctx);
  return check_report();
}
