/* What the writers of .npy and .npz share. */
#ifndef TR_CORE_IO_NPY_PRIVATE_H
#define TR_CORE_IO_NPY_PRIVATE_H

#include "core/io/npy.h"

/* TR_OK for a description that can be written; TR_E_ARG when its shape has another number of elements than it
 * says, as that of a zeroed struct. */
tr_status tr_npy_check(tr_ctx *ctx, const tr_npy *npy);

/* As a file says the type, "<f8"; NULL where NumPy has no such type, or nobody has. */
const char *tr_npy_descr(tr_dtype dtype);

/* tr_npy_header of elements that `descr` describes. */
size_t tr_npy_header_of(const char *descr, int ndim, const int64_t *shape, uint64_t at,
                        char text[TR_NPY_HEADER_MAX]);

/* Bytes with which a .npy tells how long its header is, and that length with them; of other bytes it is any
 * number. */
#define TR_NPY_HEAD 12
size_t tr_npy_head_size(const unsigned char bytes[TR_NPY_HEAD]);

/* Type, shape and count of a .npy of `size` bytes, of which `bytes` are as many as the header has: out->data
 * is NULL. An array that is not row-major is TR_E_IO. */
tr_status tr_npy_parse_head(tr_ctx *ctx, const char *name, const unsigned char *bytes, size_t size,
                            tr_npy *out);

#endif
