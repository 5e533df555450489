/* Eigenvalues and eigenvectors of small symmetric matrices, by Jacobi's rotations in cyclic order (Golub and
 * Van Loan, Matrix Computations, 8.5): slow for large ones, accurate for all. */
#ifndef TR_TRANSPORT_EXACT_SYMMETRIC_PRIVATE_H
#define TR_TRANSPORT_EXACT_SYMMETRIC_PRIVATE_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Entries (i, j) and (j, i) of a matrix that a person or a file gives may differ by this much of
 * sqrt(|A_ii A_jj|); their mean is used. */
#define TR_SYMMETRIC_TOLERANCE 1e-9

/* A (n, n), finite and symmetric, row-major: A = axes' diag(values) axes, with values (n) in no order and the
 * eigenvectors, orthonormal, as the rows of axes (n, n). About 60 n^3 operations. TR_E_ARG names the entry
 * that is not finite or not symmetric. */
tr_status tr_symmetric_eigen(tr_ctx *ctx, int64_t n, const double *A, double *values, double *axes);

#ifdef __cplusplus
}
#endif

#endif
