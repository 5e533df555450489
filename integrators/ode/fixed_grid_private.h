/* The engine of the fixed grids: walks the points of the grid, segment by segment, and takes every step as
 * one fused update
 *   x' = x + h sum_j w_j f_j
 * with weights that a method computes on the host in double (its table). Segments end at the breaks of f that
 * are points of the grid; dense output, limits, counting and errors are the same for every method. For
 * writers of methods: a method gives a tr_fixed_stepper and calls tr_fixed_grid_solve from its `solve`.
 *
 * Beside its evaluations a step costs one program for each of them, and no wait: whether the state is finite
 * is seen by a watch on the device (core/vec/vec.h), which the engine asks without waiting after each step,
 * and waiting every TR_FIXED_PATIENCE steps, before a state is handed out and at the end. A device that told
 * late has done nothing to the state since, so that the last good one is still there. The look is listed;
 * where f begins with operations of its own (tr_rhs_listed_fn), these are the same program, and what the look
 * has found is seen a step later. */
#ifndef TR_INTEGRATORS_ODE_FIXED_GRID_PRIVATE_H
#define TR_INTEGRATORS_ODE_FIXED_GRID_PRIVATE_H

#include "integrators/ode/dense_private.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_FIXED_MAX_SLOPES 8
#define TR_FIXED_PATIENCE   16

typedef struct {
  tr_ode_run *run;
  tr_array *f[TR_FIXED_MAX_SLOPES]; /* n_slopes evaluations: stages, or the history, newest first */
  tr_array *work;                   /* the state that update() makes; its end changes places with run->x */
  const double *t; /* the grid point where the step begins; t[1] where it ends; t[-k] before */
  int age;         /* steps taken since the segment began: t[-age] is its first point */
  int steps;       /* taken in all */
  int watch;       /* the slot of the watch over the state */
  bool lost;       /* it has found a state that is not finite */
  tr_dense dense;
} tr_fixed_grid;

typedef struct {
  int n_slopes; /* 1 .. TR_FIXED_MAX_SLOPES */
  /* Evaluations that the next step costs; max_nfe ends the solve before a step that it does not cover. */
  int (*cost)(const tr_fixed_grid *g);
  /* From run->x at t[0] to `work` at t[1]; run->x stays. */
  tr_status (*step)(tr_fixed_grid *g);
} tr_fixed_stepper;

/* f[slot] = f(t, x). */
tr_status tr_fixed_eval(tr_fixed_grid *g, double t, const tr_array *x, int slot);
/* The first n slots are a history: each becomes one step older, the oldest is free again as f[0]. */
void tr_fixed_shift(tr_fixed_grid *g, int n);
/* Tells the dense output that f[slot] is the slope at t[0]; once a step, before the step's other work. */
tr_status tr_fixed_slope(tr_fixed_grid *g, int slot);
/* Lists work = x + h sum_j<n weight[j] f[j], h = t[1] - t[0]; weights of zero are left out. */
tr_status tr_fixed_update(tr_fixed_grid *g, int n, const double *weight);

tr_status tr_fixed_grid_solve(tr_ode_run *run, const tr_fixed_stepper *stepper);

#ifdef __cplusplus
}
#endif

#endif
