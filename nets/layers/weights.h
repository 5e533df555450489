/* The sizes of a network from the shapes of its tensors, and the tensors that are refused. For
 * those who write a network. */
#ifndef TR_NETS_LAYERS_WEIGHTS_H
#define TR_NETS_LAYERS_WEIGHTS_H

#include "nets/network.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Every tensor of the list of entries (nets/network.h) is there with its shape, and nothing else but what
 * only training needs; a fixed table that can be made may be missing. `network` ("a SiT of depth 2") stands
 * in messages. TR_E_SHAPE naming the tensor. */
TR_API tr_status tr_weights_check(tr_ctx *ctx, const tr_tensors *weights, const tr_net_type *type,
                                  const void *sizes, const char *network);

/* The tensor of this name, or under the name that it has in older files (tr_net_type.older); NULL: absent. */
TR_API const tr_tensor *tr_weights_tensor(const tr_tensors *weights, const tr_net_type *type,
                                          const char *name);
/* Whether the tensor is one that only training of this kind needs. */
TR_API bool tr_weights_unused(const tr_net_type *type, const char *name);
/* Whether the entry is a fixed table that is made where it is missing. */
TR_API bool tr_weights_can_make(const tr_net_entry *entry);
/* Whether the tensor of this name is such a table of the network, whose entry is then in *entry. */
TR_API bool tr_weights_is_table(const tr_net_config *config, const char *name, tr_net_entry *entry);

/* The tensor, which must have this many dimensions, each of a size that a network can have. `meaning` is its
 * shape in words, `network` ("a SiT") what the tensors should be of. */
TR_API tr_status tr_weights_find(tr_ctx *ctx, const tr_tensors *weights, const char *name, int ndim,
                                 const char *meaning, const char *network, const tr_tensor **out);

/* One more than the largest number in "PREFIX.NUMBER."; numbers of five digits and more are unknown tensors.
 */
TR_API int tr_weights_count(const tr_tensors *weights, const char *prefix);

/* Classes of a label table with `rows` rows, of which the last is the null class when there are more than the
 * `declared` classes (0: unknown, there is one). */
TR_API tr_status tr_weights_classes(tr_ctx *ctx, int rows, int declared, int *num_classes, int *null_class);

/* "(2, 3)" written into text for messages; returns text. */
TR_API const char *tr_shape_text(int ndim, const int64_t *shape, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
