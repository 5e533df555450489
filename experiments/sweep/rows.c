#include "experiments/sweep/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/io/file.h"
#include "core/text.h"

static const char header[] = SWEEP_KEY_COLUMNS ",status,nfe,accepted,rejected,rms,relative,mean_error,mean_"
                                               "noise,cov_error,cov_noise,sw2,sw2_floor,wall_seconds,"
                                               "message\n";
#define ROW_MAX 2048

/* ---- a row as text ---- */

/* The numbers of a row after its status, in the order of the columns. */
#define N_NUMBERS 9
static void numbers_of(sweep_result *r, double *out[N_NUMBERS]) {
  double *const list[N_NUMBERS] = {&r->rms,        &r->relative,  &r->mean_error,
                                   &r->mean_noise, &r->cov_error, &r->cov_noise,
                                   &r->sw2,        &r->sw2_floor, &r->wall_seconds};
  memcpy(out, list, sizeof list);
}

static int print_row(const sweep_plan *plan, int run, const sweep_result *result, char text[ROW_MAX]) {
  char key[SWEEP_KEY_MAX], message[sizeof result->message];
  sweep_result r = *result;
  double *numbers[N_NUMBERS];
  numbers_of(&r, numbers);
  sweep_plan_key(plan, run, key);
  int n = snprintf(text, ROW_MAX, "%s,%s,%ld,%ld,%ld", key, r.status, r.nfe, r.accepted, r.rejected);
  for (int i = 0; i < N_NUMBERS; i++)
    n += isfinite(*numbers[i]) ? snprintf(text + n, (size_t)(ROW_MAX - n), ",%.9g", *numbers[i])
                               : snprintf(text + n, (size_t)(ROW_MAX - n), ",");
  snprintf(message, sizeof message, "%s", r.message);
  for (char *c = message; *c; c++)
    if (*c == '"' || *c == '\n' || *c == '\r') *c = '\'';
  return n + snprintf(text + n, (size_t)(ROW_MAX - n), *message ? ",\"%s\"\n" : ",\n", message);
}

/* ---- reading ---- */

typedef struct {
  tr_ctx *ctx;
  sweep_rows *rows;
  int line;
} reader;

static tr_status bad_row(const reader *r, const char *what) {
  return TR_FAIL(r->ctx, TR_E_IO,
                 "'%s' line %d: %s: it is not of this sweep or was changed; use another --out", r->rows->path,
                 r->line, what);
}

/* The run with this key; the runs are looked for from the one after the last found, since rows mostly stand
 * in their order. */
static int find_run(const reader *r, const char *text, size_t length, int after) {
  char key[SWEEP_KEY_MAX];
  int n = sweep_plan_runs(r->rows->plan);
  for (int i = 0; i < n; i++) {
    int run = (after + 1 + i) % n;
    sweep_plan_key(r->rows->plan, run, key);
    if (strlen(key) == length && memcmp(key, text, length) == 0) return run;
  }
  return -1;
}

/* Copies the field at *at (up to a comma, which is passed) into text. */
static bool next_field(const char **at, const char *end, char *text, size_t size) {
  const char *comma = memchr(*at, ',', (size_t)(end - *at));
  if (!comma || (size_t)(comma - *at) >= size) return false;
  memcpy(text, *at, (size_t)(comma - *at));
  text[comma - *at] = 0;
  *at = comma + 1;
  return true;
}

static bool next_count(const char **at, const char *end, long *out) {
  char text[32], *after;
  if (!next_field(at, end, text, sizeof text)) return false;
  *out = strtol(text, &after, 10);
  return after != text && *after == 0 && *out >= 0;
}

static bool next_number(const char **at, const char *end, double *out) {
  char text[64], *after;
  *out = NAN;
  if (!next_field(at, end, text, sizeof text)) return false;
  if (*text) *out = strtod(text, &after);
  return !*text || (*after == 0 && isfinite(*out));
}

static bool read_result(const char *at, const char *end, sweep_result *r) {
  double *numbers[N_NUMBERS];
  numbers_of(r, numbers);
  if (!next_field(&at, end, r->status, sizeof r->status) || !next_count(&at, end, &r->nfe) ||
      !next_count(&at, end, &r->accepted) || !next_count(&at, end, &r->rejected))
    return false;
  for (int i = 0; i < N_NUMBERS; i++)
    if (!next_number(&at, end, numbers[i])) return false;
  tr_text_show(at, (size_t)(end - at), r->message, sizeof r->message);
  return strcmp(r->status, "ok") == 0 || strcmp(r->status, "diverged") == 0 ||
         strcmp(r->status, "failed") == 0;
}

static tr_status read_row(reader *r, const char *at, const char *end, int *last) {
  const char *key_end = at;
  for (int commas = 0; key_end < end; key_end++)
    if (*key_end == ',' && ++commas == SWEEP_KEY_FIELDS) break;
  if (key_end == end) return bad_row(r, "a row with too few columns");
  int run = find_run(r, at, (size_t)(key_end - at), *last);
  if (run < 0) return bad_row(r, "a row of no run");
  sweep_result *result = &r->rows->results[run];
  if (result->done) return bad_row(r, "a second row of one run");
  if (!read_result(key_end + 1, end, result)) return bad_row(r, "a malformed row");
  result->done = true;
  r->rows->n_done += sweep_plan_wants(r->rows->plan, run);
  *last = run;
  return TR_OK;
}

/* Reads whole rows; *whole is the length of the file up to the end of the last one. */
static tr_status read_rows(tr_ctx *ctx, sweep_rows *rows, const tr_file_map *map, size_t *whole) {
  reader r = {.ctx = ctx, .rows = rows};
  *whole = 0;
  if (map->size == 0) return TR_OK; /* an empty file has no mapping */
  const char *text = (const char *)map->data, *at = text, *end = text + map->size, *stop;
  int last = -1;
  for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
    r.line++;
    bool is_header =
        (size_t)(stop + 1 - at) == sizeof header - 1 && memcmp(at, header, sizeof header - 1) == 0;
    if (r.line == 1 && !is_header) return bad_row(&r, "other columns");
    if (r.line > 1) TR_TRY(read_row(&r, at, stop, &last));
  }
  *whole = (size_t)(at - text);
  return TR_OK;
}

/* ---- the file ---- */

static tr_status io_error(tr_ctx *ctx, const sweep_rows *rows) {
  return TR_FAIL(ctx, TR_E_IO, "'%s' cannot be written: %s", rows->path, strerror(errno));
}

/* One write call, which no signal cuts (to a file), so that an interruption leaves no half row; what a full
 * disk leaves is taken back. */
static tr_status append(tr_ctx *ctx, sweep_rows *rows, const char *text, size_t length) {
  off_t before = lseek(rows->file, 0, SEEK_END);
  ssize_t written = write(rows->file, text, length);
  if (written == (ssize_t)length) return TR_OK;
  if (written >= 0) errno = ENOSPC;
  tr_status status = io_error(ctx, rows);
  if (before >= 0 && ftruncate(rows->file, before) != 0) return status;
  return status;
}

static tr_status take_over(tr_ctx *ctx, sweep_rows *rows) {
  if (flock(rows->file, LOCK_EX | LOCK_NB) != 0)
    return TR_FAIL(ctx, TR_E_IO, "'%s' is being written by another sweep: %s", rows->path, strerror(errno));
  tr_file_map map;
  size_t whole = 0;
  TR_TRY(tr_file_map_open(ctx, rows->path, &map));
  tr_status status = read_rows(ctx, rows, &map, &whole);
  bool torn = whole < map.size;
  tr_file_map_close(&map);
  TR_TRY(status);
  if (torn && ftruncate(rows->file, (off_t)whole) != 0) return io_error(ctx, rows);
  return whole == 0 ? append(ctx, rows, header, sizeof header - 1) : TR_OK;
}

tr_status sweep_rows_open(tr_ctx *ctx, const sweep_plan *plan, const char *path, sweep_rows *out) {
  *out = (sweep_rows){.plan = plan, .file = -1, .path = strdup(path)};
  out->results = calloc((size_t)sweep_plan_runs(plan), sizeof *out->results);
  if (!out->path || !out->results) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the results");
  out->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  return out->file < 0 ? io_error(ctx, out) : take_over(ctx, out);
}

void sweep_rows_close(sweep_rows *rows) {
  if (rows->plan && rows->file >= 0) close(rows->file);
  free(rows->results);
  free(rows->path);
  *rows = (sweep_rows){.file = -1};
}

tr_status sweep_rows_add(tr_ctx *ctx, sweep_rows *rows, int run, const sweep_result *result) {
  char text[ROW_MAX];
  int length = print_row(rows->plan, run, result, text);
  if (length >= ROW_MAX) return TR_FAIL(ctx, TR_E_IO, "a row of %d bytes is too long", length);
  TR_TRY(append(ctx, rows, text, (size_t)length));
  rows->results[run] = *result;
  rows->results[run].done = true;
  rows->n_done++;
  return TR_OK;
}
