/* Problems with known solutions for the tests of the ODE solvers. Right-hand sides work on the host copy, by
 * upload and download, so that they run on any device. */
#ifndef TR_TESTS_ODE_PROBLEMS_H
#define TR_TESTS_ODE_PROBLEMS_H

#include "integrators/ode/ode.h"
#include "tests/support/check.h"

#define PROBLEM_MAX 64

typedef struct {
  int n;
  void (*f)(double t, const double *x, double *dx, int n);
  void (*exact)(double t, double *x, int n);
} problem;

/* Damped rotations of different speeds, x' = (-0.2 w) x + rotation by w: linear, n even. */
extern const problem rotation;
/* x' = x (1 - x) (1 + cos 3t): nonlinear, depends on t. */
extern const problem logistic;

/* The registered method of this name. */
const tr_ode_method *find_ode(tr_ctx *ctx, const char *name);

/* A right-hand side that records how it was called. */
typedef struct {
  const problem *p;
  long calls;
  double t_min, t_max;
  double from, to; /* of the latest segment */
  long fail_at;    /* this call and the later ones return fail_status; 0: never */
  tr_status fail_status;
  long nan_at; /* this call and the later ones give NaN; 0: never */
  long calls_after_trouble;
  double trouble_t;
  long segments;
} recorder;

recorder record(const problem *p);
tr_rhs recorded(recorder *r);

/* Solves from the exact state at t0 to t1; the largest error at t1. stats may be NULL. */
double solve_error(tr_ctx *ctx, const problem *p, const tr_ode_spec *spec, tr_dtype dtype, double t0,
                   double t1, tr_ode_stats *stats);

/* The exact state at t on the device; the caller destroys it. */
tr_array *exact_state(tr_ctx *ctx, const problem *p, tr_dtype dtype, double t);
/* The largest distance of x from the exact state at t. */
double distance(const problem *p, const tr_array *x, double t);

#endif
