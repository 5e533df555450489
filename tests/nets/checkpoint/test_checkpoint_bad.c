/* Checkpoints that are damaged, lying or malicious: each is refused in one line, and none crashes the reader.
 */
#include <stdlib.h>
#include <zlib.h>

#include "nets/checkpoint/checkpoint_private.h"
#include "tests/support/check.h"
#include "tests/support/damage.h"

#define FILES TR_TEST_DATA "/checkpoints/"

static tr_ctx *ctx;

static void refused(const char *path, const char *word) {
  tr_checkpoint *checkpoint;
  CHECK_ERROR(ctx, tr_checkpoint_open(ctx, path, &checkpoint), TR_E_IO, word);
  CHECK(checkpoint == NULL);
}

/* ---- whole files ---- */

static void bad_files(void) {
  refused(FILES "bad-byteorder.pt", "is not 'little'");
  refused(FILES "bad-storage.pt", "entry 'bare/data/0' has 20 bytes, but 6 elements of f32");
  refused(FILES "bad-missing.pt", "storage '1' is not in the archive");
  refused(FILES "bad-no-pickle.pt", "no NAME/data.pkl");
  refused(FILES "bad-tail.pt", "goes on for 2 bytes after its pickle");
  refused(FILES "bad-list.pt", "holds no dict");
  refused(FILES "bad-no-weights.pt",
          "holds no state dict, a dict of names and tensors: its keys are epoch, state");
  refused(FILES "bad-no-tensor.pt", "holds no state dict, a dict of names and tensors: its keys are model");
  refused(FILES "no-such-file.pt", "No such file");
  refused(TR_TEST_DATA, "is a directory");
  refused("/dev/null", "not a regular file");
  refused(FILES "../../nets/checkpoint/test_checkpoint_bad.c", "is no checkpoint");
}

/* ---- safetensors, written by hand ---- */

/* Reads length, header and n bytes of data. */
static tr_status read_safetensors(const char *header, size_t n, tr_checkpoint **out, unsigned char **bytes,
                                  tr_file_map *map) {
  size_t length = strlen(header);
  *map = (tr_file_map){.size = 8 + length + n, .path = (char *)"test.safetensors"};
  *bytes = calloc(map->size, 1);
  for (int i = 0; i < 8; i++) (*bytes)[i] = (unsigned char)((uint64_t)length >> 8 * i);
  memcpy(*bytes + 8, header, length);
  map->data = *bytes;
  return tr_checkpoint_read(ctx, map, out);
}

static void safetensors(const char *header, size_t n, const char *word) {
  tr_checkpoint *checkpoint;
  unsigned char *bytes;
  tr_file_map map;
  tr_status status = read_safetensors(header, n, &checkpoint, &bytes, &map);
  if (word) {
    CHECK_ERROR(ctx, status, TR_E_IO, word);
  } else {
    CHECK_OK(ctx, status);
  }
  tr_checkpoint_close(&checkpoint);
  free(bytes);
}

#define T(name, rest) "\"" name "\":{\"dtype\":" rest "}"
#define F32(name, shape, begin, end)                                                                         \
  T(name, "\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]")

static void safetensors_headers(void) {
  safetensors("{" F32("a", "[2]", "0", "8") "," F32("b", "[]", "8", "12") "}  ", 12, NULL);
  safetensors(
      "{" F32("b", "[1]", "8", "12") "," F32("z", "[0,3]", "8", "8") "," F32("a", "[2]", "0", "8") "}", 12,
      NULL);
  safetensors("{" F32("a", "[2]", "0", "8") "," F32("b", "[1]", "4", "8") "}", 8,
              "tensor 'b' begins at byte 4, inside another");
  safetensors("{" F32("a", "[1]", "0", "4") "," F32("b", "[1]", "8", "12") "}", 12,
              "tensor 'b' begins at byte 8, after a hole");
  safetensors("{" F32("a", "[2]", "0", "8") "}", 12, "4 bytes after the last tensor belong to none");
  safetensors("{" F32("a", "[2]", "0", "8") "}", 7, "ends at byte 8 of 7");
  safetensors("{" F32("a", "[2]", "0", "12") "}", 12, "has 12 bytes, but its type and shape need 8");
  safetensors("{" F32("a", "[2]", "8", "0") "}", 8, "not two integers in order");
  safetensors("{" F32("a", "[2]", "-8", "0") "}", 8, "not two integers in order");
  safetensors("{" F32("a", "[2]", "0.0", "8") "}", 8, "not two integers in order");
  safetensors("{" F32("a", "[-2]", "0", "8") "}", 8, "integers of at least 0");
  safetensors("{" F32("a", "[2.5]", "0", "8") "}", 8, "integers of at least 0");
  safetensors("{" F32("a", "2", "0", "8") "}", 8, "shape is no array");
  safetensors("{" F32("a", "[1,1,1,1,1,2]", "0", "8") "}", 8, "at most 5 extents");
  safetensors("{" F32("a", "[4611686018427387904,4]", "0", "0") "}", 0, "overflows");
  safetensors("{" F32("a", "[99999999999999999999]", "0", "0") "}", 0, "no JSON");
  safetensors("{" F32("a", "[2]", "0", "8") "," F32("a", "[2]", "0", "8") "}", 8, "duplicate");
  safetensors("{" T("a", "\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]") "}", 2, NULL);
  safetensors("{" T("a", "\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,1]") "}", 1, "type and shape need 2");
  safetensors("{" T("a", "\"F4\",\"shape\":[2],\"data_offsets\":[0,2]") "}", 2,
              "type 'F4', which is not supported");
  safetensors("{" T("a", "\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"more\":1") "}", 8,
              "not described by");
  safetensors("{\"a\":7}", 0, "not described by");
  safetensors("{" F32("", "[2]", "0", "8") "}", 8, "1 to 255 printable");
  safetensors("{" F32("a\\nb", "[2]", "0", "8") "}", 8, "1 to 255 printable");
  safetensors("{" F32("a\\nb", "[2]", "0", "9") "}", 9, "tensor 'a?b' has 9 bytes");
  safetensors("{" F32("\\u0000", "[2]", "0", "8") "}", 8, "no JSON");
  safetensors("{}", 0, "has no tensors");
  safetensors("{\"__metadata__\":{\"a\":1}}", 0, "something else than texts");
  safetensors("{\"__metadata__\":[]}", 0, "no object");
  safetensors("{" F32("a", "[2]", "0", "8") "}garbage", 8, "no JSON");
  safetensors("{", 0, "no JSON");
}

static void deep_json(void) {
  enum { DEPTH = 1000000 };
  char *header = malloc(DEPTH + 16);
  memcpy(header, "{\"a\":", 5);
  memset(header + 5, '[', DEPTH);
  header[5 + DEPTH] = 0;
  safetensors(header, 0, "no JSON");
  free(header);
}

static void header_length(void) {
  unsigned char bytes[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'};
  const tr_file_map map = {.data = bytes, .size = sizeof bytes, .path = (char *)"test.safetensors"};
  tr_checkpoint *checkpoint;
  CHECK_ERROR(ctx, tr_checkpoint_read(ctx, &map, &checkpoint), TR_E_IO, "does not fit into a file of 10");
}

/* NaN and infinity among the weights are found when they are converted. */
static void not_finite(void) {
  static const unsigned char bad[][4] = {{0, 0, 0xc0, 0x7f}, {0, 0, 0x80, 0xff}};
  for (int i = 0; i < 2; i++) {
    tr_checkpoint *checkpoint;
    unsigned char *bytes;
    tr_file_map map;
    tr_tensors t;
    float have[2];
    CHECK_OK(ctx, read_safetensors("{" F32("scale", "[2]", "0", "8") "}", 8, &checkpoint, &bytes, &map));
    memcpy(bytes + map.size - 4, bad[i], 4);
    CHECK_OK(ctx, tr_checkpoint_weights(ctx, checkpoint, NULL, &t));
    CHECK_ERROR(ctx, tr_tensor_to_f32(ctx, &t.items[0], have), TR_E_NONFINITE, "scale");
    tr_checkpoint_close(&checkpoint);
    free(bytes);
  }
}

/* ---- the legacy stream, written by hand ---- */

#define MAGIC  "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02M\xe9\x03."
#define LITTLE "}X\x0d\0\0\0little_endian\x88s."
/* name: one character; key: one character; count and extent: one byte */
#define ENTRY(name, key, class, count, extent)                                                               \
  "X\1\0\0\0" name                                                                                           \
  "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\n" class "Storage\nX\1\0\0\0" key             \
                                                                        "X\3\0\0\0cpuK" count                \
                                                                        "NtQK\0K" extent                     \
                                                                        "\x85K\1\x85\x89NtR"
#define KEYS(keys) "](" keys "e."
#define KEY(key)   "X\1\0\0\0" key
#define TWO        "\2\0\0\0\0\0\0\0........"

static void legacy(const char *bytes, size_t size, const char *word) {
  unsigned char *copy = malloc(size);
  memcpy(copy, bytes, size);
  const tr_file_map map = {.data = copy, .size = size, .path = (char *)"legacy.pt"};
  tr_checkpoint *checkpoint;
  tr_status status = tr_checkpoint_read(ctx, &map, &checkpoint);
  if (word) {
    CHECK_ERROR(ctx, status, TR_E_IO, word);
  } else {
    CHECK_OK(ctx, status);
  }
  tr_checkpoint_close(&checkpoint);
  free(copy);
}
#define LEGACY(bytes, word) legacy(bytes, sizeof bytes - 1, word)

static void legacy_streams(void) {
#define A ENTRY("a", "k", "Float", "\2", "\2")
#define B ENTRY("b", "m", "Float", "\2", "\1")
  LEGACY(MAGIC LITTLE "}(" A B "u." KEYS(KEY("m") KEY("k")) TWO TWO, NULL);
  LEGACY(MAGIC LITTLE "}(" A ENTRY("b", "k", "Float", "\2", "\1") "u." KEYS(KEY("k")) TWO, NULL); /* shared */
  LEGACY(MAGIC LITTLE "}(" A ENTRY("a", "m", "Float", "\2", "\2") "u." KEYS(KEY("m") KEY("k")) TWO TWO,
         NULL); /* the last one counts */
  LEGACY(MAGIC LITTLE "}(" ENTRY("\n", "k", "Float", "\2", "\2") "u." KEYS(KEY("k")) TWO,
         "tensor name \"?\" is not");
  LEGACY(MAGIC LITTLE "}(" A B "K\1K\1u." KEYS(KEY("m") KEY("k")) TWO TWO, NULL); /* passed over */
  LEGACY(MAGIC LITTLE "}(" A ENTRY("b", "k", "Int", "\2", "\1") "u." KEYS(KEY("k")) TWO,
         "storage 'k' is named with two types or sizes");
  LEGACY(MAGIC LITTLE "}(" A ENTRY("b", "k", "Float", "\1", "\1") "u." KEYS(KEY("k")) TWO,
         "two types or sizes");
  LEGACY(MAGIC LITTLE "}(" A B "u." KEYS(KEY("k")) TWO, "does not match the 2 that are named");
  LEGACY(MAGIC LITTLE "}(" A B "u." KEYS(KEY("k") KEY("k")) TWO TWO, "storage 'k' is listed twice");
  LEGACY(MAGIC LITTLE "}(" A B "u." KEYS(KEY("k") KEY("x")) TWO TWO, "names one that nothing uses");
  LEGACY(MAGIC LITTLE "}(" A B "u." KEYS(KEY("k") "K\1") TWO TWO, "names one that nothing uses");
  LEGACY(MAGIC LITTLE "}(" A "u.K\1." TWO, "does not match");
  LEGACY(MAGIC LITTLE "}(" A "u." KEYS(KEY("k")) "\3\0\0\0\0\0\0\0............",
         "has 3 elements where 2 are promised");
  LEGACY(MAGIC LITTLE "}(" A "u." KEYS(KEY("k")) "\2\0\0\0\0\0\0\0.......", "storage 'k' is cut off");
  LEGACY(MAGIC LITTLE "}(" A "u." KEYS(KEY("k")) "\2\0\0", "storage 'k' is cut off");
  LEGACY(MAGIC LITTLE "}(" A "u." KEYS(KEY("k")) TWO ".", "goes on after its last storage");
  LEGACY(MAGIC "}X\x0d\0\0\0little_endian\x89s."
               "}(" A "u." KEYS(KEY("k")) TWO,
         "not written on a little-endian machine");
  LEGACY(MAGIC "N."
               "}(" A "u." KEYS(KEY("k")) TWO,
         "not written on a little-endian machine");
  LEGACY("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2eK\1." LITTLE "}.",
         "protocol of this legacy checkpoint is not 1001");
  LEGACY(MAGIC LITTLE "}.].", "has no tensors");
}

/* ---- damage ---- */

/* CRC-32 over names, shapes and elements of all sets: one number for what a file says. */
static uLong add_tensor(uLong crc, const tr_tensor *t) {
  crc = crc32(crc, (const Bytef *)t->name, (uInt)strlen(t->name));
  crc = crc32(crc, (const Bytef *)t->shape, (uInt)sizeof t->shape);
  if (t->count == 0 || t->count > 100000) return crc; /* expanded to something huge */
  double *elements = malloc((size_t)t->count * sizeof *elements);
  if (tr_tensor_to_f64(ctx, t, elements) == TR_OK)
    crc = crc32(crc, (const Bytef *)elements, (uInt)((size_t)t->count * sizeof *elements));
  tr_ctx_clear(ctx);
  free(elements);
  return crc;
}

typedef struct {
  uLong fingerprint; /* of the undamaged file; 0: not known yet */
  bool protected;    /* by checksums: whatever is accepted must say the same */
} expectation;

static tr_status read_damaged(const unsigned char *bytes, size_t size, void *user) {
  expectation *expect = user;
  const tr_file_map map = {.data = bytes, .size = size, .path = (char *)"damaged"};
  tr_checkpoint *checkpoint;
  TR_TRY(tr_checkpoint_read(ctx, &map, &checkpoint));
  uLong crc = 0;
  tr_status status = TR_OK;
  for (int s = 0; status == TR_OK && tr_checkpoint_set_name(checkpoint, s); s++) {
    tr_tensors tensors;
    status = tr_checkpoint_weights(ctx, checkpoint, tr_checkpoint_set_name(checkpoint, s), &tensors);
    for (int i = 0; i < tensors.n; i++) crc = add_tensor(crc, &tensors.items[i]);
  }
  tr_checkpoint_close(&checkpoint);
  if (expect->fingerprint == 0) expect->fingerprint = crc;
  CHECK(status != TR_OK || !expect->protected || crc == expect->fingerprint);
  return status;
}

static void damaged(const char *path, bool protected, bool flip, int rounds) {
  tr_file_map map;
  expectation expect = {.protected = protected};
  CHECK_OK(ctx, tr_file_map_open(ctx, path, &map));
  if (!map.data) return;
  CHECK_OK(ctx, read_damaged(map.data, map.size, &expect));
  damage_truncate(ctx, map.data, map.size, read_damaged, &expect, TR_E_IO);
  if (flip) damage_flip(ctx, map.data, map.size, read_damaged, &expect);
  damage_mutate(ctx, map.data, map.size, rounds, read_damaged, &expect);
  tr_file_map_close(&map);
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  bad_files();
  safetensors_headers();
  deep_json();
  header_length();
  not_finite();
  legacy_streams();
  damaged(FILES "bare.pt", true, true, 3000);
  damaged(FILES "types.pt", true, false, 3000);
  damaged(FILES "no-checksums.pt", false, true, 3000); /* damage reaches the pickle */
  damaged(FILES "types-legacy.pt", false, true, 5000);
  damaged(FILES "types.safetensors", false, true, 5000);
  tr_ctx_close(&ctx);
  return check_report();
}
