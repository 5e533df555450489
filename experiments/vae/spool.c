#include "experiments/vae/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/common/program.h"

static tr_status fail(const spool *s) {
  return TR_FAIL(s->ctx, TR_E_IO, "working space beside '%s' cannot be had: %s", TR_SHOW(s->beside, 300),
                 strerror(errno ? errno : EIO));
}

tr_status spool_open(tr_ctx *ctx, const char *beside, spool *out) {
  static const char ending[] = ".XXXXXX";
  const size_t size = strlen(beside) + sizeof ending;
  sigset_t before;
  *out = (spool){.ctx = ctx, .beside = beside};
  char *path = malloc(size);
  if (!path) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
  memcpy(path, beside, size - sizeof ending);
  memcpy(path + size - sizeof ending, ending, sizeof ending);
  program_hold_signals(&before);
  out->fd = mkstemp(path);
  out->open = out->fd >= 0;
  if (out->open) unlink(path);
  program_release_signals(&before);
  free(path);
  return out->open ? TR_OK : fail(out);
}

tr_status spool_write(spool *s, int64_t at, const void *bytes, size_t size) {
  for (const char *from = bytes; size > 0;) {
    errno = 0;
    const ssize_t done = pwrite(s->fd, from, size, (off_t)at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return fail(s);
    from += done, at += done, size -= (size_t)done;
  }
  return TR_OK;
}

tr_status spool_read(const spool *s, int64_t at, void *bytes, size_t size) {
  for (char *to = bytes; size > 0;) {
    errno = 0;
    const ssize_t done = pread(s->fd, to, size, (off_t)at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return fail(s);
    to += done, at += done, size -= (size_t)done;
  }
  return TR_OK;
}

void spool_close(spool *s) {
  if (s->open) close(s->fd);
  s->open = false;
}
