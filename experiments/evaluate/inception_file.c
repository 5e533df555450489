#include "experiments/evaluate/inception_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/fetch/fetch.h"

tr_status inception_file(program *p, const char *given, char **path) {
  if (access(given, F_OK) != 0) return fetch_find(p, given, "--inception", path);
  *path = strdup(given);
  return *path ? TR_OK : TR_FAIL(p->ctx, TR_E_MEM, "out of memory for a path");
}
