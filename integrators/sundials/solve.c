#include "integrators/sundials/solve.h"

#include <math.h>
#include <string.h>

#include "core/vec.h"

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
  *sun = (tr_sundials){.run = run, .space = {run->ctx, run->spec->norm, &run->t_eval, TR_OK}};
  if (SUNContext_Create(TR_SUN_COMM, &sun->context) || silence(sun))
    return TR_FAIL(run->ctx, TR_E_MEM, "SUNDIALS could not make a context: out of memory?");
  TR_TRY(tr_array_like(run->x, &sun->state));
  sun->y = tr_nvec_wrap(&sun->space, sun->state, sun->context);
  return sun->y ? TR_OK : TR_FAIL(run->ctx, TR_E_MEM, "out of memory for a vector of SUNDIALS");
}

void tr_sundials_close(tr_sundials *sun) {
  if (sun->y) N_VDestroy(sun->y);
  tr_array_destroy(&sun->state);
  if (sun->context) SUNContext_Free(&sun->context);
}

int tr_sundials_rhs(sunrealtype t, N_Vector y, N_Vector ydot, void *user) {
  tr_sundials *sun = user;
  if (sun->space.status != TR_OK || !tr_ode_affords(sun->run, 1)) return -1;
  sun->space.status = tr_ode_eval(sun->run, t, tr_nvec_array(y), tr_nvec_array(ydot));
  return sun->space.status == TR_OK ? 0 : -1;
}

/* w = 1 / (rtol |y| + atol) on elements from .. to - 1 */
static tr_status weigh(const tr_array *y, tr_array *w, int64_t from, int64_t to, double rtol, double atol) {
  const int64_t count = to - from;
  tr_array y_part = tr_view(y, from, 1, &count), w_part = tr_view(w, from, 1, &count);
  TR_TRY(tr_map(TR_MAP_ABS, 0, &y_part, NULL, &w_part));
  TR_TRY(tr_scale(rtol, &w_part, &w_part));
  TR_TRY(tr_map(TR_MAP_ADDC, atol, &w_part, NULL, &w_part));
  return tr_map(TR_MAP_INV, 0, &w_part, NULL, &w_part);
}

bool tr_sundials_weighs(const tr_ode_spec *spec) {
  for (int k = 0; k < spec->norm.n; k++)
    if (spec->absolute[k] > 0) return true;
  return false;
}

int tr_sundials_weights(N_Vector y, N_Vector w, void *user) {
  tr_sundials *sun = user;
  const tr_ode_spec *spec = sun->run->spec;
  tr_array *from = tr_nvec_array(y), *to = tr_nvec_array(w);
  const tr_segments seg = spec->norm.n ? spec->norm : (tr_segments){1, {from->count}};
  double worst;
  for (int k = 0; k < seg.n && sun->space.status == TR_OK; k++) {
    bool own = spec->absolute[k] > 0;
    sun->space.status = weigh(from, to, k ? seg.end[k - 1] : 0, seg.end[k],
                              own ? sun->run->rtol_floor : spec->rtol, own ? spec->absolute[k] : spec->atol);
  }
  if (sun->space.status == TR_OK) sun->space.status = tr_reduce(TR_MAX_ABS, to, NULL, NULL, &worst);
  return sun->space.status == TR_OK && isfinite(worst) ? 0 : -1; /* atol = 0 at a component that is 0 */
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
  TR_TRY(tr_array_copy(sun->state, run->x));
  return tr_ode_accept(run, t);
}

static tr_status walk_segment(void *self, const tr_stepper *stepper, double from, double to, double h0) {
  tr_sundials *sun = self;
  tr_ode_run *run = sun->run;
  TR_TRY(tr_ode_enter(run, from, to));
  TR_TRY(stepper->begin(self, from, to, fmin(h0, fabs(to - from))));
  double t = from;
  int still = 0;
  while (!tr_ode_same_time(run, t, to) && tr_ode_affords(run, 1)) {
    TR_TRY(stepper->step(self, to, &t));
    if (run->spent) break;
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
  return status;
}
