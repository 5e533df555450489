/* NumPy's .npy format, versions 1 to 3 (numpy.lib.format): arrays in host memory, read from a mapping and
 * written as streams. Numbers and booleans only; Python objects, text and structured types are refused. */
#ifndef TR_CORE_IO_NPY_H
#define TR_CORE_IO_NPY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/array.h"
#include "core/io/file.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_NPY_MAX_DIMS 8

/* As NumPy spells it, "bool", "int8", ..., "float64"; what it does not have keeps our name, "bf16". */
TR_API const char *tr_npy_type_name(tr_dtype dtype);

/* An array in host memory: row-major, little-endian, aligned to its element size. ndim = 0 is a scalar. */
typedef struct {
  tr_dtype dtype;
  int ndim;
  int64_t shape[TR_NPY_MAX_DIMS];
  int64_t count;    /* product of the shape, 1 for a scalar */
  const void *data; /* borrowed from the mapping, or `owned`, or the caller's */
  void *owned;      /* NULL when the elements lie in a mapping or belong to the caller */
  tr_file_map map;  /* the file of tr_npy_open, otherwise empty */
} tr_npy;

/* Opens a .npy file. Elements are mapped, or copied once when the file stores them in Fortran order or out of
 * alignment. Malformed, truncated or longer than its shape says: TR_E_IO. Close with tr_npy_close. */
TR_API tr_status tr_npy_open(tr_ctx *ctx, const char *path, tr_npy *out);
/* The same from `size` bytes in memory, which must outlive *out; `name` is what error messages call them. */
TR_API tr_status tr_npy_parse(tr_ctx *ctx, const char *name, const unsigned char *bytes, size_t size,
                              tr_npy *out);
TR_API void tr_npy_close(tr_npy *npy); /* frees and zeroes; a zeroed struct is fine */

/* "float32 (2, 4, 8, 8)" written into text for error messages; returns text. */
TR_API const char *tr_npy_describe(const tr_npy *npy, char *text, size_t size);

/* All `count` elements, each rounded to nearest where the type asked for is narrower. */
TR_API void tr_npy_get_f64(const tr_npy *npy, double *out);
TR_API void tr_npy_get_f32(const tr_npy *npy, float *out);
/* The same as integers: a value that is no 32-bit integer is TR_E_ARG. */
TR_API tr_status tr_npy_get_i32(tr_ctx *ctx, const tr_npy *npy, int32_t *out);
/* A new array of this dtype and shape on the context's device (a scalar becomes shape (1)); more than
 * TR_MAX_DIMS dimensions are TR_E_SHAPE. The caller destroys it. */
TR_API tr_status tr_npy_to_array(tr_ctx *ctx, const tr_npy *npy, tr_dtype dtype, tr_array **out);

/* A description of elements that the caller keeps, for writing. TR_E_SHAPE for a bad shape, TR_E_UNSUPPORTED
 * for bf16. */
TR_API tr_status tr_npy_wrap(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, const void *data,
                             tr_npy *out);

/* The header of `npy` (version 1.0) into `text`, padded so that `at` + its length is a multiple of 64: `at`
 * is where the header will stand in its file. Returns the length. */
#define TR_NPY_HEADER_MAX 512
TR_API size_t tr_npy_header(const tr_npy *npy, uint64_t at, char text[TR_NPY_HEADER_MAX]);

/* Writes a .npy file, whole or not at all. */
TR_API tr_status tr_npy_save(tr_ctx *ctx, const char *path, const tr_npy *npy);

#ifdef __cplusplus
}
#endif

#endif
