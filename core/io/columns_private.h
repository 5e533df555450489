/* Text files of numbers in columns: so many numbers a line, separated by blanks or a comma; '#' begins a
 * comment; empty lines are skipped; a first line that begins with a letter is taken for a header. */
#ifndef TR_CORE_IO_COLUMNS_PRIVATE_H
#define TR_CORE_IO_COLUMNS_PRIVATE_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_COLUMNS_MAX 8

/* values (rows, columns), row after row, at least `least` rows; the caller frees. Errors (TR_E_IO) name file
 * and line; a NUL is one, and lines may have any length (core/text/lines_private.h). */
tr_status tr_read_columns(tr_ctx *ctx, const char *path, int columns, int least, double **values, int *rows);

#ifdef __cplusplus
}
#endif

#endif
