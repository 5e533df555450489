/* SUNDIALS' N_Vector over a tr_array of any device, f32 or f64 storage; scalars and reductions are double.
 *
 * Linear sums, scalings, fused linear combinations and elementwise operations are listed
 * (core/vec/program.h), and run as one program with the next norm, or before the next evaluation of f: of the
 * up to thirty of them in a step three or four programs are left. There is no access to elements
 * (getarraypointer is NULL), so SUNDIALS cannot touch device memory. The vector operations of SUNDIALS cannot
 * fail; ours can, so the first failure, also a NaN or an infinity seen by a norm, is latched in the space
 * shared by all vectors of a solve, and later norms are NaN. */
#ifndef TR_INTEGRATORS_SUNDIALS_NVEC_H
#define TR_INTEGRATORS_SUNDIALS_NVEC_H

#include "core/array.h"
#include "core/vec/program.h"
#include "integrators/sundials/compat.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What all vectors of one solve share; outlives them. */
typedef struct {
  tr_ctx *ctx;
  tr_segments norm;   /* the WRMS norm is the largest over these segments; n = 0: one */
  const double *when; /* time of the latest evaluation, for messages */
  tr_program *list;   /* what has not been run yet */
  int slot;           /* of norms */
  tr_status status;   /* the first failure */
  /* The norm of `weighed` by the weights made of it is at most `bound`: it is left in slot `later`, and
   * looked at with the next norm. NULL: no such norm is expected. */
  const tr_array *weighed, *weights;
  double bound;
  int later;
  bool waits; /* one is there, of time `then` */
  double then;
} tr_nvec_space;

/* A vector on an array: borrows both, the caller keeps them alive. NULL when out of memory. */
N_Vector tr_nvec_wrap(tr_nvec_space *space, tr_array *array, SUNContext context);
/* The array of a vector made by tr_nvec_wrap or cloned from one; borrowed. Operations on it may still be
 * listed. */
tr_array *tr_nvec_array(N_Vector v);

/* w = error weights of y (tr_program_weights), which the next norm may be of: SUNDIALS asks at every step
 * whether WRMS(y, w) exceeds 1 / roundoff, that is whether more accuracy is asked for than there is. It is at
 * most 1 / rtol, so no step depends on its value, and nobody waits for it. */
void tr_nvec_weigh(N_Vector y, const tr_segments *seg, const double *rtol, const double *atol, N_Vector w);

#ifdef __cplusplus
}
#endif

#endif
