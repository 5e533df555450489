/* A solve in progress: what an ODE method is given, and the helpers by which it evaluates f, accepts steps
 * and hands out states, so that counting, limits, interruption and progress are the same for every method.
 * For writers of methods; callers of tr_ode_solve need integrators/ode/ode.h only.
 *
 * A method lists its elementwise operations in `list` (core/vec/program.h) instead of doing them: everything
 * between two evaluations of f is then one program. The list is run before an evaluation, before a state is
 * handed out and at the end of the solve; a method that looks at an array in another way runs it first. */
#ifndef TR_INTEGRATORS_ODE_ODE_RUN_PRIVATE_H
#define TR_INTEGRATORS_ODE_ODE_RUN_PRIVATE_H

#include "core/vec/program.h"
#include "integrators/ode/ode.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_ode_run {
  tr_ctx *ctx;
  const tr_ode_method *method;
  const tr_ode_spec *spec; /* rtol and atol already clamped */
  const tr_rhs *rhs;
  const double *times; /* (n_times) */
  int n_times;
  tr_array *x; /* the last accepted state, at stats->t_end; the method updates it */
  tr_out_fn on_output;
  void *out_user;
  tr_ode_stats *stats;
  double rtol_floor;   /* what dtype and right-hand side hold; adaptive */
  double direction;    /* +1 or -1 */
  double span;         /* |times[n_times-1] - times[0]| */
  const double *edges; /* (n_edges): times[0], the breaks strictly between in the order of travel, the end */
  int n_edges;
  double t_eval;   /* time of the latest evaluation of f */
  int next_output; /* number of the next output time */
  bool spent;      /* max_nfe forbids to go on */
  tr_program list; /* operations that wait for the next evaluation or output */
} tr_ode_run;

/* Two times that differ by rounding only, on the scale of this solve. */
bool tr_ode_same_time(const tr_ode_run *run, double a, double b);

/* Whether n more evaluations of f are allowed; if not, marks the run as spent: the method then returns TR_OK
 * with the last accepted state. */
bool tr_ode_affords(tr_ode_run *run, long n);

/* dx = f(t, x), counted, after what is listed. An error without a message gets one that names t. */
tr_status tr_ode_eval(tr_ode_run *run, double t, const tr_array *x, tr_array *dx);

/* Tells f that the solver enters [from, to]. */
tr_status tr_ode_enter(tr_ode_run *run, double from, double to);

/* run->x is now the state at t: counts the step, reports progress; TR_E_INTERRUPTED if asked to stop,
 * TR_E_SOLVER past max_steps. */
tr_status tr_ode_accept(tr_ode_run *run, double t);

/* Whether the next output time has been reached at t. False for ever when nobody listens. */
bool tr_ode_output_due(const tr_ode_run *run, double t);
/* Hands out x, after what is listed, as the state at the next output time. */
tr_status tr_ode_output(tr_ode_run *run, const tr_array *x);

#ifdef __cplusplus
}
#endif

#endif
