#define _GNU_SOURCE /* syncfs */
#include "experiments/output/images.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/image/write_private.h"

/* malloc'd; NULL: out of memory. */
static char *path_of(const char *folder, int64_t number) {
  const size_t size = strlen(folder) + 32;
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s/%06lld.png", folder, (long long)number);
  return path;
}

/* Thousands of small files: none of them waits for the disk. */
tr_status images_write(tr_ctx *ctx, const char *folder, int64_t first, int64_t n, int64_t height,
                       int64_t width, const uint8_t *levels) {
  tr_status status = TR_OK;
  for (int64_t i = 0; status == TR_OK && i < n; i++) {
    char *path = path_of(folder, first + i);
    status = path ? tr_png_write_unsynced(ctx, path, height, width, 3, levels + 3 * i * height * width)
                  : TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
    free(path);
  }
  return status;
}

/* A file that a machine lost when it went down is empty, or misses its end. */
static bool is_whole(const char *path) {
  unsigned char end[TR_PNG_END_BYTES];
  FILE *file = fopen(path, "rbe");
  const bool whole = file && fseek(file, -TR_PNG_END_BYTES, SEEK_END) == 0 &&
                     fread(end, 1, sizeof end, file) == sizeof end &&
                     memcmp(end, tr_png_end, sizeof end) == 0;
  if (file) fclose(file);
  return whole;
}

bool images_are_there(const char *folder, int64_t first, int64_t n) {
  bool there = true;
  for (int64_t i = 0; there && i < n; i++) {
    char *path = path_of(folder, first + i);
    there = path && is_whole(path);
    free(path);
  }
  return there;
}

void images_sync(const char *folder) {
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  syncfs(fd);
  close(fd);
}
