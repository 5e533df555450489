/* The driver: checks the arguments, decides the tolerances, cuts the interval at the breaks, and lets the
 * method do its work. */
#include "integrators/ode/ode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/require_private.h"
#include "core/vec/vec.h"
#include "integrators/ode/ode_run_private.h"

#define DEFAULT_MAX_STEPS 100000
#define RTOL_FLOOR_F32    1e-6 /* the history of a multistep method is rounded at every step */
#define RTOL_FLOOR_F64    1e-13

/* Finite and strictly monotone; *direction +1 or -1. */
static tr_status check_monotone(tr_ctx *ctx, const char *what, const double *t, int n, double *direction) {
  if (!t || n < 2)
    return TR_FAIL(ctx, TR_E_ARG, "%s: %d points given, at least 2 are needed", what, t ? n : 0);
  *direction = t[1] > t[0] ? 1 : -1;
  for (int i = 0; i < n; i++) {
    if (!isfinite(t[i]))
      return TR_FAIL(ctx, TR_E_ARG, "%s: point %d is %g, not a finite time", what, i, t[i]);
    if (i && !(*direction * (t[i] - t[i - 1]) > 0))
      return TR_FAIL(ctx, TR_E_ARG, "%s: point %d, %.10g, after %.10g: times must be strictly monotone", what,
                     i, t[i], t[i - 1]);
  }
  return TR_OK;
}

static tr_status check_grid(const tr_ode_run *run) {
  const tr_ode_spec *spec = run->spec;
  double direction, first = run->times[0], last = run->times[run->n_times - 1];
  TR_TRY(check_monotone(run->ctx, "the time grid", spec->grid, spec->n_grid, &direction));
  if (tr_ode_same_time(run, spec->grid[0], first) &&
      tr_ode_same_time(run, spec->grid[spec->n_grid - 1], last))
    return TR_OK;
  return TR_FAIL(run->ctx, TR_E_ARG,
                 "the time grid goes from %.10g to %.10g, the output times from %.10g to %.10g",
                 spec->grid[0], spec->grid[spec->n_grid - 1], first, last);
}

/* `given` but the method does not read it. */
static tr_status check_unread(const tr_ode_run *run, bool given, unsigned cap, const char *field) {
  if (!given || (run->method->caps & cap)) return TR_OK;
  return TR_FAIL(run->ctx, TR_E_ARG, "the method %s has no %s: leave it 0", run->method->info.name, field);
}

static tr_status check_number(const tr_ode_run *run, const char *field, double value, double low,
                              double high) {
  if (value >= low && value <= high) return TR_OK;
  return TR_FAIL(run->ctx, TR_E_ARG, "%s = %g is out of range: use %g to %g", field, value, low, high);
}

static tr_status check_fields(const tr_ode_run *run) {
  const tr_ode_spec *s = run->spec;
  TR_TRY(check_unread(run, s->h0 != 0, TR_ODE_ADAPTIVE, "first step h0"));
  TR_TRY(check_unread(run, s->max_order != 0, TR_ODE_MULTISTEP, "max_order"));
  TR_TRY(check_unread(run, s->nonlin_coef != 0, TR_ODE_MULTISTEP, "nonlin_coef"));
  TR_TRY(check_unread(run, s->anderson != 0, TR_ODE_ANDERSON, "Anderson acceleration"));
  TR_TRY(check_unread(run, s->krylov != 0, TR_ODE_KRYLOV, "Krylov space"));
  TR_TRY(check_number(run, "max_nfe", (double)s->max_nfe, 0, 1e18));
  TR_TRY(check_number(run, "max_steps", (double)s->max_steps, 0, 1e18));
  TR_TRY(check_number(run, "h0", s->h0, 0, 1e300));
  TR_TRY(check_number(run, "max_order", s->max_order, 0, run->method->max_order));
  TR_TRY(check_number(run, "nonlin_coef", s->nonlin_coef, 0, 1e6));
  TR_TRY(check_number(run, "anderson", s->anderson, 0, 20));
  TR_TRY(check_number(run, "krylov", s->krylov, 0, 100));
  if (s->n_breaks < 0 || (s->n_breaks && !s->breaks))
    return TR_FAIL(run->ctx, TR_E_ARG, "%d break points are announced, but none are given", s->n_breaks);
  for (int k = 0; k < TR_MAX_SEGMENTS; k++)
    if (!(s->absolute[k] >= 0 && isfinite(s->absolute[k])) || (s->absolute[k] > 0 && k >= s->norm.n))
      return TR_FAIL(run->ctx, TR_E_ARG,
                     "the absolute tolerance of segment %d is %g, with %d segments: use 0 or more, and 0 "
                     "where there is no segment",
                     k, s->absolute[k], s->norm.n);
  for (int i = 0; i < s->n_breaks; i++)
    if (isnan(s->breaks[i])) return TR_FAIL(run->ctx, TR_E_ARG, "break point %d is not a number", i);
  return TR_OK;
}

/* Adaptive methods: tolerances in range, raised to what the precision allows, scaled for the method. */
static tr_status settle_tolerances(tr_ode_run *run, tr_ode_spec *spec) {
  if (!(spec->rtol > 0) || !isfinite(spec->rtol))
    return TR_FAIL(run->ctx, TR_E_ARG, "rtol = %g: a relative tolerance is a finite number above 0",
                   spec->rtol);
  if (!(spec->atol >= 0) || !isfinite(spec->atol))
    return TR_FAIL(run->ctx, TR_E_ARG, "atol = %g: an absolute tolerance is a finite number, 0 or above",
                   spec->atol);
  if (!(spec->drift_rel_noise >= 0 && spec->drift_rel_noise < 1))
    return TR_FAIL(run->ctx, TR_E_ARG, "drift_rel_noise = %g: use 0 to below 1", spec->drift_rel_noise);
  double floor_dtype = run->x->dtype == TR_F32 ? RTOL_FLOOR_F32 : RTOL_FLOOR_F64;
  double floor_noise = 0.5 * spec->drift_rel_noise;
  double lowest = fmax(floor_dtype, floor_noise);
  double scale = run->method->tolerance_scale > 0 ? run->method->tolerance_scale : 1;
  if (spec->rtol < lowest)
    tr_ctx_warn(run->ctx, "rtol raised from %g to %g: the %s cannot hold less", spec->rtol, lowest,
                floor_noise > floor_dtype ? "precision of the right-hand side"
                : run->x->dtype == TR_F32 ? "state in f32"
                                          : "state in f64");
  spec->rtol = fmax(scale * spec->rtol, lowest);
  spec->atol *= scale;
  for (int k = 0; k < TR_MAX_SEGMENTS; k++) spec->absolute[k] *= scale;
  run->rtol_floor = lowest;
  return TR_OK;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* edges: the ends and the breaks strictly between them, in the order of travel. Room for n_breaks + 2. */
static void cut(tr_ode_run *run, double *edges) {
  const tr_ode_spec *spec = run->spec;
  double first = run->times[0], last = run->times[run->n_times - 1];
  int n = 0;
  for (int i = 0; i < spec->n_breaks; i++)
    if (run->direction * (spec->breaks[i] - first) > 0 && run->direction * (last - spec->breaks[i]) > 0)
      edges[1 + n++] = run->direction * spec->breaks[i];
  qsort(edges + 1, (size_t)n, sizeof *edges, ascending);
  edges[0] = first;
  int kept = 1;
  for (int i = 1; i <= n; i++) {
    double t = run->direction * edges[i];
    if (!tr_ode_same_time(run, t, edges[kept - 1]) && !tr_ode_same_time(run, t, last)) edges[kept++] = t;
  }
  edges[kept++] = last;
  run->edges = edges;
  run->n_edges = kept;
}

/* One reduction checks the segments of the norm and that the state is finite. */
static tr_status check_state(const tr_ode_run *run) {
  const tr_segments *seg = &run->spec->norm;
  double largest[TR_MAX_SEGMENTS];
  TR_TRY(tr_reduce(TR_MAX_ABS, run->x, NULL, seg, largest));
  for (int i = 0; i < (seg->n ? seg->n : 1); i++)
    if (!isfinite(largest[i]))
      return TR_FAIL(run->ctx, TR_E_NONFINITE, "the starting state at t = %.10g is not finite",
                     run->times[0]);
  return TR_OK;
}

/* Also a solve that fails leaves the last accepted state, which may still be listed. */
static tr_status run_method(tr_ode_run *run) {
  tr_program_init(&run->list, -1);
  if (run->on_output) TR_TRY(tr_ode_output(run, run->x));
  tr_status status = run->method->solve(run), listed = tr_program_run(&run->list);
  if (status == TR_OK) status = listed;
  run->stats->stop_reason = run->spent ? TR_STOP_MAX_NFE : TR_STOP_END;
  return status;
}

static tr_status check_and_run(tr_ode_run *run, tr_ode_spec *spec) {
  TR_TRY(check_monotone(run->ctx, "the output times", run->times, run->n_times, &run->direction));
  run->span = fabs(run->times[run->n_times - 1] - run->times[0]);
  run->t_eval = run->stats->t_end = run->times[0];
  TR_TRY(check_fields(run));
  TR_TRY(tr_module_settle(run->ctx, &run->method->info, &spec->values));
  if (run->method->caps & TR_ODE_ADAPTIVE)
    TR_TRY(settle_tolerances(run, spec));
  else
    TR_TRY(check_grid(run));
  TR_TRY(check_state(run));
  run->stats->rtol_used = run->method->caps & TR_ODE_ADAPTIVE ? spec->rtol : 0;
  run->stats->atol_used = run->method->caps & TR_ODE_ADAPTIVE ? spec->atol : 0;
  if (spec->max_steps == 0) spec->max_steps = DEFAULT_MAX_STEPS;
  double *edges = malloc(((size_t)spec->n_breaks + 2) * sizeof *edges);
  if (!edges) return TR_FAIL(run->ctx, TR_E_MEM, "out of memory for %d break points", spec->n_breaks);
  cut(run, edges);
  tr_status status = run_method(run);
  free(edges);
  return status;
}

tr_status tr_ode_solve(const tr_ode_spec *spec, const tr_rhs *rhs, const double *times, int n_times,
                       tr_array *x, tr_out_fn on_output, void *out_user, tr_ode_stats *stats) {
  tr_ode_stats unread;
  if (!stats) stats = &unread;
  *stats = (tr_ode_stats){.stop_reason = TR_STOP_ERROR};
  TR_REQUIRE(TR_CTX_OF(x), spec, rhs, times, x);
  if (!spec->method || (!rhs->fn && !rhs->listed))
    return TR_FAIL(x->ctx, TR_E_ARG, "tr_ode_solve: no %s given",
                   spec->method ? "right-hand side" : "method");
  if (!spec->method->solve) return TR_FAIL(x->ctx, TR_E_ARG, "%s has no solve", spec->method->info.name);
  if ((x->dtype != TR_F32 && x->dtype != TR_F64) || x->count == 0) {
    char text[80];
    return TR_FAIL(x->ctx, TR_E_SHAPE, "a state of %s: an f32 or f64 array with elements is needed",
                   tr_array_describe(x, text, sizeof text));
  }
  snprintf(stats->solver, sizeof stats->solver, "%s", spec->method->info.name);
  tr_ode_spec settled = *spec;
  tr_ode_run run = {.ctx = x->ctx,
                    .method = spec->method,
                    .spec = &settled,
                    .rhs = rhs,
                    .times = times,
                    .n_times = n_times,
                    .x = x,
                    .on_output = on_output,
                    .out_user = out_user,
                    .stats = stats};
  tr_status status = check_and_run(&run, &settled);
  if (status != TR_OK) stats->stop_reason = TR_STOP_ERROR;
  return status;
}
