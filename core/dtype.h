/* The element types of arrays, of tensors in checkpoints and of NumPy's files, and the one place where
 * numbers in host memory are converted between them. */
#ifndef TR_CORE_DTYPE_H
#define TR_CORE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TR_F32,
  TR_F64,
  TR_BF16, /* the upper half of an f32: 8 bits of exponent, 7 of fraction */
  TR_F16,  /* IEEE binary16: 5 bits of exponent, 10 of fraction */
  TR_I8,
  TR_I16,
  TR_I32,
  TR_I64,
  TR_U8,
  TR_U16,
  TR_U32,
  TR_U64,
  TR_BOOL, /* one byte; what is not 0 is true */
  TR_N_DTYPES
} tr_dtype;

/* Of a value that is no type: 0, "?" and false. */
TR_API size_t tr_dtype_size(tr_dtype dtype);      /* bytes of one element */
TR_API const char *tr_dtype_name(tr_dtype dtype); /* "f32", "bf16", "i64", "bool", ... */
TR_API bool tr_dtype_is_float(tr_dtype dtype);
TR_API bool tr_dtype_is_integer(tr_dtype dtype); /* signed or not; bool is none */

/* n little-endian elements, which need not be aligned, as doubles or floats: exact, or rounded to nearest
 * even once where the result is too narrow. */
TR_API void tr_dtype_to_f64(tr_dtype dtype, int64_t n, const void *in, double *out);
TR_API void tr_dtype_to_f32(tr_dtype dtype, int64_t n, const void *in, float *out);

/* The way back, rounded to nearest even once; too large for a floating type is infinity, NaN stays NaN.
 * Integer types and bool take whole numbers within their range only. Returns how many of the n elements were
 * converted: n, or the index of the first that does not fit. */
TR_API int64_t tr_dtype_from_f64(tr_dtype dtype, int64_t n, const double *in, void *out);
TR_API int64_t tr_dtype_from_f32(tr_dtype dtype, int64_t n, const float *in, void *out);

/* What a value that did not fit should have been, for messages: "32-bit integer", ... */
TR_API const char *tr_dtype_kind(tr_dtype dtype);

#ifdef __cplusplus
}
#endif

#endif
