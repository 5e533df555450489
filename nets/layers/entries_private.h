/* From a kind's list of entries to tensors, parameters and layers. Not for users of the library. */
#ifndef TR_NETS_LAYERS_ENTRIES_PRIVATE_H
#define TR_NETS_LAYERS_ENTRIES_PRIVATE_H

#include "nets/network.h"

/* One tensor of a network. */
enum { TR_EXPECTED_NAME = 80 };
typedef struct {
  char name[TR_EXPECTED_NAME];
  bool bias; /* of a layer: its bias; otherwise the weight, or the table */
  bool flat; /* may be stored as its first two extents, all others being 1 */
  bool one;  /* begins at 1: what a norm multiplies with, or divides by */
  int ndim;
  int64_t shape[TR_MAX_DIMS];
} tr_expected;

/* Whether it has a weight, as layers and convolutions do; else it is a table. */
bool tr_entry_is_weight(const tr_net_entry *entry);
/* How many tensors the entry is, and number `part` of them. */
int tr_entry_parts(const tr_net_entry *entry);
void tr_entry_part(const tr_net_entry *entry, int part, tr_expected *out);

/* Where weights come from: fills `out`, a matrix or a vector, with the values of this tensor. */
typedef struct tr_weight_source {
  tr_status (*read)(struct tr_weight_source *source, const tr_net_entry *entry, const tr_expected *tensor,
                    tr_array *out);
  bool (*is_bf16)(struct tr_weight_source *source, const tr_expected *tensor); /* as it is found there */
} tr_weight_source;

/* Weights from named tensors, converted one at a time. */
typedef struct {
  tr_weight_source base;
  tr_ctx *ctx;
  const tr_tensors *weights;
  const tr_net_config *config;
} tr_tensor_source;
tr_tensor_source tr_tensor_source_of(tr_ctx *ctx, const tr_tensors *weights, const tr_net_config *config);

/* Weights addressed by a seed and their place in the order of reading. */
typedef struct {
  tr_weight_source base;
  const void *sizes;
  uint64_t seed;
  uint32_t tensors;
} tr_random_source;
tr_random_source tr_random_source_of(const void *sizes, tr_net_start start, uint64_t seed);

/* Makes net->layers, and net->params where they are kept, and fills them; on failure the caller clears. */
tr_status tr_entries_load(tr_net *net, bool trained, tr_weight_source *source);
void tr_entries_clear(tr_net *net);
/* Sets every weight anew from the parameters. */
tr_status tr_entries_refresh(tr_net *net);

#endif
