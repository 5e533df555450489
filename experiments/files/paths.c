#include "experiments/files/paths.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/text.h"

bool path_is_file(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool path_is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

tr_status path_make_folder(tr_ctx *ctx, const char *path) {
  if (mkdir(path, 0777) == 0 || errno == EEXIST) return TR_OK;
  const int reason = errno; /* some file systems do not say that it is there */
  if (path_is_folder(path)) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "folder '%s' cannot be made: %s", TR_SHOW(path, 300), strerror(reason));
}
