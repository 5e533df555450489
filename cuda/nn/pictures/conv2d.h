/* What is done before the products of a convolution. */
#ifndef TR_CUDA_NN_PICTURES_CONV2D_H
#define TR_CUDA_NN_PICTURES_CONV2D_H

#include "cuda/nn/linear.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Columns of a row of a weight as it is kept, and of what it is multiplied with: place by place of the
 * kernel, channels side by side, then zeros so that all rows begin alike. */
static inline int64_t tr_cuda_conv_columns(const tr_nn_weight_spec *spec) {
  return spec->taps > 1 ? (spec->in + 3) / 4 * 4 : spec->in;
}

/* `to`, kept as above, from values (out, channels, rows, columns) of its type. */
tr_status tr_cuda_taps(tr_ctx *ctx, const tr_nn_weight_spec *spec, const void *values, void *to);

/* What pixels first .. first + n - 1 of all results are made of: (n, tr_cuda_conv_columns). */
typedef struct {
  const tr_nn_conv2d_args *args;
  void *to;
  int64_t first, n;
} tr_cuda_gather_args;
tr_status tr_cuda_gather(tr_ctx *ctx, const tr_cuda_gather_args *args);

#ifdef __cplusplus
}
#endif

#endif
