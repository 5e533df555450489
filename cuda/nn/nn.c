/* The table of the network operations, and how many rows a call should carry. */
#include "cuda/cuda_private.h"

#ifdef TR_SIMT
#include <hooks.h> /* tests/simt */
#else
static int64_t simt_rows(int64_t otherwise) {
  return otherwise;
}
#endif

/* So many keep the largest devices busy; a part of all memory, rather than of what is free, is the same in
 * each call, and so are the groups that sums of gradients are made of. */
#define ROWS_MOST      ((int64_t)1 << 17)
#define PART_OF_MEMORY 0.5

static int64_t rows_at_once(tr_ctx *ctx, bool kept, int64_t bytes) {
  (void)kept;
  const int64_t rows = (int64_t)(PART_OF_MEMORY * (double)tr_cuda_state_of(ctx)->memory_most) / bytes;
  const int64_t most = simt_rows(ROWS_MOST);
  return rows < 1 ? 1 : rows > most ? most : rows;
}

const tr_nn_ops tr_cuda_nn = {
    .rows_at_once = rows_at_once,
    .weight_create = tr_cuda_weight_create,
    .weight_set = tr_cuda_weight_set,
    .weight_destroy = tr_cuda_weight_destroy,
#define TR_NN_OP(op, what, need, moves, must, may) .op = tr_cuda_##op,
#include "core/nn/ops.def"
#undef TR_NN_OP
};
