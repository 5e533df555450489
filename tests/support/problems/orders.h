/* Orders of convergence, measured: what the tests compares with the claims of the methods' tables and
 * tests/bench/bench_orders.c prints. An order is the slope of the error between two refinements. */
#ifndef TR_TESTS_ORDERS_H
#define TR_TESTS_ORDERS_H

#include "integrators/ode/ode.h"
#include "integrators/sde/sde.h"
#include "tests/support/check.h"

enum { ORDERS_RUNS = 4, ORDERS_MAX = 32 };

typedef struct {
  int n; /* runs: problem, path, form, direction */
  double order[ORDERS_MAX];
  double fine[ORDERS_MAX]; /* the error of the finest refinement */
  double nfe_per_step;     /* evaluations over steps, all runs together */
} orders;

/* ---- methods of the integrators; the context knows tr_integrators_register's modules ---- */

/* A fixed-grid ODE method with 60 and 120 uneven steps on a linear and a nonlinear problem, each in both
 * directions: ORDERS_RUNS runs, the first two linear. */
void orders_fixed(tr_ctx *ctx, const tr_ode_method *method, orders *out);

/* An adaptive ODE method on the same runs with rtol = atol = 1e-3 .. 1e-11: the order is that of the error as
 * a function of the number of steps from 1e-7 on. *over_tolerance: the largest error over its tolerance;
 * *fall: the largest error over that of a tolerance 100 times as large. */
void orders_adaptive(tr_ctx *ctx, const tr_ode_method *method, orders *out, double *over_tolerance,
                     double *fall);

/* Weak order of an SDE method, from exact moments (no sampling): of the mean and of the variance, whose
 * errors with 200 steps are in fine. */
void orders_weak(tr_ctx *ctx, const tr_sde_method *method, orders *out);

/* Strong order: the distance from the limit of shark on the finest view of one path, with 16 and 64 steps. */
typedef struct {
  tr_brownian *fine;
  double *limit;
} orders_path;
void orders_path_open(tr_ctx *ctx, orders_path *out);
void orders_path_close(orders_path *path);
void orders_strong(tr_ctx *ctx, const tr_sde_method *method, const orders_path *path, orders *out);

/* ---- methods that need the transport; the context knows tr_register_all's modules ---- */

/* An ODE method made for the angle (TR_ODE_ANGLE), between the ends, on an exact Gaussian and a mixture,
 * three paths, both directions; 480 steps against the worst of 60 to 120. */
void orders_angle(tr_ctx *ctx, const tr_ode_method *method, orders *out);

/* The same from alpha = 0 to sigma = 0 and back, on Linear and GVP; 1200 steps against the worst of 150 to
 * 300. */
void orders_whole(tr_ctx *ctx, const tr_ode_method *method, orders *out);

/* Weak order of the variance of an SDE method without a step of its own, on one path, from t = 0.04 to 0.96
 * with `steps` and 2 `steps`: a run for each of moments_forms. */
void orders_forms(tr_ctx *ctx, const char *path, const tr_sde_method *method, int steps, orders *out);

/* Strong order of such a method with the form sigma on Linear, from t = 0.04 to 0.96 on a mixture: the
 * distance from shark on the finest view of one path, with 32 and 128 steps. */
void orders_strong_sampled(tr_ctx *ctx, const tr_sde_method *method, orders *out);

/* Weak order of the variance of noise between solves of an ODE (churn, restart;
 * transport/sampler/noised_ode.h) with this method on a fixed grid, the form sigma, from t = 0.04 to 0.96,
 * 100 and 200 steps: a run on Linear and one on GVP. */
void orders_noised(tr_ctx *ctx, const tr_sde_method *method, const tr_ode_method *ode, orders *out);

#endif
