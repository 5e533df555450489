#include "experiments/fetch/net/digest.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/text.h"

enum { GIT_DIGITS = 40 };

/* SHA-1 of "blob SIZE", a NUL and the contents. */
static bool digest_blob(const tr_file_map *map, unsigned char digest[EVP_MAX_MD_SIZE]) {
  char head[64];
  const int n = snprintf(head, sizeof head, "blob %zu", map->size) + 1;
  EVP_MD_CTX *of = EVP_MD_CTX_new();
  const bool ok = of && EVP_DigestInit_ex(of, EVP_sha1(), NULL) == 1 &&
                  EVP_DigestUpdate(of, head, (size_t)n) == 1 &&
                  EVP_DigestUpdate(of, map->size ? (const void *)map->data : "", map->size) == 1 &&
                  EVP_DigestFinal_ex(of, digest, NULL) == 1;
  EVP_MD_CTX_free(of);
  return ok;
}

static tr_status git_digest(tr_ctx *ctx, const char *path, char hex[TR_SHA256_TEXT]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  tr_file_map map;
  TR_TRY(tr_file_map_open(ctx, path, &map));
  const bool ok = digest_blob(&map, digest);
  tr_file_map_close(&map);
  if (!ok)
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "this machine's libcrypto refuses SHA-1 for '%s'",
                   TR_SHOW(path, 300));
  for (int i = 0; 2 * i < GIT_DIGITS; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  return TR_OK;
}

tr_status digest_compare(tr_ctx *ctx, const char *path, const char *expected, bool *same,
                         char hex[TR_SHA256_TEXT]) {
  const size_t digits = strlen(expected);
  TR_TRY(digits == GIT_DIGITS ? git_digest(ctx, path, hex) : tr_sha256_file(ctx, path, hex));
  *same = strncmp(hex, expected, digits) == 0;
  return TR_OK;
}
