#include "experiments/results/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"

bool lock_take(int fd) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(fd, F_SETLK, &whole) == 0 || (errno != EACCES && errno != EAGAIN);
}

/* Whether the file that is open is still the one of that name: its last owner removes it. */
static bool is_there(int fd, const char *path) {
  struct stat open_one, named;
  return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 && open_one.st_ino == named.st_ino &&
         open_one.st_dev == named.st_dev;
}

tr_status lock_file_take(tr_ctx *ctx, const char *folder, const char *does, lock_file *out) {
  const size_t size = strlen(folder) + sizeof "/.lock";
  bool taken = false;
  *out = (lock_file){.fd = -1, .path = malloc(size)};
  if (!out->path) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
  snprintf(out->path, size, "%s/.lock", folder);
  while (!taken) {
    out->fd = open(out->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (out->fd < 0)
      return TR_FAIL(ctx, TR_E_IO, "folder '%s' cannot be written: %s", TR_SHOW(folder, 300),
                     strerror(errno));
    taken = lock_take(out->fd);
    if (taken && is_there(out->fd, out->path)) return TR_OK;
    close(out->fd);
    out->fd = -1;
    if (!taken) return TR_FAIL(ctx, TR_E_IO, "another process %s in '%s'", does, TR_SHOW(folder, 300));
    taken = false;
  }
  return TR_OK;
}

void lock_file_release(lock_file *lock) {
  if (lock->path && lock->fd >= 0) {
    unlink(lock->path);
    close(lock->fd);
  }
  free(lock->path);
  *lock = (lock_file){.fd = -1};
}
