#define _XOPEN_SOURCE 700 /* nftw */
#include "tests/support/scratch.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 512

static char folder[PATH_SIZE];
static pid_t owner; /* a forked child must not remove its parent's folder */

static void fail(const char *what, const char *path) {
  perror(path);
  fprintf(stderr, "cannot %s %s\n", what, path);
  exit(1);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place) {
  (void)info, (void)type, (void)place;
  (void)remove(path);
  return 0;
}

/* Links are removed, not followed. */
static void clean_up(void) {
  enum { OPEN_FOLDERS = 8 };
  if (getpid() == owner) nftw(folder, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(void) {
  const char *base = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/transit-test-XXXXXX", base && *base ? base : "/tmp");
  if (!mkdtemp(folder)) fail("make", folder);
  owner = getpid();
  atexit(clean_up);
}

const char *scratch(const char *name) {
  static char paths[4][2 * PATH_SIZE];
  static int next;
  if (!*folder) make_folder();
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

int scratch_entries(void) {
  int n = 0;
  DIR *directory = *folder ? opendir(folder) : NULL;
  if (!directory) return 0;
  for (struct dirent *e; (e = readdir(directory));)
    n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
  closedir(directory);
  return n;
}

unsigned char *read_whole(const char *path, size_t *size) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0) fail("read", path);
  *size = (size_t)ftell(f);
  rewind(f);
  unsigned char *bytes = malloc(*size ? *size : 1);
  if (!bytes || fread(bytes, 1, *size, f) != *size) fail("read", path);
  fclose(f);
  return bytes;
}

void write_whole(const char *path, const void *bytes, size_t size) {
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0) fail("write", path);
}
