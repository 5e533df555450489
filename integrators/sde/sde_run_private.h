/* An SDE solve in progress: what the walk over a grid (sde.c) and the adaptive walk (sde_adaptive.c) share,
 * so that noise, singular times, outputs, limits and counting are the same for both. */
#ifndef TR_INTEGRATORS_SDE_SDE_RUN_PRIVATE_H
#define TR_INTEGRATORS_SDE_SDE_RUN_PRIVATE_H

#include "integrators/sde/sde.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the state is finite is seen by a watch on the device (core/vec/vec.h). It is asked after each step
 * without waiting, and waiting every TR_SDE_PATIENCE steps, before a state is handed out and at the end. */
#define TR_SDE_PATIENCE 16
#define TR_SDE_RECENT   (TR_SDE_PATIENCE + 1)

typedef struct {
  tr_ctx *ctx;
  const tr_sde_spec *spec;
  const tr_sde_problem *problem;
  const tr_brownian *path;
  const double *times;
  int n_times, next_output;
  double span;
  tr_array *x;
  tr_out_fn on_output;
  void *out_user;
  tr_sde_stats *stats;
  tr_array *z, *z2;
  tr_array *z_spare, *z2_spare; /* for the next step, while the list still reads these; NULL: it does not, or
                                   makes them itself */
  tr_array *before;             /* the state at the start of the step, where somebody needs it */
  tr_array *between;            /* interpolated outputs */
  tr_array **scratch;
  bool singular;   /* the latest step left a singular time: it has no error estimate */
  tr_program list; /* operations that wait for the next evaluation or look at the state */
  int watch;       /* the slot of the watch over the state */
  long steps;      /* accepted */
  long drawn;      /* steps whose normals were drawn ahead */
  struct {
    double from, to;
  } recent[TR_SDE_RECENT]; /* step number i in place i % TR_SDE_RECENT */
} tr_sde_run;

/* Two times that differ by rounding only, on the scale of this solve. */
bool tr_sde_same_time(const tr_sde_run *run, double a, double b);

/* Whether max_nfe allows another step; if not, notes TR_STOP_MAX_NFE. */
bool tr_sde_affords_step(tr_sde_run *run);

/* x(t) -> x(t_next) with the noise of that step (number i, for paths that know steps), x(t) kept in `before`;
 * the last of it is listed. */
tr_status tr_sde_try(tr_sde_run *run, long i, double t, double t_next);

/* x is the state at t_next: counts the step, reports progress, hands out the outputs; errors when it is not
 * finite and when asked to stop. */
tr_status tr_sde_accept(tr_sde_run *run, double t, double t_next);

/* The adaptive walk, from the first to the last point of the grid: its arguments, and itself. */
bool tr_sde_is_adaptive(const tr_sde_spec *spec);
tr_status tr_sde_adaptive_check(const tr_sde_run *run);
tr_status tr_sde_adaptive_walk(tr_sde_run *run);

#ifdef __cplusplus
}
#endif

#endif
