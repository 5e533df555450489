#include "core/io/columns_private.h"
#include "core/text.h"
#include "core/text/lines_private.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const counts[TR_COLUMNS_MAX + 1] = {"no numbers",    "one number",   "two numbers",
                                                       "three numbers", "four numbers", "five numbers",
                                                       "six numbers",   "7 numbers",    "8 numbers"};

/* Skips blanks and at most one comma. */
static char *skip_separator(char *text) {
  while (isspace((unsigned char)*text)) text++;
  if (*text == ',') text++;
  while (isspace((unsigned char)*text)) text++;
  return text;
}

/* `columns` numbers and nothing else. */
static bool parse_row(char *text, int columns, double *row) {
  for (int i = 0; i < columns; i++) {
    char *end;
    row[i] = strtod(text, &end);
    if (end == text) return false;
    text = skip_separator(end);
  }
  return *text == '\0';
}

typedef struct {
  int n, room, columns;
  double *values;
} row_list;

static bool append(row_list *list, const double *row) {
  size_t bytes = (size_t)list->columns * sizeof *row;
  if (list->n == list->room) {
    if (list->room > INT_MAX / 2) return false;
    int room = list->room ? 2 * list->room : 64;
    double *values = realloc(list->values, (size_t)room * bytes);
    if (!values) return false;
    list->values = values;
    list->room = room;
  }
  memcpy(list->values + list->n++ * list->columns, row, bytes);
  return true;
}

/* An empty line, or a header. */
static bool has_no_row(const char *text, int number) {
  return *text == 0 || (number == 1 && isalpha((unsigned char)*text));
}

static tr_status read_lines(tr_ctx *ctx, tr_lines *lines, row_list *list) {
  double row[TR_COLUMNS_MAX];
  bool more = true;
  for (;;) {
    TR_TRY(tr_lines_next(ctx, lines, &more));
    if (!more) return TR_OK;
    char *text = lines->text;
    while (isspace((unsigned char)*text)) text++;
    if (has_no_row(text, lines->number)) continue;
    if (!parse_row(text, list->columns, row))
      return TR_FAIL(ctx, TR_E_IO, "%s:%d: expected %s, '%s' is not that", lines->path, lines->number,
                     counts[list->columns], TR_SHOW(strtok(text, "\r"), 40));
    if (!append(list, row)) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %s", lines->path);
  }
}

tr_status tr_read_columns(tr_ctx *ctx, const char *path, int columns, int least, double **values, int *rows) {
  *values = NULL;
  if (columns < 1 || columns > TR_COLUMNS_MAX)
    return TR_FAIL(ctx, TR_E_ARG, "%d columns: use 1 to %d", columns, TR_COLUMNS_MAX);
  tr_lines lines;
  row_list list = {.columns = columns};
  tr_status status = tr_lines_open(ctx, path, &lines);
  if (status == TR_OK) status = read_lines(ctx, &lines, &list);
  tr_lines_close(&lines);
  if (status == TR_OK && list.n < least)
    status = TR_FAIL(ctx, TR_E_IO, "%s: %d lines of %s, at least %d are needed", path, list.n,
                     counts[columns], least);
  if (status != TR_OK) {
    free(list.values);
    return status;
  }
  *values = list.values;
  *rows = list.n;
  return TR_OK;
}
