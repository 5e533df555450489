/* Text files line by line. Not for users of the library. */
#ifndef TR_CORE_TEXT_LINES_PRIVATE_H
#define TR_CORE_TEXT_LINES_PRIVATE_H

#include <stdio.h>

#include "core/context.h"

typedef struct {
  const char *path; /* borrowed, for messages */
  int number;       /* of the line at hand, from 1 */
  char *text;       /* that line, without its end and without a comment, which '#' begins */
  FILE *file;
  size_t room;
} tr_lines;

/* Opens a file, or a pipe. TR_E_IO with the reason. Close in any case. */
tr_status tr_lines_open(tr_ctx *ctx, const char *path, tr_lines *out);
void tr_lines_close(tr_lines *l);
/* The next line, or at the end *more = false. Comments may have any length, and what stands before them up to
 * 16 MiB. TR_E_IO naming file and line for a line that is longer, for a NUL, behind which no text would be
 * seen, and where reading fails. */
tr_status tr_lines_next(tr_ctx *ctx, tr_lines *l, bool *more);

/* Whether the text is a byte-order mark of UTF-8 at the beginning: so many bytes of it, 3 or 0. */
size_t tr_byte_order_mark(const char *text, size_t size);

#endif
