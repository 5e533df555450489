/* results.csv of a command that goes on where it stopped: one row a run, appended as soon as the run is done,
 * whole or not at all. */
#ifndef TR_EXPERIMENTS_RESULTS_ROWS_FILE_H
#define TR_EXPERIMENTS_RESULTS_ROWS_FILE_H

#include <stdbool.h>

#include "core/context.h"

/* What stands in it. */
typedef struct {
  const char *header; /* the first line, with its end */
  const char *owner;  /* "sweep", for messages */
  /* Takes a row that is there, `at` to `end` without its end of line; what is wrong with it, or NULL. */
  const char *(*take)(void *user, const char *at, const char *end);
  void *user;
} rows_form;

typedef struct {
  char *path;
  int file; /* -1: closed */
} rows_file;

/* Opens or makes `path` and reads the rows that are there; a last row without an end of line is cut off.
 * TR_E_IO for other columns, for rows that are refused, and when another process is writing the file.
 * rows_file_close in any case. */
tr_status rows_file_open(tr_ctx *ctx, const rows_form *form, const char *path, rows_file *out);
void rows_file_close(rows_file *rows);
/* Appends a row with its end of line. */
tr_status rows_file_add(tr_ctx *ctx, rows_file *rows, const char *text, size_t length);

/* ---- fields ---- */

/* The end of the first n fields of a row, which more follow; NULL: it has fewer. */
const char *rows_fields_end(const char *at, const char *end, int n);
/* The next field, behind which *at is left; false for one that is too long, malformed or not there. A number
 * that is not there is NaN; the last field of a row is a text of any kind. */
bool rows_next_field(const char **at, const char *end, char *text, size_t size);
bool rows_next_count(const char **at, const char *end, long *out);
bool rows_next_number(const char **at, const char *end, double *out);

/* Writes ",0.25", or "," for a number that is not finite; the length, as snprintf. */
int rows_put_number(char *text, size_t size, double value);
/* The same of a message, `,"..."` or ",", and the end of the row. What would end a field is replaced. */
int rows_put_message(char *text, size_t size, const char *message);

#endif
