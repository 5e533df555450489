/* The driver of the SDE methods: checks the arguments, draws the normals of each step from the path, counts,
 * and walks the grid. */
#include "integrators/sde/sde_run_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/callback_private.h"
#include "core/require_private.h"
#include "core/vec/vec.h"
#include "integrators/same_time_private.h"
#include "integrators/sde/brownian_private.h"

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

static tr_status check_steps(const tr_sde_run *run) {
  const tr_sde_spec *spec = run->spec;
  if (tr_sde_is_adaptive(spec)) return tr_sde_adaptive_check(run);
  if (spec->h0 == 0 && spec->max_steps == 0) return TR_OK;
  return TR_FAIL(run->ctx, TR_E_ARG, "a fixed grid (rtol and atol 0) has no %s: leave it 0",
                 spec->h0 != 0 ? "first step h0" : "max_steps");
}

static tr_status check(tr_sde_run *run) {
  const tr_sde_spec *spec = run->spec;
  const tr_sde_problem *problem = run->problem;
  const char *lacking = !spec->method                         ? "method"
                        : !problem->drift && !problem->listed ? "drift"
                        : !problem->g2                        ? "diffusion g2"
                                                              : NULL;
  if (lacking) return TR_FAIL(run->ctx, TR_E_ARG, "tr_sde_solve: no %s given", lacking);
  if (spec->method->caps & TR_SDE_AROUND_ODE)
    return TR_FAIL(run->ctx, TR_E_ARG, "%s puts noise between solves of an ODE: it runs in the sampler only",
                   spec->method->info.name);
  if (!spec->method->step && !(spec->method->caps & TR_SDE_OF_PROBLEM))
    return TR_FAIL(run->ctx, TR_E_ARG, "%s has no step", spec->method->info.name);
  if ((run->x->dtype != TR_F32 && run->x->dtype != TR_F64) || run->x->count == 0) {
    char text[80];
    return TR_FAIL(run->ctx, TR_E_SHAPE, "a state of %s: an f32 or f64 array with elements is needed",
                   tr_array_describe(run->x, text, sizeof text));
  }
  TR_TRY(check_increasing(run->ctx, "the time grid", spec->grid, spec->n_grid, 2));
  run->span = spec->grid[spec->n_grid - 1] - spec->grid[0];
  if (run->on_output) TR_TRY(check_increasing(run->ctx, "the output times", run->times, run->n_times, 1));
  double slack = TR_SAME_TIME * run->span;
  if (run->on_output && (run->times[0] < spec->grid[0] - slack ||
                         run->times[run->n_times - 1] > spec->grid[spec->n_grid - 1] + slack))
    return TR_FAIL(run->ctx, TR_E_ARG,
                   "output times from %.10g to %.10g reach beyond the time grid, %.10g to %.10g",
                   run->times[0], run->times[run->n_times - 1], spec->grid[0], spec->grid[spec->n_grid - 1]);
  if (spec->max_nfe < 0)
    return TR_FAIL(run->ctx, TR_E_ARG, "max_nfe = %ld: use 0 (no limit) or more", spec->max_nfe);
  return check_steps(run);
}

static tr_status allocate(tr_sde_run *run) {
  const tr_sde_method *method = run->spec->method;
  TR_TRY(tr_watch_take(run->ctx, &run->watch));
  tr_program_init(&run->list, run->watch);
  TR_TRY(tr_array_like(run->x, &run->z));
  if (method->caps & TR_SDE_LEVY) TR_TRY(tr_array_like(run->x, &run->z2));
  if (method->caps & TR_SDE_NOISE_FIRST && !tr_brownian_is_elementwise(run->path))
    TR_TRY(tr_array_like(run->x, &run->z_spare));
  if (run->z_spare && run->z2) TR_TRY(tr_array_like(run->x, &run->z2_spare));
  if (run->on_output || tr_sde_is_adaptive(run->spec)) TR_TRY(tr_array_like(run->x, &run->before));
  if (run->on_output) TR_TRY(tr_array_like(run->x, &run->between));
  run->scratch = calloc((size_t)method->n_scratch + 1, sizeof *run->scratch);
  if (!run->scratch) return TR_FAIL(run->ctx, TR_E_MEM, "out of memory for an SDE solve");
  for (int i = 0; i < method->n_scratch; i++) TR_TRY(tr_array_like(run->x, &run->scratch[i]));
  return TR_OK;
}

static void release(tr_sde_run *run) {
  tr_slot_give(run->ctx, &run->watch);
  for (int i = 0; run->scratch && i < run->spec->method->n_scratch; i++) tr_array_destroy(&run->scratch[i]);
  free(run->scratch);
  tr_array_destroy(&run->z);
  tr_array_destroy(&run->z2);
  tr_array_destroy(&run->z_spare);
  tr_array_destroy(&run->z2_spare);
  tr_array_destroy(&run->before);
  tr_array_destroy(&run->between);
}

/* Where g is infinite only the problem itself knows the way out; some methods leave it all steps. */
static tr_status let_problem_step(tr_sde_run *run, double t, double h, double g2) {
  if (!run->problem->singular_step)
    return TR_FAIL(
        run->ctx, TR_E_NONFINITE,
        "%s: g^2 = %g at t = %.10g, and the problem has no step of its own: start at a time where g is "
        "finite, with a method that needs no more",
        run->spec->method->info.name, g2, t);
  tr_status status =
      run->problem->singular_step(t, h, run->z, run->x, &run->stats->n_rhs, &run->list, run->problem->user);
  return tr_callback_status(run->ctx, status, "the problem's own step", t);
}

static tr_status take_step(tr_sde_run *run, double t, double t_next) {
  const tr_sde_method *method = run->spec->method;
  double g2;
  TR_TRY(tr_sde_g2(run->ctx, run->problem, t, &g2));
  if (g2 < 0) return TR_FAIL(run->ctx, TR_E_ARG, "g^2 = %g at t = %.10g is negative", g2, t);
  run->singular = !isfinite(g2);
  if (run->singular || method->caps & TR_SDE_OF_PROBLEM) return let_problem_step(run, t, t_next - t, g2);
  run->stats->n_rhs += method->nfe_per_step;
  return method->step(method, run->spec->values.v, run->problem, t, t_next, run->z, run->z2, run->x,
                      run->scratch, &run->list);
}

/* The output times in (t, t_next], or [t, t] at the start; `before` is the state at t, x that at t_next. */
static tr_status outputs(tr_sde_run *run, double t, double t_next) {
  for (; run->on_output && run->next_output < run->n_times; run->next_output++) {
    double when = run->times[run->next_output], slack = TR_SAME_TIME * run->span;
    if (when > t_next + slack) return TR_OK;
    const tr_array *state = run->x;
    if (when < t_next - slack) {
      double part = (when - t) / (t_next - t);
      TR_TRY(tr_program_axpby(&run->list, 1 - part, run->before, part, run->x, run->between));
      state = run->between;
    }
    TR_TRY(tr_program_run(&run->list));
    tr_status status = run->on_output(run->next_output, when, state, run->out_user);
    TR_TRY(tr_callback_status(run->ctx, status, "the function that takes the states", when));
  }
  return TR_OK;
}

static void exchange(tr_array **a, tr_array **b) {
  tr_array *held = *a;
  *a = *b;
  *b = held;
}

/* What is listed keeps the normals that it reads. */
static tr_status spare_normals(tr_sde_run *run) {
  if (!tr_program_holds(&run->list, run->z->data)) return TR_OK;
  if (!run->z_spare) return tr_program_run(&run->list);
  exchange(&run->z, &run->z_spare);
  exchange(&run->z2, &run->z2_spare);
  return TR_OK;
}

static tr_status draw(tr_sde_run *run, long i, double t, double t_next) {
  if (run->drawn > i) return TR_OK;
  TR_TRY(spare_normals(run));
  if (tr_brownian_knows_times(run->path)) return tr_brownian_over(run->path, t, t_next, run->z, run->z2);
  return tr_brownian_list_normals(run->path, i, run->z, run->z2, &run->list);
}

/* A list that can make normals makes those of the next step with the end of this one: no program of their
 * own. */
static tr_status draw_ahead(tr_sde_run *run, long next) {
  if (!tr_brownian_is_elementwise(run->path) || next + 1 >= run->spec->n_grid) return TR_OK;
  run->drawn = next + 1;
  return tr_brownian_list_normals(run->path, next, run->z, run->z2, &run->list);
}

tr_status tr_sde_eval(const tr_sde_problem *problem, double t, const tr_array *x, tr_array *dx,
                      tr_program *list) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, dx), problem, x, dx, list);
  if (!problem->listed && !problem->drift) return TR_FAIL(x->ctx, TR_E_ARG, "tr_sde_eval: no drift given");
  if (!problem->listed) TR_TRY(tr_program_run(list));
  tr_status status = problem->listed ? problem->listed(t, x, dx, list, problem->user)
                                     : problem->drift(t, x, dx, problem->user);
  return tr_callback_status(x->ctx, status, "the drift", t);
}

tr_status tr_sde_g2(tr_ctx *ctx, const tr_sde_problem *problem, double t, double *out) {
  TR_REQUIRE(ctx, problem, out);
  if (!problem->g2) return TR_FAIL(ctx, TR_E_ARG, "tr_sde_g2: no diffusion g2 given");
  return tr_callback_status(ctx, problem->g2(t, out, problem->user), "g^2", t);
}

tr_status tr_sde_g2_integral(tr_ctx *ctx, const tr_sde_problem *problem, double t0, double t1, double *out) {
  TR_REQUIRE(ctx, problem, out);
  if (!problem->g2_integral) return TR_FAIL(ctx, TR_E_UNSUPPORTED, "this problem lacks the integral of g^2");
  return tr_callback_status(ctx, problem->g2_integral(t0, t1, out, problem->user), "the integral of g^2", t0);
}

bool tr_sde_same_time(const tr_sde_run *run, double a, double b) {
  return tr_same_time(a, b, run->span);
}

bool tr_sde_affords_step(tr_sde_run *run) {
  long most = run->spec->max_nfe;
  if (most == 0 || run->spec->method->nfe_per_step <= most - run->stats->n_rhs) return true;
  run->stats->stop_reason = TR_STOP_MAX_NFE;
  return false;
}

/* A step that may be rejected, or has an output within. */
static bool needs_start(const tr_sde_run *run, double t_next) {
  if (tr_sde_is_adaptive(run->spec)) return true;
  return run->on_output && run->next_output < run->n_times &&
         run->times[run->next_output] < t_next - TR_SAME_TIME * run->span;
}

tr_status tr_sde_try(tr_sde_run *run, long i, double t, double t_next) {
  TR_TRY(draw(run, i, t, t_next));
  if (needs_start(run, t_next)) TR_TRY(tr_program_copy(&run->list, run->x, run->before));
  tr_status status = take_step(run, t, t_next);
  if (status == TR_OK) return draw_ahead(run, i + 1);
  return TR_FAIL(run->ctx, status, "the step from t = %.10g failed (%s)", t, tr_status_name(status));
}

/* The state has been left alone since step number `bad`, which made it. */
static void go_back(tr_sde_run *run, long bad) {
  tr_sde_stats *stats = run->stats;
  int before = (int)((bad + TR_SDE_RECENT - 1) % TR_SDE_RECENT);
  stats->n_steps = run->steps = bad;
  stats->t_end = run->recent[bad % TR_SDE_RECENT].from;
  stats->h_last = bad ? run->recent[before].to - run->recent[before].from : 0;
}

/* Asks the watch, and fails if a step taken so far has lost the state. */
static tr_status ask(tr_sde_run *run, bool wait) {
  int64_t bad;
  TR_TRY(tr_watch_ask(run->ctx, run->watch, wait, &bad));
  if (bad == TR_WATCH_NONE) return TR_OK;
  go_back(run, (long)bad);
  return TR_FAIL(run->ctx, TR_E_NONFINITE,
                 "%s: the state is no longer finite after the step from t = %.10g to %.10g",
                 run->spec->method->info.name, run->recent[bad % TR_SDE_RECENT].from,
                 run->recent[bad % TR_SDE_RECENT].to);
}

static bool output_due(const tr_sde_run *run, double t) {
  return run->on_output && run->next_output < run->n_times &&
         run->times[run->next_output] <= t + TR_SAME_TIME * run->span;
}

/* Whether the end of a step may wait for the first program of the next one: it saves a program where there
 * would be two of them. The watch is then seen a step later. */
static bool joins_next(const tr_sde_run *run) {
  return run->spec->method->caps & TR_SDE_NOISE_FIRST || tr_sde_is_adaptive(run->spec);
}

tr_status tr_sde_accept(tr_sde_run *run, double t, double t_next) {
  tr_sde_stats *stats = run->stats;
  run->recent[run->steps % TR_SDE_RECENT].from = t;
  run->recent[run->steps % TR_SDE_RECENT].to = t_next;
  TR_TRY(tr_program_watch(&run->list, run->x, run->steps++, NULL));
  const bool wait = run->steps % TR_SDE_PATIENCE == 0 || output_due(run, t_next);
  if (wait || !joins_next(run)) TR_TRY(tr_program_run(&run->list));
  TR_TRY(ask(run, wait));
  stats->n_steps++;
  stats->h_last = t_next - t;
  stats->t_end = t_next;
  if (run->spec->on_progress) run->spec->on_progress(t_next, stats->n_rhs, run->spec->progress_user);
  TR_TRY(outputs(run, t, t_next));
  if (!tr_ctx_interrupted(run->ctx)) return TR_OK;
  return TR_FAIL(run->ctx, TR_E_INTERRUPTED, "interrupted at t = %.10g after %ld evaluations", t_next,
                 stats->n_rhs);
}

static tr_status walk_grid(tr_sde_run *run) {
  const double *grid = run->spec->grid;
  for (int i = 0; i + 1 < run->spec->n_grid && tr_sde_affords_step(run); i++) {
    TR_TRY(tr_sde_try(run, i, grid[i], grid[i + 1]));
    TR_TRY(tr_sde_accept(run, grid[i], grid[i + 1]));
  }
  return TR_OK;
}

static tr_status walk(tr_sde_run *run) {
  double start = run->spec->grid[0];
  run->stats->stop_reason = TR_STOP_END;
  TR_TRY(outputs(run, start, start));
  tr_status status = tr_sde_is_adaptive(run->spec) ? tr_sde_adaptive_walk(run) : walk_grid(run);
  tr_status last = tr_program_run(&run->list); /* also after an error: the state that was gone back to */
  if (last == TR_OK) last = ask(run, true);
  return status == TR_OK ? last : status;
}

tr_status tr_sde_solve(const tr_sde_spec *spec, const tr_sde_problem *problem, const tr_brownian *path,
                       const double *times, int n_times, tr_array *x, tr_out_fn on_output, void *out_user,
                       tr_sde_stats *stats) {
  tr_sde_stats unread;
  if (!stats) stats = &unread;
  *stats = (tr_sde_stats){.stop_reason = TR_STOP_ERROR};
  TR_REQUIRE(TR_CTX_OF(x), spec, problem, path, x);
  if (on_output) TR_REQUIRE(TR_CTX_OF(x), times);
  tr_sde_spec settled = *spec;
  tr_sde_run run = {.ctx = x->ctx,
                    .spec = &settled,
                    .problem = problem,
                    .path = path,
                    .times = times,
                    .n_times = n_times,
                    .x = x,
                    .on_output = on_output,
                    .out_user = out_user,
                    .stats = stats,
                    .watch = -1};
  TR_TRY(check(&run));
  TR_TRY(tr_module_settle(run.ctx, &spec->method->info, &settled.values));
  stats->t_end = spec->grid[0];
  snprintf(stats->solver, sizeof stats->solver, "%s", spec->method->info.name);
  tr_status status = allocate(&run);
  if (status == TR_OK) status = walk(&run);
  if (status != TR_OK) stats->stop_reason = TR_STOP_ERROR;
  release(&run);
  return status;
}
