/* The two decompositions of dense matrices that the metrics need, by LAPACK. The library is opened by name
 * when it is first needed: OpenBLAS (libopenblas.so.0), or whatever is liblapack.so.3; the environment
 * variable TRANSIT_LAPACK names another file. So no other command of the program starts its threads, and its
 * BLAS is not mixed up with the stubs in libxsmmnoblas. Only one thread works: the bits of OpenBLAS depend on
 * how many. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_LAPACK_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_LAPACK_H

#include "core/context.h"

/* Both: TR_E_UNSUPPORTED where there is no LAPACK, TR_E_ARG for more than 16000 rows or columns, TR_E_SOLVER
 * where it does not converge, TR_E_MEM. */

/* a (d, d), symmetric, becomes its eigenvectors, a row each, of `values` (d) in ascending order. */
tr_status lapack_eigen(tr_ctx *ctx, int64_t d, double *a, double *values);

/* Singular values of a (rows, columns), row-major, which is used up, k = the smaller of the two, descending.
 * left (rows, k) and right (k, columns), or both NULL: a = left diag(values) right. */
tr_status lapack_singular(tr_ctx *ctx, int64_t rows, int64_t columns, double *a, double *values, double *left,
                          double *right);

#endif
