/* The options of `transit sample SDE` for churn and restart: noise around an ODE method. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/sample_run.h"

static const char *const of_churn[] = {"churn", "churn-levels", "churn-noise", NULL};
static const char *const of_restart[] = {"restart-intervals", "restarts", "restart-steps", NULL};
static const char *const of_forms[] = {"diffusion-form", "diffusion-norm", "diffusion-table", "eta", NULL};

void sample_warn_noised(const sample_run *run) {
  static const char *const of_both[] = {"ode-method", NULL};
  const char *method = run->sampler.sde->info.name;
  sample_warn_unused(run, of_both, method, "is around no ODE method");
  sample_warn_unused(run, of_churn, method, "is not churn");
  sample_warn_unused(run, of_restart, method, "is not restart");
}

static bool is(const sample_run *run, const char *name) {
  return strcmp(run->sampler.sde->info.name, name) == 0;
}

static tr_status set_ode(sample_run *run) {
  const sample_options *o = run->options;
  static const char *const of_adaptive[] = {"rtol", "atol", NULL};
  tr_ode_spec *ode = &run->sampler.ode;
  const tr_module *module;
  TR_TRY(tr_find(run->program->ctx, TR_KIND_ODE_METHOD, o->ode_method, &module));
  *ode = (tr_ode_spec){.method = (const tr_ode_method *)module,
                       .rtol = isnan(o->rtol) ? 1e-3 : o->rtol,
                       .atol = isnan(o->atol) ? 1e-6 : o->atol};
  if (!(ode->method->caps & TR_ODE_ADAPTIVE))
    sample_warn_unused(run, of_adaptive, o->ode_method, "walks a fixed grid");
  return TR_OK;
}

static tr_status set_churn(sample_run *run) {
  const sample_options *o = run->options;
  tr_noised *n = &run->sampler.noised;
  sample_warn_unused(run, of_restart, "churn", "is not restart");
  n->edm = !isnan(o->churn);
  if (!n->edm && (o->churn_levels.n || sample_was_given(run, "churn-noise")))
    return TR_FAIL(run->program->ctx, TR_E_ARG, "--%s without --churn: it is a part of EDM's churn",
                   o->churn_levels.n ? "churn-levels" : "churn-noise");
  if (!n->edm) return TR_OK;
  sample_warn_unused(run, of_forms, "--churn", "is instead of a diffusion form");
  n->churn = o->churn;
  n->noise = o->churn_noise;
  n->sigma_min = o->churn_levels.n ? o->churn_levels.v[0] : 0;
  n->sigma_max = o->churn_levels.n ? o->churn_levels.v[1] : INFINITY;
  return TR_OK;
}

tr_status noised_restarts(tr_ctx *ctx, const tr_double_list *times, const tr_int_list *restarts,
                          const tr_int_list *steps, tr_restart **out, int *n) {
  *n = times->n / 2;
  if (times->n == 0 || times->n % 2)
    return TR_FAIL(ctx, TR_E_ARG,
                   "restart needs --restart-intervals A1,B1,..., two times an interval: %d are given",
                   times->n);
  if ((restarts->n != 1 && restarts->n != *n) || (steps->n != 1 && steps->n != *n))
    return TR_FAIL(ctx, TR_E_ARG, "--%s has %d numbers for %d intervals: give one, or one each",
                   restarts->n != 1 && restarts->n != *n ? "restarts" : "restart-steps",
                   restarts->n != 1 && restarts->n != *n ? restarts->n : steps->n, *n);
  *out = malloc((size_t)*n * sizeof **out);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d intervals", *n);
  for (int i = 0; i < *n; i++)
    (*out)[i] = (tr_restart){times->v[2 * i], times->v[2 * i + 1], (int)restarts->v[restarts->n == 1 ? 0 : i],
                             (int)steps->v[steps->n == 1 ? 0 : i]};
  return TR_OK;
}

static tr_status set_restart(sample_run *run) {
  const sample_options *o = run->options;
  tr_noised *n = &run->sampler.noised;
  sample_warn_unused(run, of_churn, "restart", "is not churn");
  sample_warn_unused(run, of_forms, "restart", "has its intervals instead of a diffusion form");
  if (run->sampler.ode.method->caps & TR_ODE_ADAPTIVE) {
    static const char *const of_grids[] = {"num-sampling-steps", "time-grid",     "grid-shift", "grid-rho",
                                           "grid-bound",         "restart-steps", NULL};
    sample_warn_unused(run, of_grids, o->ode_method, "chooses its own steps");
  }
  TR_TRY(noised_restarts(run->program->ctx, &o->restart_intervals, &o->restarts, &o->restart_steps,
                         &run->restarts, &n->n_intervals));
  n->intervals = run->restarts;
  return TR_OK;
}

tr_status sample_set_noised(sample_run *run) {
  static const char *const of_last_step[] = {"last-step", "last-step-size", NULL};
  const char *method = run->sampler.sde->info.name;
  sample_warn_unused(run, of_last_step, method, "solves the ODE to the end");
  if (run->options->noise)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--noise holds a normal for every step of an SDE: %s has noise between solves of an ODE",
                   method);
  TR_TRY(set_ode(run));
  return is(run, "restart") ? set_restart(run) : set_churn(run);
}
