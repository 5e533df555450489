/* Ordinary differential equations dx/dt = f(t, x) on arrays of any device. Knows callbacks only.
 * Methods are modules of kind "ode-method"; see `transit list`. */
#ifndef TR_INTEGRATORS_ODE_H
#define TR_INTEGRATORS_ODE_H

#include "core/array.h"
#include "core/backend.h"
#include "core/registry.h"

#define TR_KIND_ODE_METHOD "ode-method"

/* dx = f(t, x): x and dx have the shape of the state; dx is assigned. x must not be changed. Return TR_OK, or
 * an error latched in the context, which ends the solve. */
typedef tr_status (*tr_rhs_fn)(double t, const tr_array *x, tr_array *dx, void *user);
/* Called before a solver enters [from, to] (in the direction of integration, from > to is possible): between
 * two calls it evaluates f on this closed interval only. A right-hand side with jumps at the break points
 * uses it to tell the two sides of a jump apart. */
typedef tr_status (*tr_segment_fn)(double from, double to, void *user);

typedef struct {
  tr_rhs_fn fn;
  tr_segment_fn on_segment; /* may be NULL */
  void *user;
} tr_rhs;

/* Receives the state at output time number `index`. x is valid during the call only. */
typedef tr_status (*tr_out_fn)(int index, double t, const tr_array *x, void *user);

/* Progress, after each accepted step: the time reached and evaluations spent so far. */
typedef void (*tr_progress_fn)(double t, long n_rhs, void *user);

typedef struct tr_ode_spec tr_ode_spec;
typedef struct tr_ode_stats tr_ode_stats;

enum {
  TR_ODE_ADAPTIVE = 1, /* uses rtol and atol; without it the method walks spec->grid */
  TR_ODE_BREAKS = 2    /* stops and restarts at spec->breaks */
};

typedef struct tr_ode_method {
  tr_module info;
  unsigned caps;
  double order;       /* classical order of convergence; 0: varies (multistep, adaptive order) */
  int nfe_per_step;   /* 0: varies */
  const void *detail; /* the method's own table (Butcher, SUNDIALS name, ...) */
  tr_status (*solve)(const struct tr_ode_method *, const tr_ode_spec *, const tr_rhs *, const double *times,
                     int n_times, tr_array *x, tr_out_fn on_output, void *out_user, tr_ode_stats *);
} tr_ode_method;

struct tr_ode_spec {
  const tr_ode_method *method;
  double rtol, atol;  /* adaptive: > 0 and >= 0; clamped from below to what the dtype holds, with a warning */
  double h0;          /* first step; 0: the method's own default */
  int max_order;      /* 0: the method's default */
  double nonlin_coef; /* CVODE: CVodeSetNonlinConvCoef; 0: ours (docs/decisions.md) */
  int anderson;       /* CVODE fixed point: Anderson vectors; 0: none */
  int krylov;         /* CVODE BDF: dimension of the Krylov space; 0: 5 */
  long max_steps;     /* adaptive: internal steps allowed; 0: 100000 */
  long max_nfe;       /* stop before the evaluation that would exceed it, keep the state; 0: no limit */
  const double
      *grid; /* fixed grids: n_grid >= 2 strictly monotone points from times[0] to times[n_times-1] */
  int n_grid;
  const double *breaks; /* times of jumps in f, any order; those outside the interval are ignored */
  int n_breaks;
  tr_segments norm;       /* error norm: the largest WRMS over these segments; n = 0: one segment */
  double drift_rel_noise; /* relative rounding noise of f (bf16: 4e-3): rtol is clamped to what it allows; 0:
                             none */
  tr_progress_fn on_progress; /* may be NULL */
  void *progress_user;
};

struct tr_ode_stats {
  long n_rhs; /* evaluations of f, counted by us */
  long n_jv;  /* of these, spent on Jacobian-vector products by difference quotients */
  long n_steps, n_rejected, n_nl_iters;
  double h_last, t_end; /* last step size, time of the state returned in x */
  double rtol_used, atol_used;
  const char *stop_reason; /* "end" or "max-nfe" (static text) */
  char solver[64];         /* what ran, with the library's version */
};

/* Integrates from times[0] to times[n_times-1] (strictly monotone, either direction, n_times >= 2), replacing
 * x by the final state, and calls on_output (may be NULL) at every time, the first and last included, from
 * interpolation of the method's own order where that is possible (dense output costs no evaluation of f).
 * Non-finite states, too much work and stalled steps are errors whose message names the time; x is then the
 * last accepted state. When spec->max_nfe stops the solve it returns TR_OK with stop_reason "max-nfe", t_end
 * before the end, and on_output has been called for the times reached only. */
tr_status tr_ode_solve(const tr_ode_spec *spec, const tr_rhs *rhs, const double *times, int n_times,
                       tr_array *x, tr_out_fn on_output, void *out_user, tr_ode_stats *stats);

#endif
