/* Rows of an array in an .npz from the first on, of which never more is in memory than is asked for. Not for
 * users of the library. */
#ifndef TR_CORE_IO_NPZ_ROWS_PRIVATE_H
#define TR_CORE_IO_NPZ_ROWS_PRIVATE_H

#include "core/io/npz.h"

#ifdef __cplusplus
extern "C" {
#endif

/* tr_npz_get for an array of which pieces are read again and again: a deflated one of more than `most` bytes
 * is unpacked into a file without a name (core/io/file_private.h) and mapped; TR_E_INTERRUPTED when the
 * context's flag says so meanwhile. Where there can be no such file, a warning says so, and it is unpacked
 * into memory. */
tr_status tr_npz_get_mapped(tr_npz *npz, const char *name, uint64_t most, tr_npy *out);

typedef struct tr_npz_rows tr_npz_rows;

/* Begins to read the array of this name, with the errors of tr_npz_get, of one dimension at least; one in
 * Fortran order is TR_E_IO. The archive must outlive it. */
tr_status tr_npz_rows_open(tr_npz *npz, const char *name, tr_npz_rows **out);
void tr_npz_rows_close(tr_npz_rows **rows); /* NULL is fine */
/* Type, shape and count; no elements. */
const tr_npy *tr_npz_rows_shape(const tr_npz_rows *rows);
/* The elements of the next n rows, as the file has them. With the last ones the CRC-32 is checked. TR_E_IO
 * for damage, TR_E_ARG for more rows than are left. */
tr_status tr_npz_rows_read(tr_npz_rows *rows, int64_t n, void *elements);

#ifdef __cplusplus
}
#endif

#endif
