/* SUNDIALS' N_Vector over a tr_array of any device, f32 or f64 storage; scalars and reductions are double.
 *
 * Linear sums, scalings and fused linear combinations become one tr_lincomb each, elementwise operations one
 * tr_map, norms one tr_reduce. There is no access to elements (getarraypointer is NULL), so SUNDIALS cannot
 * touch device memory. The vector operations of SUNDIALS cannot fail; ours can, so the first failure, also a
 * NaN or an infinity seen by a norm, is latched in the space shared by all vectors of a solve, and later
 * norms are NaN. */
#ifndef TR_INTEGRATORS_SUNDIALS_NVEC_H
#define TR_INTEGRATORS_SUNDIALS_NVEC_H

#include "core/array.h"
#include "core/backend.h"
#include "integrators/sundials/compat.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What all vectors of one solve share; outlives them. */
typedef struct {
  tr_ctx *ctx;
  tr_segments norm;   /* the WRMS norm is the largest over these segments; n = 0: one */
  const double *when; /* time of the latest evaluation, for messages */
  tr_status status;   /* the first failure */
} tr_nvec_space;

/* A vector on an array: borrows both, the caller keeps them alive. NULL when out of memory. */
N_Vector tr_nvec_wrap(tr_nvec_space *space, tr_array *array, SUNContext context);
/* The array of a vector made by tr_nvec_wrap or cloned from one; borrowed. */
tr_array *tr_nvec_array(N_Vector v);

#ifdef __cplusplus
}
#endif

#endif
