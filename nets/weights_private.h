/* The sizes of a network from the shapes of its tensors, and the tensors that are refused. Not for users of
 * the library. */
#ifndef TR_NETS_WEIGHTS_PRIVATE_H
#define TR_NETS_WEIGHTS_PRIVATE_H

#include "nets/checkpoint/tensors.h"

typedef struct {
  char name[64];
  int ndim;
  int64_t shape[TR_MAX_DIMS];
} tr_expected;

/* The i-th tensor that a network of this configuration has; false past the last. */
typedef bool (*tr_expected_fn)(const void *config, int i, tr_expected *out);

/* Every expected tensor is there with its shape, and nothing else; `network` ("a SiT of depth 2") stands in
 * messages. TR_E_SHAPE naming the tensor. */
tr_status tr_weights_check(tr_ctx *ctx, const tr_tensors *weights, tr_expected_fn expected_at,
                           const void *config, const char *network);

/* The tensor, which must have this many dimensions, each of a size that a network can have. `meaning` is its
 * shape in words, `network` ("a SiT") what the tensors should be of. */
tr_status tr_weights_find(tr_ctx *ctx, const tr_tensors *weights, const char *name, int ndim,
                          const char *meaning, const char *network, const tr_tensor **out);

/* One more than the largest number in "PREFIX.NUMBER."; numbers of five digits and more are unknown tensors.
 */
int tr_weights_count(const tr_tensors *weights, const char *prefix);

/* Classes of a label table with `rows` rows, of which the last is the null class when there are more than the
 * `declared` classes (0: unknown, there is one). */
tr_status tr_weights_classes(tr_ctx *ctx, int rows, int declared, int *num_classes, int *null_class);

/* "(2, 3)" written into text for messages; returns text. */
const char *tr_shape_text(int ndim, const int64_t *shape, char *text, size_t size);

#endif
