/* Arrays of random numbers and their values on the host, for the tests of the network operations. */
#ifndef TR_TESTS_MATRICES_H
#define TR_TESTS_MATRICES_H

#include "core/nn/nn.h"

/* Standard normals; another number, other normals. The caller destroys. */
tr_array *tensor(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, uint32_t number);
/* The same of (rows, cols). */
tr_array *matrix(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t cols, uint32_t number);
/* The elements in f64; the caller frees. */
double *values(const tr_array *a);
/* n labels in i32. The caller destroys. */
tr_array *labels_of(tr_ctx *ctx, int64_t n, const int32_t *labels);
/* A weight with the values of w, kept in `storage`, that computes in w's type. The caller destroys. */
tr_nn_weight *weight_of(const tr_array *w, tr_dtype storage);
/* A weight of a convolution with the values of `kernel` (out, C taps), in its type. The caller destroys. */
tr_nn_weight *kernel_of(const tr_array *kernel, int64_t taps);

#endif
