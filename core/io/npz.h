/* NumPy's .npz: a zip archive of .npy files. Entries are named without their ".npy", as numpy.load names
 * them.
 */
#ifndef TR_CORE_IO_NPZ_H
#define TR_CORE_IO_NPZ_H

#include "core/io/npy.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reading. */
typedef struct tr_npz tr_npz;
TR_API tr_status tr_npz_open(tr_ctx *ctx, const char *path, tr_npz **out); /* malformed: TR_E_IO */
TR_API void tr_npz_close(tr_npz **npz);                                    /* NULL is fine */
TR_API int tr_npz_count(const tr_npz *npz);
/* The name of the i-th entry, NULL past the end; entries that are no .npy keep their whole name. Owned by the
 * archive. */
TR_API const char *tr_npz_name(const tr_npz *npz, int i);
TR_API bool tr_npz_has(const tr_npz *npz, const char *name);
/* The names of all entries but those of `but` (up to a NULL; NULL: none), "a, b, c" as it may be shown
 * (core/text.h), written into text; returns text, "" where there is none. */
TR_API const char *tr_npz_list(const tr_npz *npz, const char *const *but, char *text, size_t size);
/* One array, checked against its CRC-32. Stored entries are borrowed from the archive, which must stay open
 * as long as *out is used. A missing name is TR_E_IO with the names that are there. Close with tr_npy_close.
 */
TR_API tr_status tr_npz_get(tr_npz *npz, const char *name, tr_npy *out);
/* The same as a new array on the context's device; the caller destroys it. */
TR_API tr_status tr_npz_get_array(tr_npz *npz, const char *name, tr_dtype dtype, tr_array **out);

/* Writing, whole or not at all; arrays are streamed, never held. Elements start at multiples of 64 bytes. The
 * same arrays give the same bytes. */
typedef struct tr_npz_out tr_npz_out;
TR_API tr_status tr_npz_create(tr_ctx *ctx, const char *path, tr_npz_out **out);
/* Adds elements in host memory, or an array of any device (bf16 is TR_E_UNSUPPORTED: NumPy has no such type).
 */
TR_API tr_status tr_npz_add(tr_npz_out *npz, const char *name, const tr_npy *npy);
TR_API tr_status tr_npz_add_array(tr_npz_out *npz, const char *name, const tr_array *a);
/* Adds n >= 0 texts of UTF-8 (TR_E_ARG: one is none) as NumPy keeps them, (n) of '<U' and the length of the
 * longest: numpy.load reads them without pickle. They cannot be read here. */
TR_API tr_status tr_npz_add_texts(tr_npz_out *npz, const char *name, int64_t n, const char *const *texts);
/* Piece by piece: begin with the shape (`data` is not read), then append elements in row-major order until
 * all are there. An array that is appended must have the dtype begun. */
TR_API tr_status tr_npz_begin(tr_npz_out *npz, const char *name, const tr_npy *shape);
TR_API tr_status tr_npz_append(tr_npz_out *npz, const void *elements, int64_t n);
TR_API tr_status tr_npz_append_array(tr_npz_out *npz, const tr_array *a);
/* Finishes the file, frees and sets *npz to NULL, whatever the outcome; missing elements are TR_E_ARG. */
TR_API tr_status tr_npz_commit(tr_npz_out **npz);
TR_API void tr_npz_discard(tr_npz_out **npz); /* nothing appears; NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
