/* The driver of the SDE methods: walks the grid, draws the normals of each step from the path, counts. */
#include "integrators/sde.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/vec.h"

#define SAME_TIME 1e-12 /* of the interval */

typedef struct {
  tr_ctx *ctx;
  const tr_sde_spec *spec;
  const tr_sde_problem *problem;
  const tr_brownian *path;
  const double *times;
  int n_times, next_output;
  double span;
  tr_array *x;
  tr_out_fn on_output;
  void *out_user;
  tr_sde_stats *stats;
  tr_array *z, *z2, *before, *between, **scratch;
} walk;

static tr_status check_increasing(tr_ctx *ctx, const char *what, const double *t, int n, int least) {
  if (!t || n < least)
    return TR_FAIL(ctx, TR_E_ARG, "%s: %d points given, at least %d are needed", what, t ? n : 0, least);
  for (int i = 0; i < n; i++) {
    if (!isfinite(t[i]))
      return TR_FAIL(ctx, TR_E_ARG, "%s: point %d is %g, not a finite time", what, i, t[i]);
    if (i && !(t[i] > t[i - 1]))
      return TR_FAIL(ctx, TR_E_ARG, "%s: point %d, %.10g, after %.10g: times must be strictly increasing",
                     what, i, t[i], t[i - 1]);
  }
  return TR_OK;
}

static tr_status check(walk *w) {
  const tr_sde_spec *spec = w->spec;
  if (!spec->method || !w->problem->drift || !w->problem->g2 || !w->path)
    return TR_FAIL(w->ctx, TR_E_ARG, "tr_sde_solve: no %s given",
                   !spec->method        ? "method"
                   : !w->problem->drift ? "drift"
                   : !w->problem->g2    ? "diffusion g2"
                                        : "Brownian path");
  if ((w->x->dtype != TR_F32 && w->x->dtype != TR_F64) || w->x->count == 0) {
    char text[80];
    return TR_FAIL(w->ctx, TR_E_SHAPE, "a state of %s: an f32 or f64 array with elements is needed",
                   tr_array_describe(w->x, text, sizeof text));
  }
  TR_TRY(check_increasing(w->ctx, "the time grid", spec->grid, spec->n_grid, 2));
  w->span = spec->grid[spec->n_grid - 1] - spec->grid[0];
  if (w->on_output) TR_TRY(check_increasing(w->ctx, "the output times", w->times, w->n_times, 1));
  double slack = SAME_TIME * w->span;
  if (w->on_output && (w->times[0] < spec->grid[0] - slack ||
                       w->times[w->n_times - 1] > spec->grid[spec->n_grid - 1] + slack))
    return TR_FAIL(w->ctx, TR_E_ARG,
                   "output times from %.10g to %.10g reach beyond the time grid, %.10g to %.10g", w->times[0],
                   w->times[w->n_times - 1], spec->grid[0], spec->grid[spec->n_grid - 1]);
  if (spec->max_nfe < 0)
    return TR_FAIL(w->ctx, TR_E_ARG, "max_nfe = %ld: use 0 (no limit) or more", spec->max_nfe);
  return TR_OK;
}

static tr_status allocate(walk *w) {
  const tr_sde_method *method = w->spec->method;
  TR_TRY(tr_array_like(w->x, &w->z));
  if (method->draws & TR_SDE_LEVY) TR_TRY(tr_array_like(w->x, &w->z2));
  if (w->on_output) {
    TR_TRY(tr_array_like(w->x, &w->before));
    TR_TRY(tr_array_like(w->x, &w->between));
  }
  w->scratch = calloc((size_t)method->n_scratch + 1, sizeof *w->scratch);
  if (!w->scratch) return TR_FAIL(w->ctx, TR_E_MEM, "out of memory for an SDE solve");
  for (int i = 0; i < method->n_scratch; i++) TR_TRY(tr_array_like(w->x, &w->scratch[i]));
  return TR_OK;
}

static void release(walk *w) {
  for (int i = 0; w->scratch && i < w->spec->method->n_scratch; i++) tr_array_destroy(&w->scratch[i]);
  free(w->scratch);
  tr_array_destroy(&w->z);
  tr_array_destroy(&w->z2);
  tr_array_destroy(&w->before);
  tr_array_destroy(&w->between);
}

/* Where g is infinite only the problem itself knows the way out. */
static tr_status leave_singularity(walk *w, double t, double h, double g2) {
  if (!w->problem->singular_step)
    return TR_FAIL(
        w->ctx, TR_E_NONFINITE,
        "%s: g^2 = %g at t = %.10g, and the problem has no step out of a singular time: start later",
        w->spec->method->info.name, g2, t);
  return w->problem->singular_step(t, h, w->z, w->x, &w->stats->n_rhs, w->problem->user);
}

static tr_status take_step(walk *w, double t, double t_next) {
  const tr_sde_method *method = w->spec->method;
  double g2;
  TR_TRY(w->problem->g2(t, &g2, w->problem->user));
  if (g2 < 0) return TR_FAIL(w->ctx, TR_E_ARG, "g^2 = %g at t = %.10g is negative", g2, t);
  if (!isfinite(g2)) return leave_singularity(w, t, t_next - t, g2);
  w->stats->n_rhs += method->nfe_per_step;
  return method->step(method, w->problem, t, t_next, w->z, w->z2, w->x, w->scratch);
}

/* The output times in (t, t_next], or [t, t] at the start; `before` is the state at t, x that at t_next. */
static tr_status outputs(walk *w, double t, double t_next) {
  for (; w->on_output && w->next_output < w->n_times; w->next_output++) {
    double when = w->times[w->next_output], slack = SAME_TIME * w->span;
    if (when > t_next + slack) return TR_OK;
    const tr_array *state = w->x;
    if (when < t_next - slack) {
      double part = (when - t) / (t_next - t);
      TR_TRY(tr_axpby(1 - part, w->before, part, w->x, w->between));
      state = w->between;
    }
    TR_TRY(w->on_output(w->next_output, when, state, w->out_user));
  }
  return TR_OK;
}

static tr_status step(walk *w, int i) {
  double t = w->spec->grid[i], t_next = w->spec->grid[i + 1];
  TR_TRY(tr_brownian_normals(w->path, i, w->z, w->z2));
  if (w->before) TR_TRY(tr_array_copy(w->x, w->before));
  tr_status status = take_step(w, t, t_next);
  if (status != TR_OK)
    return TR_FAIL(w->ctx, status, "the step from t = %.10g failed (%s)", t, tr_status_name(status));
  bool finite;
  TR_TRY(tr_is_finite(w->x, &finite));
  if (!finite)
    return TR_FAIL(w->ctx, TR_E_NONFINITE,
                   "%s: the state is no longer finite after the step from t = %.10g to %.10g",
                   w->spec->method->info.name, t, t_next);
  w->stats->n_steps++;
  w->stats->t_end = t_next;
  if (w->spec->on_progress) w->spec->on_progress(t_next, w->stats->n_rhs, w->spec->progress_user);
  TR_TRY(outputs(w, t, t_next));
  if (!tr_ctx_interrupted(w->ctx)) return TR_OK;
  return TR_FAIL(w->ctx, TR_E_INTERRUPTED, "interrupted at t = %.10g after %ld evaluations", t_next,
                 w->stats->n_rhs);
}

static tr_status walk_grid(walk *w) {
  const tr_sde_spec *spec = w->spec;
  TR_TRY(outputs(w, spec->grid[0], spec->grid[0]));
  for (int i = 0; i + 1 < spec->n_grid; i++) {
    if (spec->max_nfe > 0 && spec->method->nfe_per_step > spec->max_nfe - w->stats->n_rhs) {
      w->stats->stop_reason = "max-nfe";
      return TR_OK;
    }
    TR_TRY(step(w, i));
  }
  w->stats->stop_reason = "end";
  return TR_OK;
}

tr_status tr_sde_solve(const tr_sde_spec *spec, const tr_sde_problem *problem, const tr_brownian *path,
                       const double *times, int n_times, tr_array *x, tr_out_fn on_output, void *out_user,
                       tr_sde_stats *stats) {
  tr_sde_stats unread;
  if (!stats) stats = &unread;
  *stats = (tr_sde_stats){.stop_reason = "error"};
  walk w = {.ctx = x->ctx,
            .spec = spec,
            .problem = problem,
            .path = path,
            .times = times,
            .n_times = n_times,
            .x = x,
            .on_output = on_output,
            .out_user = out_user,
            .stats = stats};
  TR_TRY(check(&w));
  stats->t_end = spec->grid[0];
  snprintf(stats->solver, sizeof stats->solver, "%s", spec->method->info.name);
  tr_status status = allocate(&w);
  if (status == TR_OK) status = walk_grid(&w);
  release(&w);
  return status;
}
