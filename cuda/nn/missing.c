/* Operations that have no kernels yet: each line goes with the commit that writes them. */
#include "cuda/cuda_private.h"

#define MISSING(op, what)                                                                                    \
  tr_status tr_cuda_##op(tr_ctx *ctx, const tr_nn_##op##_args *args) {                                       \
    (void)args;                                                                                              \
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "this device has no kernel for " what ": use cpu");                \
  }
MISSING(conv2d, "a convolution")
MISSING(group_norm, "a group norm")
MISSING(affine, "an affine map of channels")
MISSING(pool2d, "a pooling")
MISSING(resize2d, "a change of size")
