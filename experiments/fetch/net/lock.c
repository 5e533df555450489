#include "experiments/fetch/net/lock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/files/lock.h"

static const double between_looks = 0.1; /* seconds */

tr_status fetch_lock_take(program *p, const char *path, const char *what, bool goes, fetch_lock *out) {
  bool said = false;
  *out = (fetch_lock){-1, path, goes};
  lock_state state;
  while ((state = lock_open(path, 0664, &out->fd)) == LOCK_BUSY) {
    if (!said && p->rank == 0) program_say(p, "another process fetches %s: waiting for it", what);
    said = true;
    TR_TRY(program_wait(p, between_looks));
  }
  if (state == LOCK_NO_FILE)
    return TR_FAIL(p->ctx, TR_E_IO, "'%s' cannot be written: %s (HF_HOME says where the cache is)",
                   TR_SHOW(path, 300), strerror(errno));
  if (state == LOCK_UNKNOWN)
    tr_ctx_warn(p->ctx, "'%s' cannot be locked: %s; start one at a time", TR_SHOW(path, 300),
                strerror(errno));
  return TR_OK;
}

void fetch_lock_give_back(fetch_lock *l) {
  if (l->fd < 0) return;
  if (l->goes) unlink(l->path);
  close(l->fd);
  l->fd = -1;
}
