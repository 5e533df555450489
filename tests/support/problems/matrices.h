/* Matrices of random numbers and their values on the host, for the tests of the network operations. */
#ifndef TR_TESTS_MATRICES_H
#define TR_TESTS_MATRICES_H

#include "core/nn/nn.h"

/* (rows, cols) of standard normals; another number, other normals. The caller destroys. */
tr_array *matrix(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t cols, uint32_t number);
/* The elements in f64; the caller frees. */
double *values(const tr_array *a);
/* n labels in i32. The caller destroys. */
tr_array *labels_of(tr_ctx *ctx, int64_t n, const int32_t *labels);
/* A weight with the values of w, kept in `storage`, that computes in w's type. The caller destroys. */
tr_nn_weight *weight_of(const tr_array *w, tr_dtype storage);

#endif
