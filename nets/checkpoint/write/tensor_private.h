/* What the writers of both formats know of a tensor. Not for users of the library. */
#ifndef TR_NETS_CHECKPOINT_WRITE_TENSOR_PRIVATE_H
#define TR_NETS_CHECKPOINT_WRITE_TENSOR_PRIVATE_H

#include "nets/checkpoint/write/save.h"

/* TR_E_ARG unless each of a set's tensors has a name of its own, in UTF-8, and a whole array or tensor;
 * TR_E_UNSUPPORTED naming a tensor whose elements cannot be read (tr_tensor.foreign). */
tr_status tr_saved_check_set(tr_ctx *ctx, const char *path, const tr_saved_set *set);
/* TR_E_ARG unless each of n arguments has a name of its own, a kind, and a text if that is its kind. */
tr_status tr_saved_check_args(tr_ctx *ctx, const char *path, int n, const tr_saved_arg *args);
/* As tr_saved_check_set, of moments: both of a parameter or neither. */
tr_status tr_saved_check_adamw(tr_ctx *ctx, const char *path, const tr_saved_adamw *adamw);

/* Whether there is an array or a tensor. */
bool tr_saved_has_content(const tr_saved_tensor *tensor);
/* Its name, for messages: moments need none. */
const char *tr_saved_name(const tr_saved_tensor *tensor);
tr_dtype tr_saved_dtype(const tr_saved_tensor *tensor);
/* Its extents; returns how many. */
int tr_saved_shape(const tr_saved_tensor *tensor, int64_t shape[TR_MAX_DIMS]);
uint64_t tr_saved_bytes(const tr_saved_tensor *tensor);

/* Hands all elements to `put` in row-major order, piece by piece. */
typedef tr_status (*tr_saved_put)(void *user, const void *bytes, size_t size);
tr_status tr_saved_stream(tr_ctx *ctx, const tr_saved_tensor *tensor, tr_saved_put put, void *user);

#endif
