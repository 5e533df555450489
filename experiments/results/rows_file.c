#include "experiments/results/rows_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/io/file.h"

/* ---- fields ---- */

const char *rows_fields_end(const char *at, const char *end, int n) {
  for (int commas = 0; at < end; at++)
    if (*at == ',' && ++commas == n) return at;
  return NULL;
}

bool rows_next_field(const char **at, const char *end, char *text, size_t size) {
  const char *comma = memchr(*at, ',', (size_t)(end - *at));
  if (!comma || (size_t)(comma - *at) >= size) return false;
  memcpy(text, *at, (size_t)(comma - *at));
  text[comma - *at] = 0;
  *at = comma + 1;
  return true;
}

bool rows_next_count(const char **at, const char *end, long *out) {
  char text[32], *after;
  if (!rows_next_field(at, end, text, sizeof text)) return false;
  *out = strtol(text, &after, 10);
  return after != text && *after == 0 && *out >= 0;
}

bool rows_next_number(const char **at, const char *end, double *out) {
  char text[64], *after;
  *out = NAN;
  if (!rows_next_field(at, end, text, sizeof text)) return false;
  if (*text) *out = strtod(text, &after);
  return !*text || (*after == 0 && isfinite(*out));
}

int rows_put_number(char *text, size_t size, double value) {
  return isfinite(value) ? snprintf(text, size, ",%.9g", value) : snprintf(text, size, ",");
}

int rows_put_message(char *text, size_t size, const char *message) {
  if (!*message) return snprintf(text, size, ",\n");
  const int n = snprintf(text, size, ",\"%s\"\n", message);
  if (n < 0 || (size_t)n >= size) return n;
  for (char *c = text + 2; c < text + n - 2; c++)
    if (*c == '"' || *c == '\n' || *c == '\r') *c = '\'';
  return n;
}

/* ---- reading ---- */

static tr_status bad_row(tr_ctx *ctx, const rows_form *form, const char *path, int line, const char *what) {
  return TR_FAIL(ctx, TR_E_IO, "'%s' line %d: %s: it is not of this %s or was changed; use another --out",
                 path, line, what, form->owner);
}

/* Reads whole rows; *whole is the length of the file up to the end of the last one. */
static tr_status read_rows(tr_ctx *ctx, const rows_form *form, const char *path, const tr_file_map *map,
                           size_t *whole) {
  const size_t header = strlen(form->header);
  int line = 0;
  *whole = 0;
  if (map->size == 0) return TR_OK; /* an empty file has no mapping */
  const char *text = (const char *)map->data, *at = text, *end = text + map->size, *stop;
  for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
    const bool is_header = (size_t)(stop + 1 - at) == header && memcmp(at, form->header, header) == 0;
    if (++line == 1 && !is_header) return bad_row(ctx, form, path, line, "other columns");
    const char *wrong = line > 1 ? form->take(form->user, at, stop) : NULL;
    if (wrong) return bad_row(ctx, form, path, line, wrong);
  }
  *whole = (size_t)(at - text);
  return TR_OK;
}

/* ---- the file ---- */

static tr_status io_error(tr_ctx *ctx, const rows_file *rows) {
  return TR_FAIL(ctx, TR_E_IO, "'%s' cannot be written: %s", rows->path, strerror(errno));
}

/* One write call, which no signal cuts (to a file), so that an interruption leaves no half row; what a full
 * disk leaves is taken back. */
tr_status rows_file_add(tr_ctx *ctx, rows_file *rows, const char *text, size_t length) {
  off_t before = lseek(rows->file, 0, SEEK_END);
  ssize_t written = write(rows->file, text, length);
  if (written == (ssize_t)length) return TR_OK;
  if (written >= 0) errno = ENOSPC;
  tr_status status = io_error(ctx, rows);
  if (before >= 0 && ftruncate(rows->file, before) != 0) return status;
  return status;
}

static tr_status take_over(tr_ctx *ctx, const rows_form *form, rows_file *rows) {
  if (flock(rows->file, LOCK_EX | LOCK_NB) != 0)
    return TR_FAIL(ctx, TR_E_IO, "'%s' is being written by another %s: %s", rows->path, form->owner,
                   strerror(errno));
  tr_file_map map;
  size_t whole = 0;
  TR_TRY(tr_file_map_open(ctx, rows->path, &map));
  tr_status status = read_rows(ctx, form, rows->path, &map, &whole);
  bool torn = whole < map.size;
  tr_file_map_close(&map);
  TR_TRY(status);
  if (torn && ftruncate(rows->file, (off_t)whole) != 0) return io_error(ctx, rows);
  return whole == 0 ? rows_file_add(ctx, rows, form->header, strlen(form->header)) : TR_OK;
}

tr_status rows_file_open(tr_ctx *ctx, const rows_form *form, const char *path, rows_file *out) {
  *out = (rows_file){.file = -1, .path = strdup(path)};
  if (!out->path) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the results");
  out->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  return out->file < 0 ? io_error(ctx, out) : take_over(ctx, form, out);
}

void rows_file_close(rows_file *rows) {
  if (rows->path && rows->file >= 0) close(rows->file);
  free(rows->path);
  *rows = (rows_file){.file = -1};
}
