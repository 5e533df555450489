#include "integrators/sundials/solve.h"

#include <stdlib.h>

#include <arkode/arkode_erkstep.h>

#include "core/vec/vec.h"
#include "integrators/ode/dense_private.h"
#include "integrators/sundials/erkstep.h"

typedef struct {
  tr_sundials sun; /* first: a tr_stepper's self */
  void *memory;
  tr_dense dense;
} erkstep;

static tr_status refused(erkstep *e, int flag) {
  char *name = TR_ARK(GetReturnFlagName)(flag); /* allocated for the caller */
  tr_status status = tr_sundials_failed(&e->sun, flag, name ? name : "?");
  free(name);
  return status;
}
#define ARK_TRY(e, call)                                                                                     \
  do {                                                                                                       \
    int flag_ = (call);                                                                                      \
    if (flag_ < 0) return refused((e), flag_);                                                               \
  } while (0)

static tr_status open_erkstep(erkstep *e, tr_ode_run *run) {
  const tr_erkstep_table *table = run->method->detail;
  *e = (erkstep){0};
  TR_TRY(tr_sundials_open(&e->sun, run));
  TR_TRY(tr_dense_open(&e->dense, run));
  TR_TRY(tr_program_copy(&run->list, run->x, e->sun.state));
  e->memory = ERKStepCreate(tr_sundials_rhs, run->times[0], e->sun.y, e->sun.context);
  if (!e->memory) return refused(e, ARK_MEM_FAIL);
#if SUNDIALS_VERSION_MAJOR < 7
  ARK_TRY(e, ERKStepSetErrHandlerFn(e->memory, tr_sundials_heard, &e->sun));
#endif
  ARK_TRY(e, TR_ARK(WFtolerances)(e->memory, tr_sundials_weights));
  ARK_TRY(e, TR_ARK(SetUserData)(e->memory, &e->sun));
  ARK_TRY(e, TR_ARK(SetMaxHnilWarns)(e->memory, -1)); /* 7.x would print them; the walk sees stalled steps */
  ARK_TRY(e, ERKStepSetTableName(e->memory, table->table));
  ARK_TRY(e, TR_ARK(SetInterpolantType)(e->memory, ARK_INTERP_HERMITE));
  ARK_TRY(e, TR_ARK(SetInterpolantDegree)(e->memory, 3)); /* higher degrees evaluate f */
  return TR_OK;
}

static void close_erkstep(erkstep *e) {
  if (e->memory) TR_ARK(Free)(&e->memory);
  tr_dense_close(&e->dense);
  tr_sundials_close(&e->sun);
}

static tr_status begin(void *self, double from, double to, double h0) {
  erkstep *e = self;
  TR_TRY(tr_program_copy(&e->sun.run->list, e->sun.run->x, e->sun.state));
  ARK_TRY(e, ERKStepReInit(e->memory, tr_sundials_rhs, from, e->sun.y));
  ARK_TRY(e, TR_ARK(SetStopTime)(e->memory, to));
  ARK_TRY(e, TR_ARK(SetInitStep)(e->memory, e->sun.run->direction * h0));
  tr_dense_restart(&e->dense);
  return tr_dense_push(&e->dense, from);
}

/* The slope at t, an end of the last step: the interpolant's derivative there. */
static tr_status note_slope(erkstep *e, double t) {
  if (!e->dense.active) return TR_OK;
  ARK_TRY(e, TR_ARK(GetDky)(e->memory, t, 1, e->sun.y)); /* y is free between steps */
  TR_TRY(e->sun.space.status);
  return tr_dense_slope(&e->dense, e->sun.state);
}

static tr_status step(void *self, double to, double *t) {
  erkstep *e = self;
  ARK_TRY(e, TR_ARK(Evolve)(e->memory, to, e->sun.y, t, ARK_ONE_STEP));
  return e->sun.space.status;
}

static tr_status output(void *self, double t, bool last) {
  erkstep *e = self;
  if (last) return tr_dense_flush(&e->dense);
  if (e->dense.active && e->dense.n == 1) TR_TRY(note_slope(e, e->dense.t[0]));
  TR_TRY(tr_dense_push(&e->dense, t));
  return note_slope(e, t);
}

static void count(void *self, tr_ode_stats *stats) {
  erkstep *e = self;
  long rejected = 0;
  TR_ARK(GetNumErrTestFails)(e->memory, &rejected);
  stats->n_rejected += rejected;
}

tr_status tr_erkstep_solve(tr_ode_run *run) {
  static const tr_stepper stepper = {begin, step, output, count};
  erkstep e;
  tr_status status = open_erkstep(&e, run);
  snprintf(run->stats->solver, sizeof run->stats->solver, "ARKODE %s ERKStep %s", SUNDIALS_VERSION,
           run->method->info.name);
  const tr_erkstep_table *table = run->method->detail;
  if (status == TR_OK) status = tr_sundials_walk(&e, &stepper, table->h0_fraction);
  close_erkstep(&e);
  return status;
}
