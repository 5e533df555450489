/* Checks that operations and programs share. Not for users of the library. */
#ifndef TR_CORE_VEC_VEC_PRIVATE_H
#define TR_CORE_VEC_VEC_PRIVATE_H

#include "core/array.h"
#include "core/backend.h"

/* Whether two arrays have memory in common without being the same elements: then an operation that writes one
 * of them would read some elements before and some after. */
static inline bool tr_array_lies_across(const tr_array *a, const tr_array *b) {
  const uintptr_t p = (uintptr_t)a->data, q = (uintptr_t)b->data;
  const uintptr_t of_p = (uintptr_t)a->count * tr_dtype_size(a->dtype),
                  of_q = (uintptr_t)b->count * tr_dtype_size(b->dtype);
  if (p == q && a->count == b->count) return false;
  return p < q ? q - p < of_p : p - q < of_q;
}

/* z is f32 or f64, and x (may be NULL) like it; `what` is for the message. */
tr_status tr_vec_check(const tr_array *z, const tr_array *x, const char *what);
/* The same, where z is written: x is z, or apart from it in memory. */
tr_status tr_vec_check_written(const tr_array *z, const tr_array *x, const char *what);
tr_status tr_vec_check_lincomb(int k, const tr_array *const *x, const tr_array *z);
tr_status tr_vec_check_map(tr_map_op op, const tr_array *x, const tr_array *y, const tr_array *z);
tr_status tr_vec_check_segments(const tr_array *x, const tr_segments *seg);
tr_status tr_vec_check_reduce(tr_reduce_op op, const tr_array *x, const tr_array *y, const tr_segments *seg);
/* z may be filled with normals of this address, whose purpose is not read. */
tr_status tr_vec_check_address(const tr_random_address *address, uint32_t purpose, const tr_array *z);
/* A slot that tr_reduce uses, or that was taken. */
tr_status tr_vec_check_slot(tr_ctx *ctx, int slot);
bool tr_vec_slot_is_taken(tr_ctx *ctx, int slot);

/* Runs a list of one operation, which counts as that and not as a program. */
tr_status tr_program_run_single(struct tr_program *p);

/* seg, which may be NULL or empty: then all of x. */
tr_segments tr_vec_segments(const tr_array *x, const tr_segments *seg);

#endif
