#include "core/io/sha256.h"

#include <openssl/evp.h>

#include "core/require_private.h"

tr_status tr_sha256_map(tr_ctx *ctx, const tr_file_map *map, char hex[TR_SHA256_TEXT]) {
  TR_REQUIRE(ctx, map, hex);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  if (EVP_Digest(map->size ? (const void *)map->data : "", map->size, digest, &n, EVP_sha256(), NULL) != 1 ||
      n != 32)
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "this machine's libcrypto refuses SHA-256 for '%s'", map->path);
  for (unsigned int i = 0; i < n; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  return TR_OK;
}

tr_status tr_sha256_file(tr_ctx *ctx, const char *path, char hex[TR_SHA256_TEXT]) {
  TR_REQUIRE(ctx, path, hex);
  tr_file_map map;
  TR_TRY(tr_file_map_open(ctx, path, &map));
  tr_status status = tr_sha256_map(ctx, &map, hex);
  tr_file_map_close(&map);
  return status;
}
