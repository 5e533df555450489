#include "integrators/ode/ode_run_private.h"

#include <math.h>

#include "core/callback_private.h"
#include "integrators/same_time_private.h"

bool tr_ode_same_time(const tr_ode_run *run, double a, double b) {
  return tr_same_time(a, b, run->span);
}

bool tr_ode_affords(tr_ode_run *run, long n) {
  if (run->spec->max_nfe > 0 && n > run->spec->max_nfe - run->stats->n_rhs) run->spent = true;
  return !run->spent;
}

tr_status tr_ode_eval(tr_ode_run *run, double t, const tr_array *x, tr_array *dx) {
  const tr_rhs *rhs = run->rhs;
  if (!rhs->listed) TR_TRY(tr_program_run(&run->list));
  run->t_eval = t;
  run->stats->n_rhs++;
  tr_status status =
      rhs->listed ? rhs->listed(t, x, dx, &run->list, rhs->user) : rhs->fn(t, x, dx, rhs->user);
  return tr_callback_status(run->ctx, status, "the right-hand side", t);
}

tr_status tr_ode_enter(tr_ode_run *run, double from, double to) {
  const tr_rhs *rhs = run->rhs;
  tr_status status = rhs->on_segment ? rhs->on_segment(from, to, rhs->user) : TR_OK;
  return tr_callback_status(run->ctx, status, "the function told of segments", from);
}

tr_status tr_ode_accept(tr_ode_run *run, double t) {
  tr_ode_stats *stats = run->stats;
  stats->h_last = fabs(t - stats->t_end);
  stats->t_end = t;
  stats->n_steps++;
  if (run->spec->on_progress) run->spec->on_progress(t, stats->n_rhs, run->spec->progress_user);
  if (tr_ctx_interrupted(run->ctx))
    return TR_FAIL(run->ctx, TR_E_INTERRUPTED, "interrupted at t = %.10g after %ld evaluations", t,
                   stats->n_rhs);
  bool at_end = tr_ode_same_time(run, t, run->times[run->n_times - 1]);
  if ((run->method->caps & TR_ODE_ADAPTIVE) && stats->n_steps >= run->spec->max_steps && !at_end)
    return TR_FAIL(run->ctx, TR_E_SOLVER,
                   "%s: %ld steps and %ld evaluations brought it only to t = %.10g (last step %.3g): "
                   "loosen rtol = %g or raise max_steps",
                   run->method->info.name, stats->n_steps, stats->n_rhs, t, stats->h_last, run->spec->rtol);
  return TR_OK;
}

bool tr_ode_output_due(const tr_ode_run *run, double t) {
  if (!run->on_output || run->next_output >= run->n_times) return false;
  return run->direction * (run->times[run->next_output] - t) <= TR_SAME_TIME * run->span;
}

tr_status tr_ode_output(tr_ode_run *run, const tr_array *x) {
  TR_TRY(tr_program_run(&run->list));
  int i = run->next_output++;
  tr_status status = run->on_output(i, run->times[i], x, run->out_user);
  return tr_callback_status(run->ctx, status, "the function that takes the states", run->times[i]);
}
