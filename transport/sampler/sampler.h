/* The sampler: moves noise to data (or back) along the ODE dx = v dt or the SDE dX = (v + D s) dt + sqrt(2 D)
 * dB of a drift provider. Each evaluation of the drift is one network forward and one linear combination,
 * because velocity, SDE drift and canonical field are affine in the state and the network's output.
 *
 * Two clocks for the ODE: t itself, or the angle theta = atan2(alpha, sigma), where the state is
 * y = x / sqrt(alpha^2 + sigma^2) and dy/dtheta = F is bounded on the closed interval for every path and
 * prediction. The default takes t where the coefficients of the velocity are finite on the whole interval and
 * the angle where they are not, so that no eps is ever needed; methods made for the angle
 * (transport/exponential/exponential.h) always take it. The points of a fixed grid are those of the time grid
 * (transport/grid/grid.h) in either clock. Times of the caller are always t. */
#ifndef TR_TRANSPORT_SAMPLER_SAMPLER_H
#define TR_TRANSPORT_SAMPLER_SAMPLER_H

#include "integrators/ode/ode.h"
#include "integrators/sde/sde.h"
#include "transport/diffusion/diffusion.h"
#include "transport/grid/grid.h"
#include "transport/laststep/laststep.h"
#include "transport/path/interval.h"
#include "transport/sampler/noised_ode.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { TR_CLOCK_AUTO, TR_CLOCK_T, TR_CLOCK_ANGLE } tr_clock;
TR_API const char *tr_clock_name(tr_clock clock); /* "auto", "t", "angle" */
/* The clock of that name; TR_E_ARG for any other. */
TR_API tr_status tr_clock_find(tr_ctx *ctx, const char *name, tr_clock *out);

typedef struct tr_sampler {
  tr_interpolant interpolant;
  tr_drift *drift;   /* borrowed; its kind is the prediction */
  double sample_eps; /* NaN: the interpolant's default (transport/path/interval.h) */
  int n_steps;  /* fixed grids: N points, N - 1 steps (and the last step of the SDE); >= 2; a list of points
                   has its own number instead */
  tr_grid grid; /* where the points are */
  uint64_t seed, first_sample; /* addresses of the noise: row i of the batch is sample first_sample + i */

  /* The ODE: method, tolerances, ... as integrators/ode/ode.h says. Times in it are t (h0: a step in t;
   * breaks: added to those of the drift). What is the run's stays 0 in it: grid, max_nfe, on_progress.
   * drift_rel_noise comes from the drift. */
  tr_ode_spec ode;
  bool reverse;    /* from data to noise */
  double data_eps; /* the data end is at t = 1 - data_eps; NaN: 1 - sample_eps. The SDE methods churn and
                      restart follow it too */
  tr_clock clock;

  /* The SDE: method, tolerances, ... as integrators/sde/sde.h says. rtol and atol both 0: the steps of the
   * grid. Else adaptive steps, for methods with an error estimate: n_steps and grid are not read. What is the
   * run's stays 0 in it: grid, max_nfe, on_progress. */
  tr_sde_spec sde;
  tr_diffusion diffusion;
  tr_last_step last;
  double last_size;           /* L, ignored by None */
  const tr_restart *restarts; /* the SDE method restart: borrowed, increasing, without overlap */
  int n_restarts;
  const tr_brownian *path; /* borrowed; NULL: addressed normals, or for adaptive steps a tree, of (seed,
                              first_sample) */

  /* Of a run, whichever it solves */
  long max_nfe; /* network forwards at most, the SDE's last step included; 0: no limit. At least what one
                   evaluation of the drift takes (tr_drift.forwards) */
  tr_progress_fn on_progress; /* time t reached, evaluations so far; may be NULL */
  void *progress_user;
  /* Output while running: on_output(index, t, x, user) for each of save_times, n_save of them, strictly
   * monotone in the direction of the run, within the interval (and 1 where an SDE's last step ends). */
  const double *save_times;
  int n_save;
  tr_out_fn on_output;
  void *out_user;
} tr_sampler;

typedef struct {
  long nfe;               /* network forwards, everything included */
  long n_vjp;             /* backward passes of a log-density */
  long n_steps;           /* steps of the integrator, the last step of the SDE included */
  long n_rejected;        /* adaptive methods */
  double t0, t1;          /* the interval of the integrator */
  double t_end;           /* the time of the state returned (1 after the last step of an SDE) */
  tr_clock clock;         /* TR_CLOCK_T or TR_CLOCK_ANGLE */
  tr_stop stop_reason;    /* TR_STOP_ERROR after a failure */
  const char *convention; /* SDE: which coefficient D is, in one line; ODE: "" */
  char solver[64];
  tr_ode_stats ode; /* of the ODE, times in its own clock */
  tr_sde_stats sde; /* of the SDE */
} tr_sample_stats;

/* Fills a sampler with the defaults: Linear, 250 points uniform in t, clock auto, rtol 1e-3, atol 1e-6, SBDM
 * with norm 1, Mean with last_size 0.04, euler-maruyama, seed of the context; methods are left NULL where
 * their module is not registered. The drift is left NULL. */
TR_API tr_status tr_sampler_defaults(tr_ctx *ctx, tr_sampler *out);

/* The starting state of a run forward: x (N, ...) = standard normals of samples first_sample, ... */
TR_API tr_status tr_sample_init(const tr_sampler *sampler, tr_array *x);

/* Replaces x (N, ...) by the state at the end of the run. cond may be NULL for an unconditional provider.
 * stats may be NULL; it is filled in any case. Settings that cannot work (a clock, step or method that needs
 * a coefficient which is infinite) are TR_E_ARG before anything is computed, with the reason; what goes wrong
 * later is an error of tr_ode_solve, tr_sde_solve or the drift. When max_nfe stops the run it returns
 * TR_OK, stop_reason TR_STOP_MAX_NFE, and x is the state at t_end (no last step of the SDE). */
TR_API tr_status tr_sample_ode(const tr_sampler *sampler, const tr_cond *cond, tr_array *x,
                               tr_sample_stats *stats);
/* Noise to data only. The methods churn and restart solve the ODE to the data, with noise between: over the
 * interval of the ODE and without a last step (transport/sampler/noised_ode.h). Steps from a time where the
 * drift or D is infinite are taken by the exact exponential step for a frozen denoiser, which is finite
 * there. */
TR_API tr_status tr_sample_sde(const tr_sampler *sampler, const tr_cond *cond, tr_array *x,
                               tr_sample_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
