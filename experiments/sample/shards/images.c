/* The folder of numbered PNGs. */
#define _GNU_SOURCE /* syncfs */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/image/write_private.h"
#include "core/text.h"
#include "experiments/sample/shards/shards.h"

#define IMAGE_PATH (SHARDS_PATH + 48)

static void image_path(const sample_run *run, int64_t number, char path[IMAGE_PATH]) {
  char folder[SHARDS_PATH];
  shards_path(run, IMAGES_FOLDER, folder);
  snprintf(path, IMAGE_PATH, "%s/%06lld.png", folder, (long long)number);
}

static tr_status cannot_write(tr_ctx *ctx, const char *path, int reason) {
  return TR_FAIL(ctx, TR_E_IO, "cannot write '%s': %s", TR_SHOW(path, 300), strerror(reason ? reason : EIO));
}

/* Closes the stream, whatever came before. */
static tr_status finish(tr_ctx *ctx, FILE *stream, const char *path, tr_status status) {
  errno = 0;
  const bool good = !ferror(stream) && fflush(stream) == 0;
  const int reason = errno;
  const bool closed = fclose(stream) == 0;
  if (status != TR_OK || (good && closed)) return status;
  return cannot_write(ctx, path, good ? errno : reason);
}

/* Thousands of small files: none of them waits for the disk. */
static tr_status write_one(const sample_run *run, int64_t number, const uint8_t *levels) {
  tr_ctx *ctx = run->program->ctx;
  const pictures *p = &run->pictures;
  char path[IMAGE_PATH], aside[IMAGE_PATH + 8];
  image_path(run, number, path);
  snprintf(aside, sizeof aside, "%s.tmp", path);
  FILE *stream = fopen(aside, "wbe");
  if (!stream) return cannot_write(ctx, path, errno);
  tr_status status = tr_png_write_stream(ctx, path, stream, p->height, p->width, 3, levels);
  status = finish(ctx, stream, path, status);
  if (status == TR_OK && rename(aside, path) != 0) status = cannot_write(ctx, path, errno);
  if (status != TR_OK) unlink(aside);
  return status;
}

tr_status images_write(const sample_run *run, int64_t first, int64_t n, const uint8_t *levels) {
  const size_t bytes = (size_t)(run->pictures.height * run->pictures.width) * 3;
  for (int64_t i = 0; i < n; i++) TR_TRY(write_one(run, first + i, levels + (size_t)i * bytes));
  return TR_OK;
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

bool images_are_there(const sample_run *run, int64_t first, int64_t n) {
  char path[IMAGE_PATH];
  bool there = true;
  for (int64_t i = 0; there && i < n; i++) {
    image_path(run, first + i, path);
    there = is_whole(path);
  }
  return there;
}

void images_sync(const sample_run *run) {
  char folder[SHARDS_PATH];
  shards_path(run, IMAGES_FOLDER, folder);
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  syncfs(fd);
  close(fd);
}
