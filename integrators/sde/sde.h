/* Stochastic differential equations with additive noise, dX = f(t, X) dt + g(t) dB, on arrays of any device.
 * In this library g = sqrt(2 D), D the coefficient of the SiT code (the paper's w is 2 D).
 * Methods are modules of kind "sde-method". Normals come from a Brownian path (integrators/sde/brownian.h),
 * never from a stream. */
#ifndef TR_INTEGRATORS_SDE_SDE_H
#define TR_INTEGRATORS_SDE_SDE_H

#include "core/array.h"
#include "core/module/registry.h"
#include "core/vec/program.h"
#include "integrators/ode/ode.h"
#include "integrators/sde/brownian.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_SDE_METHOD "sde-method"

typedef struct {
  tr_rhs_fn drift; /* f */
  /* g^2 >= 0 at t; may be infinite at a singular end */
  tr_status (*g2)(double t, double *out, void *user);
  /* int_t0^t1 g^2 dt, the variance of a step; NULL: methods that need it are errors */
  tr_status (*g2_integral)(double t0, double t1, double *out, void *user);
  /* One step from a time t where g2 is infinite, exact in the noise: x(t) -> x(t + h) with the standard
   * normals z of that step. NULL: such a time is an error. Adds its evaluations of f to *n_rhs, at most the
   * method's nfe_per_step. Methods without a `step` leave every step to it. list: as in a method's step. */
  tr_status (*singular_step)(double t, double h, const tr_array *z, tr_array *x, long *n_rhs,
                             tr_program *list, void *user);
  void *user;
  tr_rhs_listed_fn listed; /* NULL, or in the place of drift */
} tr_sde_problem;

/* For writers of methods: what the problem's functions give. An error of theirs that has no message gets one
 * that names function, time and status. dx = f(t, x), after what is listed; f may leave its last operations
 * in the list: */
TR_API tr_status tr_sde_eval(const tr_sde_problem *problem, double t, const tr_array *x, tr_array *dx,
                             tr_program *list);

/* g^2 at t, and its integral from t0 to t1 (TR_E_UNSUPPORTED where the problem has none): */
TR_API tr_status tr_sde_g2(tr_ctx *ctx, const tr_sde_problem *problem, double t, double *out);
TR_API tr_status tr_sde_g2_integral(tr_ctx *ctx, const tr_sde_problem *problem, double t0, double t1,
                                    double *out);

enum {                          /* what a method needs */
       TR_SDE_LEVY = 1,         /* the second normal of a step */
       TR_SDE_USES_END = 2,     /* f or g at t_next too: both must be finite at the end of the interval */
       TR_SDE_OF_PROBLEM = 4,   /* it knows more of the problem than f and g: the problem takes every step, by
                                   singular_step (the sampler's: transport/exponential/) */
       TR_SDE_NOISE_FIRST = 16, /* noise in the first stage: with the normals of a step its first stage joins
                                   what the step before has left in the list */
       TR_SDE_AROUND_ODE = 8    /* noise between solves of an ODE by a method of ODEs, which tr_sde_solve does
                                   not do and the sampler does (transport/sampler/noised_ode.h) */
};

typedef struct tr_sde_method {
  tr_module info;
  double strong_order, weak_order; /* for smooth f and additive noise */
  int nfe_per_step;                /* evaluations of f */
  int n_scratch;                   /* arrays like x that step() needs */
  unsigned caps;                   /* TR_SDE_... */
  const void *detail;              /* the method's own table (integrators/sde/stochastic_rk.h) */
  /* x(t) -> x(t_next), h = t_next - t > 0. params: the values of info.params, in their order. z: standard
   * normals of the increment dW = sqrt(h) z; z2: of the space-time Levy area H = (1/h) int W_s - W_t ds - dW
   * / 2 = sqrt(h / 12) z2 (NULL unless TR_SDE_LEVY). NULL where another takes the steps: TR_SDE_OF_PROBLEM,
   * TR_SDE_AROUND_ODE. list: elementwise operations (core/vec/program.h) that are not done yet. A step adds
   * its own, runs the list before each evaluation of f and whenever else it looks at an array (z too: its
   * normals may be in the list), and leaves the last ones in it: a step of one evaluation is then one
   * program. */
  tr_status (*step)(const struct tr_sde_method *method, const double *params, const tr_sde_problem *,
                    double t, double t_next, const tr_array *z, const tr_array *z2, tr_array *x,
                    tr_array *const *scratch, tr_program *list);
  /* OPTIONAL; NULL: fixed grids only. After step() over a step h: lists error = x' minus an embedded
   * solution. */
  tr_status (*error)(const struct tr_sde_method *method, double h, tr_array *const *scratch, tr_array *error,
                     tr_program *list);
} tr_sde_method;

/* rtol and atol both 0: the steps are those of the grid. Otherwise adaptive steps, for methods with an error
 * estimate on a Brownian tree (tr_brownian_create_tree), from the first to the last point of the grid; the
 * steps end at the points between (jumps of f or g, say) and at the output times. */
typedef struct {
  const tr_sde_method *method;
  tr_values values;   /* of the method's parameters */
  const double *grid; /* n_grid >= 2 strictly increasing points: n_grid - 1 steps */
  int n_grid;
  double rtol, atol; /* adaptive: rtol >= 0, atol > 0 (see below) */
  double h0;         /* adaptive: first step > 0; 0: a fiftieth of the interval */
  long max_steps;    /* adaptive: steps allowed, the rejected ones too; 0: 100000 */
  long max_nfe;      /* as in tr_ode_spec: whole steps only */
  tr_progress_fn on_progress;
  void *progress_user;
} tr_sde_spec;

typedef struct {
  long n_rhs, n_steps, n_rejected; /* steps: the accepted ones */
  double h_last, t_end;
  tr_stop stop_reason; /* TR_STOP_ERROR when the solve failed */
  char solver[64];
} tr_sde_stats;

/* Walks the grid, step i with the normals of step i of the path (a tree: of the interval), replacing x by the
 * final state; on_output (may be NULL) gets the states at the requested times (increasing, within the grid,
 * n_times >= 1): exactly at ends of steps (to 1e-12 of the interval), by linear interpolation between them. A
 * non-finite state is an error that names the time; x is then that state, after a failed evaluation it is
 * undefined. A grid that decreases is refused: a time-reversed SDE has another drift. max_nfe stops before
 * the step that would exceed it, with TR_OK. Settings that do not go together are TR_E_ARG, a state that is
 * not f32 or f64 TR_E_SHAPE, a stop that was asked for TR_E_INTERRUPTED, and what a callback returns ends the
 * solve. stats may be NULL; it is filled in any case.
 *
 * Adaptive steps: the error estimate of a step is measured in the root mean square over all elements of
 * error / (atol + rtol |x|), as one system, and the step is taken again, shorter, when that exceeds 1. A
 * rejected step leaves no trace on the path, so the result is not biased by rejections. The estimate is that
 * of a method of lower order, and the error of the whole solve falls with the tolerance but is not bounded by
 * it. All rows of x share their steps: a sample depends on the others of its batch through the steps, not
 * through the noise. A step out of a singular time has no estimate and is accepted. TR_E_SOLVER after
 * max_steps, and when a step has shrunk below 2^-20 of the interval; x is then the last accepted state. */
TR_API tr_status tr_sde_solve(const tr_sde_spec *spec, const tr_sde_problem *problem, const tr_brownian *path,
                              const double *times, int n_times, tr_array *x, tr_out_fn on_output,
                              void *out_user, tr_sde_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
