/* What CVODE and ERKStep solves share: the SUNDIALS context that never prints, the state vector, the
 * right-hand side with its traps, the walk over the segments of an adaptive solve. Private to integrators/.
 */
#ifndef TR_INTEGRATORS_SUNDIALS_SOLVE_H
#define TR_INTEGRATORS_SUNDIALS_SOLVE_H

#include "integrators/ode/ode_run_private.h"
#include "integrators/sundials/nvec.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  tr_ode_run *run;
  SUNContext context;
  tr_nvec_space space;
  tr_array *state; /* scratch of the integrator; run->x keeps the last accepted state */
  N_Vector y;      /* over `state` */
  bool stepped;    /* since the segment began */
  char said[256];  /* the first error message of SUNDIALS */
} tr_sundials;

tr_status tr_sundials_open(tr_sundials *sun, tr_ode_run *run);
void tr_sundials_close(tr_sundials *sun); /* after the integrator's own memory was freed */

/* CVRhsFn and ARKRhsFn; user is the tr_sundials. Returns -1 at once after any failure and when max_nfe is
 * reached: the fixed-point solver of SUNDIALS < 7 retries a fatal return, and each retry must be cheap. */
int tr_sundials_rhs(sunrealtype t, N_Vector y, N_Vector ydot, void *user);

#if SUNDIALS_VERSION_MAJOR < 7
/* CVErrHandlerFn and ARKErrHandlerFn; user is the tr_sundials. From 7.0 on the context has one for all. */
void tr_sundials_heard(int code, const char *module, const char *function, char *message, void *user);
#endif

/* CVEwtFn and ARKEwtFn: w = 1 / (rtol |y| + atol), each segment with its own two. As SUNDIALS' own, in one
 * operation. */
int tr_sundials_weights(N_Vector y, N_Vector w, void *user);

/* What a negative flag means: the latched cause if there is one, TR_OK when max_nfe stopped the run, else
 * TR_E_SOLVER naming the time. */
tr_status tr_sundials_failed(tr_sundials *sun, int flag, const char *flag_name);

/* One adaptive integrator, as the walk sees it; self begins with a tr_sundials. */
typedef struct {
  /* (Re)starts at `from` with run->x; never evaluates f past `to`. h0 > 0: the first step. */
  tr_status (*begin)(void *self, double from, double to, double h0);
  /* One accepted step: the state in sun->y, its time in *t. TR_OK with run->spent when max_nfe stopped it. */
  tr_status (*step)(void *self, double to, double *t);
  /* Hands out the states due in the step that ended at t; `last`: no more steps in this segment. */
  tr_status (*output)(void *self, double t, bool last);
  void (*count)(void *self, tr_ode_stats *stats); /* adds the counters of this segment */
} tr_stepper;

/* Segment by segment from the first edge to the last. h0_fraction: default first step of each, in units of
 * the whole interval. */
tr_status tr_sundials_walk(void *self, const tr_stepper *stepper, double h0_fraction);

#ifdef __cplusplus
}
#endif

#endif
