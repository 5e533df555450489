#include "integrators/sundials/solve.h"

#include <math.h>

#include "core/vec/vec.h"

#define STALLED 20 /* consecutive steps too small to move t */

static void remember(tr_sundials *sun, int code, const char *message) {
  if (code < 0 && !sun->said[0]) snprintf(sun->said, sizeof sun->said, "%s", message);
  for (char *c = sun->said; *c; c++)
    if (*c == '\n') *c = ' ';
}

#if SUNDIALS_VERSION_MAJOR >= 7
static void heard(int line, const char *function, const char *file, const char *message, SUNErrCode code,
                  void *user, SUNContext context) {
  (void)line, (void)function, (void)file, (void)context;
  remember(user, code, message ? message : "");
}
static int silence(tr_sundials *sun) {
  int flag = SUNContext_ClearErrHandlers(sun->context); /* or the default handler prints too */
  return flag ? flag : SUNContext_PushErrHandler(sun->context, heard, sun);
}
#else
void tr_sundials_heard(int code, const char *module, const char *function, char *message, void *user) {
  (void)module, (void)function;
  remember(user, code, message);
}
static int silence(tr_sundials *sun) {
  (void)sun;
  return 0; /* each integrator gets tr_sundials_heard */
}
#endif

tr_status tr_sundials_open(tr_sundials *sun, tr_ode_run *run) {
  *sun = (tr_sundials){.run = run,
                       .space = {.ctx = run->ctx,
                                 .norm = run->spec->norm,
                                 .when = &run->t_eval,
                                 .list = &run->list,
                                 .slot = -1,
                                 .later = -1}};
  TR_TRY(tr_slot_take(run->ctx, &sun->space.slot));
  TR_TRY(tr_slot_take(run->ctx, &sun->space.later));
  if (SUNContext_Create(TR_SUN_COMM, &sun->context) || silence(sun))
    return TR_FAIL(run->ctx, TR_E_MEM, "SUNDIALS could not make a context: out of memory?");
  TR_TRY(tr_array_like(run->x, &sun->state));
  sun->y = tr_nvec_wrap(&sun->space, sun->state, sun->context);
  return sun->y ? TR_OK : TR_FAIL(run->ctx, TR_E_MEM, "out of memory for a vector of SUNDIALS");
}

void tr_sundials_close(tr_sundials *sun) {
  tr_program_init(&sun->run->list, -1); /* an open that failed leaves things listed for nobody */
  if (sun->y) N_VDestroy(sun->y);
  tr_array_destroy(&sun->state);
  tr_slot_give(sun->run->ctx, &sun->space.slot);
  tr_slot_give(sun->run->ctx, &sun->space.later);
  if (sun->context) SUNContext_Free(&sun->context);
}

int tr_sundials_rhs(sunrealtype t, N_Vector y, N_Vector ydot, void *user) {
  tr_sundials *sun = user;
  if (sun->space.status != TR_OK || !tr_ode_affords(sun->run, 1)) return -1;
  sun->space.status = tr_ode_eval(sun->run, t, tr_nvec_array(y), tr_nvec_array(ydot));
  return sun->space.status == TR_OK ? 0 : -1;
}

/* SUNDIALS' words for a weight that is infinite. */
static int no_weight(tr_sundials *sun) {
  char text[sizeof sun->said];
  snprintf(text, sizeof text,
           sun->stepped ? "At t = %lg, a component of ewt has become <= 0."
                        : "Initial ewt has component(s) equal to zero (illegal).",
           sun->run->stats->t_end);
  remember(sun, -1, text);
  return -1;
}

/* Where atol is 0, at a component that is 0. */
static bool weight_is_infinite(tr_sundials *sun, const tr_array *w) {
  double worst = 0;
  sun->space.status = tr_program_reduce(sun->space.list, TR_MAX_ABS, w, NULL, NULL, sun->space.slot);
  if (sun->space.status == TR_OK) sun->space.status = tr_slot_read(sun->run->ctx, sun->space.slot, 1, &worst);
  return isinf(worst);
}

int tr_sundials_weights(N_Vector y, N_Vector w, void *user) {
  tr_sundials *sun = user;
  const tr_ode_spec *spec = sun->run->spec;
  const tr_segments seg = spec->norm.n ? spec->norm : (tr_segments){1, {tr_nvec_array(y)->count}};
  double rtol[TR_MAX_SEGMENTS], atol[TR_MAX_SEGMENTS];
  bool safe = true;
  for (int k = 0; k < seg.n; k++) {
    bool own = spec->absolute[k] > 0;
    rtol[k] = own ? sun->run->rtol_floor : spec->rtol;
    atol[k] = own ? spec->absolute[k] : spec->atol;
    safe = safe && atol[k] > 0;
  }
  tr_nvec_weigh(y, &seg, rtol, atol, w);
  if (!safe && sun->space.status == TR_OK && weight_is_infinite(sun, tr_nvec_array(w))) return no_weight(sun);
  return sun->space.status == TR_OK ? 0 : -1;
}

tr_status tr_sundials_failed(tr_sundials *sun, int flag, const char *flag_name) {
  const tr_ode_run *run = sun->run;
  if (sun->space.status != TR_OK) return sun->space.status;
  if (run->spent) return TR_OK;
  return TR_FAIL(run->ctx, TR_E_SOLVER, "%s gave up at t = %.10g after %ld evaluations: %s (%d)%s%s",
                 run->method->info.name, run->stats->t_end, run->stats->n_rhs, flag_name, flag,
                 sun->said[0] ? ": " : "", sun->said);
}

static tr_status accept(tr_sundials *sun, double t, int *still) {
  tr_ode_run *run = sun->run;
  *still = t == run->stats->t_end ? *still + 1 : 0;
  if (*still >= STALLED)
    return TR_FAIL(
        run->ctx, TR_E_SOLVER,
        "%s stalled at t = %.10g: steps became too small to move it; loosen rtol = %g, or look for a "
        "singularity of the right-hand side there",
        run->method->info.name, t, run->spec->rtol);
  TR_TRY(tr_program_copy(&run->list, sun->state, run->x));
  return tr_ode_accept(run, t);
}

static tr_status walk_segment(void *self, const tr_stepper *stepper, double from, double to, double h0) {
  tr_sundials *sun = self;
  tr_ode_run *run = sun->run;
  TR_TRY(tr_ode_enter(run, from, to));
  sun->stepped = false;
  TR_TRY(stepper->begin(self, from, to, fmin(h0, fabs(to - from))));
  double t = from;
  int still = 0;
  while (!tr_ode_same_time(run, t, to) && tr_ode_affords(run, 1)) {
    TR_TRY(stepper->step(self, to, &t));
    if (run->spent) break;
    sun->stepped = true;
    TR_TRY(accept(sun, t, &still));
    TR_TRY(stepper->output(self, t, false));
  }
  return stepper->output(self, run->stats->t_end, true);
}

tr_status tr_sundials_walk(void *self, const tr_stepper *stepper, double h0_fraction) {
  tr_ode_run *run = ((tr_sundials *)self)->run;
  double h0 = run->spec->h0 > 0 ? run->spec->h0 : h0_fraction * run->span;
  tr_status status = TR_OK;
  for (int i = 0; i + 1 < run->n_edges && status == TR_OK && !run->spent; i++) {
    status = walk_segment(self, stepper, run->edges[i], run->edges[i + 1], h0);
    stepper->count(self, run->stats);
  }
  tr_status listed = tr_program_run(&run->list); /* the last state, also of a solve that failed */
  return status == TR_OK ? listed : status;
}
