#include "integrators/sundials/solve.h"

#include <math.h>
#include <stdlib.h>

#include <cvode/cvode.h>
#include <cvode/cvode_ls.h>
#include <sunlinsol/sunlinsol_spgmr.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>
#include <sunnonlinsol/sunnonlinsol_newton.h>

#include "core/vec/vec.h"
#include "integrators/sundials/cvode.h"

#define TIGHT 1e-7

typedef struct {
  tr_sundials sun; /* first: a tr_stepper's self */
  const tr_cvode_tuning *tuning;
  void *memory;
  SUNNonlinearSolver nonlinear;
  SUNLinearSolver linear;
  bool started;
  long failed_before; /* failed nonlinear solves of the segment before the step under way */
} cvode;

static tr_status refused(cvode *c, int flag) {
  char *name = CVodeGetReturnFlagName(flag); /* allocated for the caller */
  tr_status status = tr_sundials_failed(&c->sun, flag, name ? name : "?");
  free(name);
  return status;
}
#define CV_TRY(c, call)                                                                                      \
  do {                                                                                                       \
    int flag_ = (call);                                                                                      \
    if (flag_ < 0) return refused((c), flag_);                                                               \
  } while (0)

/* Evaluations that CVODE spends on difference quotients J v. */
static int jv_rhs(sunrealtype t, N_Vector y, N_Vector ydot, void *user) {
  tr_sundials *sun = user;
  long before = sun->run->stats->n_rhs;
  int flag = tr_sundials_rhs(t, y, ydot, user);
  sun->run->stats->n_jv += sun->run->stats->n_rhs - before;
  return flag;
}

/* GMRES measures the whole vector in the 2-norm; divided by this factor it bounds the error norm of every
 * segment. (CVODE's own factor, sqrt(count), is for one segment.) */
static double gmres_norm_factor(const tr_ode_run *run) {
  const tr_segments *seg = &run->spec->norm;
  int64_t least = run->x->count;
  for (int i = 0; i < seg->n; i++) {
    int64_t n = seg->end[i] - (i ? seg->end[i - 1] : 0);
    if (n > 0 && n < least) least = n;
  }
  return sqrt((double)least);
}

static tr_status attach_newton(cvode *c) {
  tr_sundials *sun = &c->sun;
  int krylov = sun->run->spec->krylov ? sun->run->spec->krylov : c->tuning->krylov;
  c->nonlinear = SUNNonlinSol_Newton(sun->y, sun->context);
  c->linear = SUNLinSol_SPGMR(sun->y, SUN_PREC_NONE, krylov, sun->context);
  if (!c->nonlinear || !c->linear) return refused(c, CV_MEM_FAIL);
  CV_TRY(c, CVodeSetNonlinearSolver(c->memory, c->nonlinear));
  CV_TRY(c, CVodeSetLinearSolver(c->memory, c->linear, NULL));
  CV_TRY(c, CVodeSetLSNormFactor(c->memory, gmres_norm_factor(sun->run)));
  CV_TRY(c, CVodeSetJacTimesRhsFn(c->memory, jv_rhs));
  return TR_OK;
}

static tr_status attach_fixed_point(cvode *c) {
  tr_sundials *sun = &c->sun;
  c->nonlinear = SUNNonlinSol_FixedPoint(sun->y, sun->run->spec->anderson, sun->context);
  if (!c->nonlinear) return refused(c, CV_MEM_FAIL);
  CV_TRY(c, CVodeSetNonlinearSolver(c->memory, c->nonlinear));
  return TR_OK;
}

static int default_order(const tr_cvode_tuning *tuning, double rtol) {
  return rtol > TIGHT ? tuning->loose_order : tuning->tight_order;
}

static tr_status open_cvode(cvode *c, tr_ode_run *run) {
  const tr_ode_spec *spec = run->spec;
  *c = (cvode){.tuning = run->method->detail};
  TR_TRY(tr_sundials_open(&c->sun, run));
  TR_TRY(tr_program_copy(&run->list, run->x, c->sun.state));
  c->memory = CVodeCreate(c->tuning->stiff ? CV_BDF : CV_ADAMS, c->sun.context);
  if (!c->memory) return refused(c, CV_MEM_FAIL);
#if SUNDIALS_VERSION_MAJOR < 7
  CV_TRY(c, CVodeSetErrHandlerFn(c->memory, tr_sundials_heard, &c->sun));
#endif
  /* the order before Init: it decides how many vectors are allocated */
  CV_TRY(c,
         CVodeSetMaxOrd(c->memory, spec->max_order ? spec->max_order : default_order(c->tuning, spec->rtol)));
  CV_TRY(c, CVodeInit(c->memory, tr_sundials_rhs, run->times[0], c->sun.y));
  CV_TRY(c, CVodeWFtolerances(c->memory, tr_sundials_weights));
  CV_TRY(c, CVodeSetUserData(c->memory, &c->sun));
  CV_TRY(c,
         CVodeSetMaxHnilWarns(c->memory, -1)); /* 7.x would print them; the walk sees stalled steps itself */
  TR_TRY(c->tuning->stiff ? attach_newton(c) : attach_fixed_point(c));
  CV_TRY(c, CVodeSetNonlinConvCoef(c->memory,
                                   spec->nonlin_coef > 0 ? spec->nonlin_coef : c->tuning->nonlin_coef));
  CV_TRY(c, CVodeSetEtaFixedStepBounds(c->memory, c->tuning->keep_low, c->tuning->keep_high));
  return TR_OK;
}

static void close_cvode(cvode *c) {
  if (c->memory) CVodeFree(&c->memory);
  if (c->nonlinear) SUNNonlinSolFree(c->nonlinear);
  if (c->linear) SUNLinSolFree(c->linear);
  tr_sundials_close(&c->sun);
}

static tr_status begin(void *self, double from, double to, double h0) {
  cvode *c = self;
  if (c->started) {
    TR_TRY(tr_program_copy(&c->sun.run->list, c->sun.run->x, c->sun.state));
    CV_TRY(c, CVodeReInit(c->memory, from, c->sun.y));
  }
  c->started = true;
  c->failed_before = 0;
  CV_TRY(c, CVodeSetStopTime(c->memory, to));
  CV_TRY(c, CVodeSetInitStep(c->memory, c->sun.run->direction * h0));
  return TR_OK;
}

static tr_status step(void *self, double to, double *t) {
  cvode *c = self;
  CVodeGetNumNonlinSolvConvFails(c->memory, &c->failed_before);
  CV_TRY(c, CVode(c->memory, to, c->sun.y, t, CV_ONE_STEP));
  return c->sun.space.status;
}

static tr_status output(void *self, double t, bool last) {
  cvode *c = self;
  tr_ode_run *run = c->sun.run;
  (void)last; /* the history reaches back over the step: nothing waits */
  while (tr_ode_output_due(run, t)) {
    double when = run->times[run->next_output];
    if (tr_ode_same_time(run, when, t)) {
      TR_TRY(tr_ode_output(run, run->x));
      continue;
    }
    CV_TRY(c, CVodeGetDky(c->memory, when, 0, c->sun.y)); /* y is free between steps */
    TR_TRY(c->sun.space.status);
    TR_TRY(tr_ode_output(run, c->sun.state));
  }
  return TR_OK;
}

/* A solve that fails because the limit of evaluations is spent is retried, at no cost: no rejected step. */
static void count(void *self, tr_ode_stats *stats) {
  cvode *c = self;
  long error_tests = 0, failed_solves = c->failed_before, iterations = 0;
  CVodeGetNumErrTestFails(c->memory, &error_tests);
  if (!c->sun.run->spent) CVodeGetNumNonlinSolvConvFails(c->memory, &failed_solves);
  CVodeGetNumNonlinSolvIters(c->memory, &iterations);
  stats->n_rejected += error_tests + failed_solves;
  stats->n_nl_iters += iterations;
}

/* A restart is of order 1: its error, h^2 |x''| / 2, should be about the tolerance. */
static double first_step(const cvode *c) {
  return fmin(0.1, c->tuning->h0_scale * sqrt(c->sun.run->spec->rtol));
}

tr_status tr_cvode_solve(tr_ode_run *run) {
  static const tr_stepper stepper = {begin, step, output, count};
  cvode c;
  tr_status status = open_cvode(&c, run);
  snprintf(run->stats->solver, sizeof run->stats->solver, "CVODE %s %s", SUNDIALS_VERSION,
           c.tuning->stiff ? "BDF, Newton, SPGMR" : "Adams, fixed point");
  if (status == TR_OK) status = tr_sundials_walk(&c, &stepper, first_step(&c));
  close_cvode(&c);
  return status;
}
