/* Tables of a function of one variable, interpolated by monotone cubics (Fritsch and Carlson 1980): no value
 * between two entries leaves their range, so a positive table stays positive. Beyond its ends a table keeps
 * the end's value. Host memory. */
#ifndef TR_TRANSPORT_DIFFUSION_TABLE_H
#define TR_TRANSPORT_DIFFUSION_TABLE_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_table tr_table;

/* n >= 2 points, x strictly increasing (TR_E_ARG), all finite (TR_E_NONFINITE); copied. The caller destroys
 * it. */
TR_API tr_status tr_table_create(tr_ctx *ctx, int n, const double *x, const double *y, tr_table **out);
/* From a text file of two numbers a line, separated by blanks or a comma; '#' begins a comment, and a first
 * line that begins with a letter is a header. TR_E_IO, with the line, for a file that is no such table. */
TR_API tr_status tr_table_read(tr_ctx *ctx, const char *path, tr_table **out);
TR_API void tr_table_destroy(tr_table **table); /* frees and sets *table to NULL; NULL is fine */

TR_API double tr_table_at(const tr_table *table, double x);
/* The derivative of tr_table_at; 0 beyond the ends. */
TR_API double tr_table_slope(const tr_table *table, double x);
/* The points that it was made of, borrowed; returns how many. */
TR_API int tr_table_points(const tr_table *table, const double **x, const double **y);
TR_API double tr_table_min(const tr_table *table); /* the smallest y */

#ifdef __cplusplus
}
#endif

#endif
