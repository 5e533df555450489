#include "core/io/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"

static tr_status refused(tr_ctx *ctx, const char *path) {
  return TR_FAIL(ctx, TR_E_UNSUPPORTED, "this machine's libcrypto refuses SHA-256 for '%s'", path);
}

static void write_hex(const unsigned char digest[32], char hex[TR_SHA256_TEXT]) {
  for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

tr_status tr_sha256_map(tr_ctx *ctx, const tr_file_map *map, char hex[TR_SHA256_TEXT]) {
  TR_REQUIRE(ctx, map, hex);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  if (EVP_Digest(map->size ? (const void *)map->data : "", map->size, digest, &n, EVP_sha256(), NULL) != 1 ||
      n != 32)
    return refused(ctx, map->path);
  write_hex(digest, hex);
  return TR_OK;
}

/* ---- a file, of which a piece at a time is in memory ---- */

enum { PIECE = 1 << 20 };

static tr_status add_pieces(tr_ctx *ctx, const char *path, FILE *stream, EVP_MD_CTX *of,
                            unsigned char *piece) {
  size_t n;
  while ((n = fread(piece, 1, PIECE, stream)) > 0) {
    if (EVP_DigestUpdate(of, piece, n) != 1) return refused(ctx, path);
    if (tr_ctx_interrupted(ctx)) return TR_FAIL(ctx, TR_E_INTERRUPTED, "interrupted, reading '%s'", path);
  }
  return ferror(stream) ? TR_FAIL(ctx, TR_E_IO, "'%s' cannot be read: %s", path, strerror(errno)) : TR_OK;
}

static tr_status digest_stream(tr_ctx *ctx, const char *path, FILE *stream,
                               unsigned char digest[EVP_MAX_MD_SIZE]) {
  EVP_MD_CTX *of = EVP_MD_CTX_new();
  unsigned char *piece = malloc(PIECE);
  unsigned int n = 0;
  tr_status status = of && piece ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory to read '%s'", path);
  if (status == TR_OK && EVP_DigestInit_ex(of, EVP_sha256(), NULL) != 1) status = refused(ctx, path);
  if (status == TR_OK) status = add_pieces(ctx, path, stream, of, piece);
  if (status == TR_OK && (EVP_DigestFinal_ex(of, digest, &n) != 1 || n != 32)) status = refused(ctx, path);
  EVP_MD_CTX_free(of);
  free(piece);
  return status;
}

tr_status tr_sha256_file(tr_ctx *ctx, const char *path, char hex[TR_SHA256_TEXT]) {
  TR_REQUIRE(ctx, path, hex);
  unsigned char digest[EVP_MAX_MD_SIZE];
  FILE *stream;
  TR_TRY(tr_file_stream_open(ctx, path, &stream));
  const tr_status status = digest_stream(ctx, path, stream, digest);
  fclose(stream);
  if (status == TR_OK) write_hex(digest, hex);
  return status;
}
