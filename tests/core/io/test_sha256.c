/* SHA-256: the examples of FIPS 180-4 (NIST's example values for "abc", the empty message and one million a),
 * and a file of several pieces. */
#include <stdlib.h>
#include <unistd.h>

#include "core/io/sha256.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static void known(tr_ctx *ctx, const char *bytes, size_t size, const char *want) {
  char hex[TR_SHA256_TEXT];
  write_whole(scratch("x"), bytes, size);
  CHECK_OK(ctx, tr_sha256_file(ctx, scratch("x"), hex));
  CHECK(strcmp(hex, want) == 0);
  unlink(scratch("x"));
}

/* A file is read in pieces, a mapping is not. */
static void pieces(tr_ctx *ctx) {
  enum { SIZE = 2500001 };
  unsigned char *bytes = malloc(SIZE);
  char by_pieces[TR_SHA256_TEXT], at_once[TR_SHA256_TEXT];
  tr_file_map map;
  for (int i = 0; i < SIZE; i++) bytes[i] = (unsigned char)(i * 2654435761u >> 24);
  write_whole(scratch("x"), bytes, SIZE);
  CHECK_OK(ctx, tr_file_map_open(ctx, scratch("x"), &map));
  CHECK_OK(ctx, tr_sha256_map(ctx, &map, at_once));
  CHECK_OK(ctx, tr_sha256_file(ctx, scratch("x"), by_pieces));
  CHECK(strcmp(by_pieces, at_once) == 0);
  tr_file_map_close(&map);
  unlink(scratch("x"));
  free(bytes);
}

int main(void) {
  enum { MILLION = 1000000 };
  tr_ctx *ctx = check_context(0, NULL);
  char *many = malloc(MILLION), hex[TR_SHA256_TEXT];
  memset(many, 'a', MILLION);
  known(ctx, "abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  known(ctx, "", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  known(ctx, many, MILLION, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  pieces(ctx);
  CHECK_ERROR(ctx, tr_sha256_file(ctx, scratch("absent"), hex), TR_E_IO, "absent");

  const volatile sig_atomic_t stop = 1;
  write_whole(scratch("x"), "abc", 3);
  tr_ctx_set_interrupt(ctx, &stop);
  CHECK_ERROR(ctx, tr_sha256_file(ctx, scratch("x"), hex), TR_E_INTERRUPTED, "reading");
  tr_ctx_set_interrupt(ctx, NULL);
  unlink(scratch("x"));
  free(many);
  tr_ctx_close(&ctx);
  return check_report();
}
