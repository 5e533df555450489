/* Where NVIDIA's libraries are found. Nothing of CUDA is needed here: tests/hygiene/cuda_library.sh compiles
 * this file by itself. */
#include "cuda/library/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error/error_private.h"

#define VARIABLE      "TRANSIT_CUDA_LIBRARIES"
#define TOOLKIT       "/usr/local/cuda/lib64"
#define PATH_MAX_HERE 4096

/* What is tried, and why the last file that is there could not be opened. */
typedef struct {
  const tr_cuda_library *library;
  void *handle;
  char refused[256];
} search;

/* The next of a list with colons, its length in *n; NULL at the end. */
static const char *next(const char *at, int *n) {
  while (at && *at == ':') at++;
  if (!at || !*at) return NULL;
  *n = (int)strcspn(at, ":");
  return at;
}

/* DIR/SUB/FILE, SUB of length 0: DIR/FILE */
static void try_file(search *s, int length, const char *dir, int sub_length, const char *sub) {
  char path[PATH_MAX_HERE];
  const int n = snprintf(path, sizeof path, "%.*s/%.*s%s%s", length, dir, sub_length, sub,
                         sub_length ? "/" : "", s->library->file);
  if (s->handle || n < 0 || n >= (int)sizeof path || access(path, F_OK) != 0) return;
  s->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!s->handle) snprintf(s->refused, sizeof s->refused, "%s", dlerror());
}

/* A folder itself, and as site-packages. */
static void try_folder(search *s, int length, const char *dir) {
  int n;
  try_file(s, length, dir, 0, "");
  for (const char *sub = s->library->folders; (sub = next(sub, &n)) != NULL; sub += n)
    try_file(s, length, dir, n, sub);
}

static void try_variable(search *s) {
  int n;
  for (const char *dir = getenv(VARIABLE); (dir = next(dir, &n)) != NULL; dir += n) try_folder(s, n, dir);
}

static void try_loader(search *s) {
  if (!s->handle) s->handle = dlopen(s->library->file, RTLD_NOW | RTLD_LOCAL);
}

/* ../lib beside the program: where a bundle has it. */
static void try_beside(search *s) {
  char path[PATH_MAX_HERE];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 8);
  if (n <= 0) return;
  path[n] = '\0';
  char *slash = strrchr(path, '/');
  if (!slash) return;
  memcpy(slash, "/../lib", sizeof "/../lib");
  try_file(s, (int)strlen(path), path, 0, "");
}

static tr_status find(search *s, tr_error *err) {
  const tr_cuda_library *l = s->library;
  const char *set = getenv(VARIABLE);
  try_variable(s);
  try_loader(s);
  try_beside(s);
  try_file(s, (int)strlen(TOOLKIT), TOOLKIT, 0, "");
  if (s->handle) return TR_OK;
  if (s->refused[0])
    return TR_FAIL_IN(err, TR_E_DEVICE,
                      "%s cannot be opened: %s; pip install %s, or set " VARIABLE " to its folder", l->file,
                      s->refused, l->package);
  return TR_FAIL_IN(err, TR_E_DEVICE,
                    "%s was not found in " VARIABLE
                    " (%s%.120s%s), where the loader looks, in ../lib beside the "
                    "program, nor in " TOOLKIT "; pip install %s, and set " VARIABLE " to its site-packages",
                    l->file, set ? "'" : "", set ? set : "not set", set ? "'" : "", l->package);
}

tr_status tr_cuda_library_open(const tr_cuda_library *library, int n, const tr_cuda_symbol *symbols,
                               tr_error *err) {
  search s = {.library = library};
  const tr_status status = find(&s, err);
  if (status != TR_OK) return status;
  for (int i = 0; i < n; i++) {
    void *found = dlsym(s.handle, symbols[i].name);
    if (!found)
      return TR_FAIL_IN(err, TR_E_DEVICE,
                        "the %s found here has no %s: pip install -U %s, and set " VARIABLE
                        " to its site-packages",
                        library->file, symbols[i].name, library->package);
    memcpy(symbols[i].to, &found, sizeof found); /* as POSIX means it */
  }
  return TR_OK;
}
