/* Dense output by Hermite interpolation of accepted steps: costs no evaluation of f.
 *
 * The polynomial through the states and slopes of up to three consecutive step ends (confluent divided
 * differences): degree 5, error O(h^6), once two steps are behind; degree 4 when the slope at the newest
 * point is not known (end of a fixed grid); 3 or 2 when the whole segment is one step. Outputs in the first
 * step of a segment wait for the second step, so that they are as good as the others. The polynomial never
 * crosses a break of f. Output times on a step end get that state exactly. */
#ifndef TR_INTEGRATORS_ODE_DENSE_PRIVATE_H
#define TR_INTEGRATORS_ODE_DENSE_PRIVATE_H

#include "integrators/ode/ode_run_private.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_DENSE_NODES 3

typedef struct {
  tr_ode_run *run;
  bool active; /* false when only the two end points are wanted: nothing is stored then */
  int n;
  double t[TR_DENSE_NODES];
  bool has_slope[TR_DENSE_NODES];
  tr_array *y[TR_DENSE_NODES], *f[TR_DENSE_NODES], *out;
} tr_dense;

/* Prepares for this run; close with tr_dense_close in any case. */
tr_status tr_dense_open(tr_dense *dense, tr_ode_run *run);
void tr_dense_close(tr_dense *dense);

/* Begins a segment: forgets the points, the next push is the segment's start. */
void tr_dense_restart(tr_dense *dense);
/* A step end: the state run->x at t. */
tr_status tr_dense_push(tr_dense *dense, double t);
/* The slope at the newest point; hands out the states that are due and safe. */
tr_status tr_dense_slope(tr_dense *dense, const tr_array *f);
/* The segment ends (or the run stops) at the newest point: hands out all states up to there. */
tr_status tr_dense_flush(tr_dense *dense);

/* Weights of the interpolant at s: value = sum_j wy[j] y_j + wf[j] f_j (wf[j] = 0 where has_slope[j] is
 * false); n <= TR_DENSE_NODES distinct points t. Exact for polynomials of degree (number of data) - 1. */
void tr_hermite_weights(int n, const double *t, const bool *has_slope, double s, double *wy, double *wf);

#ifdef __cplusplus
}
#endif

#endif
