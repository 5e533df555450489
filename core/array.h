/* Arrays: contiguous, row-major, on the device of their context. Scalars and time are double everywhere; an
 * array of f32 rounds once, on store. */
#ifndef TR_CORE_ARRAY_H
#define TR_CORE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/context.h"
#include "core/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_MAX_DIMS 5

typedef struct {
  tr_ctx *ctx;
  tr_dtype dtype;
  int ndim;
  int64_t shape[TR_MAX_DIMS];
  int64_t count; /* product of the shape */
  void *data;    /* device memory: never dereference outside the backend */
  bool owned;    /* false for views: destroying one leaves the memory alone */
} tr_array;

/* A new array of f32, f64, bf16 or i32, contents undefined. 1 <= ndim <= TR_MAX_DIMS, every extent >= 0. The
 * caller destroys it. */
TR_API tr_status tr_array_create(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, tr_array **out);
/* A new array of the same context, dtype and shape; the contents are undefined. */
TR_API tr_status tr_array_like(const tr_array *model, tr_array **out);
/* The same with n times the rows (leading dimension), n >= 0. */
TR_API tr_status tr_array_like_stacked(const tr_array *model, int64_t n, tr_array **out);
/* Frees and sets *a to NULL; NULL is fine. */
TR_API void tr_array_destroy(tr_array **a);

/* Views: arrays by value that borrow the memory of another, which must outlive them; nothing is to be freed.
 * One that does not fit latches TR_E_SHAPE and is empty (no dimensions, no memory): every operation refuses
 * it with that status, so that an error need be looked for once, behind the last of them. */

/* `count(shape)` elements of `parent` from element `offset` on. */
TR_API tr_array tr_view(const tr_array *parent, int64_t offset, int ndim, const int64_t *shape);
/* Rows first .. first + n - 1 of the leading dimension. */
TR_API tr_array tr_rows(const tr_array *a, int64_t first, int64_t n);
/* TR_OK if there is an array; TR_E_SHAPE for the empty view, TR_E_ARG without a context to tell it to. */
TR_API tr_status tr_array_check(const tr_array *a);

TR_API bool tr_array_same_shape(const tr_array *a, const tr_array *b);
/* "f32 (2, 4, 8, 8)" written into text for error messages; returns text. */
TR_API const char *tr_array_describe(const tr_array *a, char *text, size_t size);

/* Copies between host memory and the device; host buffers hold `count` elements of the array's own dtype. */
TR_API tr_status tr_array_upload(tr_array *a, const void *host);
TR_API tr_status tr_array_download(const tr_array *a, void *host);
/* Uploads an array of at most TR_SMALL_BYTES without waiting for the device; `host` may change at once. */
#define TR_SMALL_BYTES 4096
TR_API tr_status tr_array_set_small(tr_array *a, const void *host);
/* Upload and download with conversion from and to double on the host, rounded to nearest even once; a number
 * that is no 32-bit integer is TR_E_ARG for an array of i32. */
TR_API tr_status tr_array_set_f64(tr_array *a, const double *host);
TR_API tr_status tr_array_get_f64(const tr_array *a, double *host);
/* Copy between arrays of equal dtype and count on the same context, which do not overlap (TR_E_ARG). */
TR_API tr_status tr_array_copy(const tr_array *from, tr_array *to);

#ifdef __cplusplus
}
#endif

#endif
