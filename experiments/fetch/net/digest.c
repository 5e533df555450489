#include "experiments/fetch/net/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/text.h"

enum { PIECE = 1 << 20, GIT_DIGITS = 40 };

static bool begin(EVP_MD_CTX *md, int fd, bool git) {
  struct stat status;
  char head[64];
  if (!md || fstat(fd, &status) != 0 || EVP_DigestInit_ex(md, git ? EVP_sha1() : EVP_sha256(), NULL) != 1)
    return false;
  const int n = snprintf(head, sizeof head, "blob %lld", (long long)status.st_size) + 1; /* with its NUL */
  return !git || EVP_DigestUpdate(md, head, (size_t)n) == 1;
}

/* All of the file; false, with errno, where it cannot be read. */
static bool add_all(EVP_MD_CTX *md, int fd, char *piece) {
  ssize_t n;
  while ((n = read(fd, piece, PIECE)) != 0) {
    if (n < 0 && errno == EINTR && !program_signal()) continue;
    if (n < 0 || program_signal() || EVP_DigestUpdate(md, piece, (size_t)n) != 1) return false;
  }
  return true;
}

static bool digest(int fd, bool git, char hex[DIGEST_TEXT]) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  char *piece = malloc(PIECE);
  const bool ok =
      piece && begin(md, fd, git) && add_all(md, fd, piece) && EVP_DigestFinal_ex(md, bytes, &n) == 1;
  for (unsigned int i = 0; ok && i < n && 2 * i + 2 < DIGEST_TEXT; i++)
    snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
  free(piece);
  EVP_MD_CTX_free(md);
  return ok;
}

tr_status digest_compare(program *p, const char *path, const char *expected, bool *same,
                         char hex[DIGEST_TEXT]) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  errno = 0;
  const bool ok = fd >= 0 && digest(fd, strlen(expected) == GIT_DIGITS, hex);
  const int reason = errno;
  if (fd >= 0) close(fd);
  TR_TRY(program_check_interrupt(p));
  if (!ok)
    return TR_FAIL(p->ctx, TR_E_IO, "'%s' cannot be read back: %s", TR_SHOW(path, 300),
                   reason ? strerror(reason) : "no digest");
  *same = strncmp(hex, expected, strlen(expected)) == 0;
  return TR_OK;
}
