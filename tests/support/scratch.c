#include "tests/support/scratch.h"

#include <dirent.h>
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

static int each_entry(void (*act)(const char *path)) {
  char path[2 * PATH_SIZE];
  int n = 0;
  DIR *directory = opendir(folder);
  if (!directory) return 0;
  for (struct dirent *e; (e = readdir(directory));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    n++;
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (act) act(path);
  }
  closedir(directory);
  return n;
}

static void remove_entry(const char *path) {
  (void)remove(path);
}

static void clean_up(void) {
  if (getpid() != owner) return;
  each_entry(remove_entry);
  rmdir(folder);
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
  return *folder ? each_entry(NULL) : 0;
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
