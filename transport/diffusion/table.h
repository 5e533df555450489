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

/* n >= 2 points, x strictly increasing, all finite; copied. */
TR_API tr_status tr_table_create(tr_ctx *ctx, int n, const double *x, const double *y, tr_table **out);
/* From a text file of two numbers a line, separated by blanks or a comma; '#' begins a comment, and a first
 * line that begins with a letter is a header. */
TR_API tr_status tr_table_read(tr_ctx *ctx, const char *path, tr_table **out);
TR_API void tr_table_destroy(tr_table **table);

TR_API double tr_table_at(const tr_table *table, double x);
TR_API double tr_table_slope(const tr_table *table,
                             double x); /* the derivative of tr_table_at, inside the table */
TR_API int tr_table_points(const tr_table *table, const double **x,
                           const double **y);      /* how many; borrowed */
TR_API double tr_table_min(const tr_table *table); /* the smallest y */

#ifdef __cplusplus
}
#endif

#endif
