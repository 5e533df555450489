/* Ordinary differential equations dx/dt = f(t, x) on arrays of any device. Knows callbacks only.
 * Methods are modules of kind "ode-method"; see `transit list`. */
#ifndef TR_INTEGRATORS_ODE_ODE_H
#define TR_INTEGRATORS_ODE_ODE_H

#include "core/array.h"
#include "core/backend.h"
#include "core/module/registry.h"
#include "core/vec/program.h"
#include "integrators/stop.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_ODE_METHOD "ode-method"

/* dx = f(t, x): x and dx have the shape of the state; dx is assigned. x must not be changed. Return TR_OK, or
 * an error latched in the context, which ends the solve. */
typedef tr_status (*tr_rhs_fn)(double t, const tr_array *x, tr_array *dx, void *user);
/* The same with the elementwise operations that are not done yet (core/vec/program.h): runs the list before
 * it looks at x or at anything else, and may leave its last operations in it, which then are one program with
 * the solver's. */
typedef tr_status (*tr_rhs_listed_fn)(double t, const tr_array *x, tr_array *dx, tr_program *list,
                                      void *user);
/* Called before a solver enters [from, to] (in the direction of integration, from > to is possible): between
 * two calls it evaluates f on this closed interval only. A right-hand side with jumps at the break points
 * uses it to tell the two sides of a jump apart: at t == from and t == to it answers for the inside. Fixed
 * grids stop only at breaks that are grid points; a break inside one of their steps lies inside [from, to],
 * and f decides there by t alone. */
typedef tr_status (*tr_segment_fn)(double from, double to, void *user);

typedef struct {
  tr_rhs_fn fn;
  tr_segment_fn on_segment; /* may be NULL */
  void *user;
  tr_rhs_listed_fn listed; /* NULL, or in the place of fn */
} tr_rhs;

/* Receives the state at output time number `index`. x is valid during the call only. */
typedef tr_status (*tr_out_fn)(int index, double t, const tr_array *x, void *user);

/* Progress, after each accepted step: the time reached and evaluations spent so far. */
typedef void (*tr_progress_fn)(double t, long n_rhs, void *user);

typedef struct tr_ode_spec tr_ode_spec;
typedef struct tr_ode_stats tr_ode_stats;
struct tr_ode_run; /* a solve in progress: what engines are given */

enum {                       /* what a method can do, and which fields of the spec it reads */
       TR_ODE_ADAPTIVE = 1,  /* chooses its steps: rtol, atol, h0, max_steps, norm; without it: grid */
       TR_ODE_BREAKS = 2,    /* stops and restarts at breaks (a fixed grid: at those that are grid points) */
       TR_ODE_MULTISTEP = 4, /* max_order, nonlin_coef */
       TR_ODE_ANDERSON = 8,  /* anderson */
       TR_ODE_KRYLOV = 16,   /* krylov */
       TR_ODE_ANGLE = 32     /* made for the canonical field dy/dtheta = F(theta, y), theta in [0, pi/2], of
                                transport/exponential/exponential.h */
};

typedef struct tr_ode_method {
  tr_module info;
  unsigned caps;
  double order;     /* classical order of convergence; 0: varies */
  int nfe_per_step; /* fixed grids; 0: varies */
  int max_order;    /* TR_ODE_MULTISTEP: the largest spec->max_order */
  /* Adaptive: the error test works with the given rtol and atol times this (0: 1), so that equal tolerances
   * mean about equal errors at the end whatever the method; the floors of rtol hold after it. */
  double tolerance_scale;
  const void *detail; /* the method's own table (Butcher, SUNDIALS name, ...) */
  /* The engine: tr_runge_kutta_solve, tr_adams_bashforth_solve or tr_exponential_solve for a table of one's
   * own in `detail`. The arguments are already checked. */
  tr_status (*solve)(struct tr_ode_run *run);
} tr_ode_method;

/* A field that the method does not read must be 0 where 0 means "default": max_order, nonlin_coef, anderson,
 * krylov and h0 given to a method without the capability are TR_E_ARG, and so is what is out of range. All
 * arrays are borrowed for the solve. */
struct tr_ode_spec {
  const tr_ode_method *method;
  tr_values values;   /* of the method's parameters */
  double rtol, atol;  /* adaptive: rtol > 0, atol >= 0; rtol is raised to what dtype and drift hold, with a
                         warning */
  double h0;          /* first step > 0; 0: the method's own default, a fraction of the interval */
  int max_order;      /* up to the method's own; 0: its default */
  double nonlin_coef; /* CVODE: CVodeSetNonlinConvCoef, up to 1e6; 0: the method's own (see its file) */
  int anderson;       /* CVODE fixed point: Anderson vectors, up to 20; 0: none */
  int krylov;         /* CVODE BDF: dimension of the Krylov space, up to 100; 0: 5 */
  long max_steps;     /* adaptive: internal steps allowed; 0: 100000 */
  long max_nfe;       /* stop before the evaluation that would exceed it, keep the state; 0: no limit */
  const double
      *grid; /* fixed grids: n_grid >= 2 strictly monotone points from times[0] to times[n_times-1] */
  int n_grid;
  const double *breaks; /* times of jumps in f, any order; those outside the interval are ignored */
  int n_breaks;
  tr_segments norm; /* error norm: the largest WRMS over these segments; n = 0: one segment */
  /* Adaptive: > 0: segment k is held to this absolute tolerance alone (a log-density, in nats), in place of
   * rtol and atol; 0: as the others. The floors of rtol hold for it too. */
  double absolute[TR_MAX_SEGMENTS];
  double drift_rel_noise; /* relative rounding noise of f (bf16: 4e-3, TF32: 1e-3), 0 <= noise < 1: rtol >=
                             noise / 2; 0: none */
  tr_progress_fn on_progress; /* may be NULL */
  void *progress_user;
};

struct tr_ode_stats {
  long n_rhs; /* evaluations of f, counted by us */
  long n_jv;  /* of these, spent on Jacobian-vector products by difference quotients */
  long n_steps, n_rejected, n_nl_iters;
  double h_last, t_end;        /* last step size, time of the state returned in x */
  double rtol_used, atol_used; /* of the error test: raised and scaled */
  tr_stop stop_reason;         /* TR_STOP_ERROR when the solve failed */
  char solver[64];             /* what ran, with the library's version */
};

/* Integrates from times[0] to times[n_times-1] (strictly monotone, either direction, n_times >= 2), replacing
 * x (f32 or f64) by the final state, and calls on_output (may be NULL) at every time in order, the first and
 * last included. Output costs no evaluation of f: states between step ends are interpolated, by the Nordsieck
 * history (CVODE) or Hermite polynomials of degree 3 to 5 (the others); they may be handed out some steps
 * after they were passed. An output time on a grid point gets exactly that state. The rtol used is at least
 * 1e-6 for f32 and 1e-13 for f64, and drift_rel_noise / 2.
 *
 * Settings that do not go together are TR_E_ARG and another state TR_E_SHAPE, before anything is evaluated.
 * A state that is not finite is TR_E_NONFINITE, too many or stalled steps TR_E_SOLVER, a stop that was asked
 * for TR_E_INTERRUPTED; the message names the time. What a callback returns ends the solve, with its own
 * message if it has one. x is then the last accepted state, at stats->t_end. When spec->max_nfe stops the
 * solve it returns TR_OK with stop_reason TR_STOP_MAX_NFE and t_end before the end, and on_output has been
 * called for the times reached only; fixed grids take whole steps. stats may be NULL; it is filled in any
 * case. */
TR_API tr_status tr_ode_solve(const tr_ode_spec *spec, const tr_rhs *rhs, const double *times, int n_times,
                              tr_array *x, tr_out_fn on_output, void *out_user, tr_ode_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
