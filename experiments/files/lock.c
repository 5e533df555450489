#include "experiments/files/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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

lock_state lock_open(const char *path, unsigned int mode, int *fd) {
  for (;;) {
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, (mode_t)mode);
    if (*fd < 0) return LOCK_NO_FILE;
    const bool held = flock(*fd, LOCK_EX | LOCK_NB) == 0;
    if (!held && errno != EWOULDBLOCK && errno != EINTR) return LOCK_UNKNOWN;
    if (held && is_there(*fd, path)) return LOCK_HELD;
    close(*fd), *fd = -1;
    if (!held) return LOCK_BUSY;
  }
}

tr_status lock_file_take(tr_ctx *ctx, const char *folder, const char *does, lock_file *out) {
  const size_t size = strlen(folder) + sizeof "/.lock";
  *out = (lock_file){.fd = -1, .path = malloc(size)};
  if (!out->path) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
  snprintf(out->path, size, "%s/.lock", folder);
  const lock_state state = lock_open(out->path, 0666, &out->fd);
  if (state == LOCK_BUSY)
    return TR_FAIL(ctx, TR_E_IO, "another process %s in '%s'", does, TR_SHOW(folder, 300));
  if (state == LOCK_NO_FILE)
    return TR_FAIL(ctx, TR_E_IO, "folder '%s' cannot be written: %s", TR_SHOW(folder, 300), strerror(errno));
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
