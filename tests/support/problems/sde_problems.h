/* Problems with known moments for the tests of the SDE solvers, on [0, 1]. Drifts work on the host copy, so
 * that they run on any device. */
#ifndef TR_TESTS_SDE_PROBLEMS_H
#define TR_TESTS_SDE_PROBLEMS_H

#include "integrators/sde/sde.h"
#include "tests/support/check.h"

/* dX = (slope X + offset) dt + sqrt(noise2) dB, all three depending on t. On a row of coefficients over a
 * basis whose first element is the constant 1, the drift adds offset to the first only (see
 * tests/transport/test_orders.c). */
double affine_slope(double t);
double affine_offset(double t);
double affine_noise2(double t);
extern const tr_sde_problem affine;

/* dX = 2 sin(2 X + t) dt + the same noise: nonlinear. */
extern const tr_sde_problem sine;

/* g^2 = 1 and its integral, for problems of one's own. */
tr_status unit_noise2(double t, double *out, void *user);
tr_status unit_noise2_integral(double t0, double t1, double *out, void *user);

/* The registered method of this name. */
const tr_sde_method *find_sde(tr_ctx *ctx, const char *name);

#endif
