#include "cuda/cuda_private.h"

const tr_nn_ops tr_cuda_nn = {
    .rows_at_once = tr_cuda_rows_at_once,
    .weight_create = tr_cuda_weight_create,
    .weight_set = tr_cuda_weight_set,
    .weight_destroy = tr_cuda_weight_destroy,
#define TR_NN_OP(op, what, need, must, may) .op = tr_cuda_##op,
#include "core/nn/ops.def"
#undef TR_NN_OP
};
