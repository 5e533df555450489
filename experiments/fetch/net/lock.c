#include "experiments/fetch/net/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/fetch/net/http.h"

/* Whether the file that is open is still the one of that name: who held the lock may have removed it. */
static bool is_there(int fd, const char *path) {
  struct stat open_one, named;
  return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 && open_one.st_ino == named.st_ino &&
         open_one.st_dev == named.st_dev;
}

static tr_status open_file(program *p, fetch_lock *l) {
  l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0664);
  if (l->fd >= 0) return TR_OK;
  return TR_FAIL(p->ctx, TR_E_IO, "'%s' cannot be written: %s (HF_HOME says where the cache is)",
                 TR_SHOW(l->path, 300), strerror(errno));
}

static bool has_locks(int reason) {
  return reason == EWOULDBLOCK || reason == EINTR;
}

tr_status fetch_lock_take(program *p, const char *path, const char *what, bool goes, fetch_lock *out) {
  bool said = false;
  *out = (fetch_lock){-1, path, goes};
  for (;;) {
    if (out->fd < 0) TR_TRY(open_file(p, out));
    if (flock(out->fd, LOCK_EX | LOCK_NB) == 0) {
      if (is_there(out->fd, path)) return TR_OK;
      close(out->fd), out->fd = -1;
      continue;
    }
    if (!has_locks(errno)) {
      tr_ctx_warn(p->ctx, "'%s' cannot be locked: %s; start one at a time", TR_SHOW(path, 300),
                  strerror(errno));
      return TR_OK;
    }
    if (!said && p->rank == 0) program_say(p, "another process fetches %s: waiting for it", what);
    said = true;
    const tr_status status = http_wait(p, 0.1);
    if (status != TR_OK) close(out->fd), out->fd = -1; /* another one's */
    TR_TRY(status);
  }
}

void fetch_lock_give_back(fetch_lock *l) {
  if (l->fd < 0) return;
  if (l->goes) unlink(l->path);
  close(l->fd);
  l->fd = -1;
}
