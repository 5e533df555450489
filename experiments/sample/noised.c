/* The options of `transit sample SDE` for churn and restart: noise around an ODE method. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/common/grid_options.h"
#include "experiments/common/noised.h"
#include "experiments/sample/run.h"

static const char *const of_forms[] = {
    "diffusion-form", "diffusion-norm", "form-param", "diffusion-table", "eta", NULL};

void sample_warn_noised(const sample_run *run) {
  static const char *const of_both[] = {"ode-method", NULL};
  const char *method = run->sampler.sde.method->info.name;
  sample_warn_unused(run, of_both, method, "is around no ODE method");
  sample_warn_unused(run, noised_of_churn, method, "is not churn");
  sample_warn_unused(run, noised_of_restart, method, "is not restart");
}

static bool is(const sample_run *run, const char *name) {
  return strcmp(run->sampler.sde.method->info.name, name) == 0;
}

static tr_status set_ode(sample_run *run) {
  sample_options *o = run->options;
  static const char *const of_adaptive[] = {"rtol", "atol", NULL};
  const tr_module *module;
  TR_TRY(tr_find(run->program->ctx, TR_KIND_ODE_METHOD, o->ode_method, &module));
  const tr_ode_method *method = (const tr_ode_method *)module;
  if (!(method->caps & TR_ODE_ADAPTIVE)) {
    sample_warn_unused(run, of_adaptive, o->ode_method, "walks a fixed grid");
    run->sampler.ode = (tr_ode_spec){.method = method};
    return TR_OK;
  }
  if (isnan(o->rtol)) o->rtol = 1e-3;
  if (isnan(o->atol)) o->atol = 1e-6;
  run->sampler.ode = (tr_ode_spec){.method = method, .rtol = o->rtol, .atol = o->atol};
  return TR_OK;
}

static tr_status set_churn(sample_run *run) {
  tr_noised *n = &run->sampler.noised;
  sample_warn_unused(run, noised_of_restart, "churn", "is not restart");
  TR_TRY(noised_churn(run->program->ctx, &run->options->noised, n));
  if (n->edm) sample_warn_unused(run, of_forms, "--churn", "is instead of a diffusion form");
  return TR_OK;
}

static tr_status set_restart(sample_run *run) {
  const sample_options *o = run->options;
  tr_noised *n = &run->sampler.noised;
  sample_warn_unused(run, noised_of_churn, "restart", "is not churn");
  sample_warn_unused(run, of_forms, "restart", "has its intervals instead of a diffusion form");
  if (run->sampler.ode.method->caps & TR_ODE_ADAPTIVE) {
    static const char *const of_grids[] = {"restart-steps", NULL};
    sample_warn_unused(run, grid_option_names, o->ode_method, "chooses its own steps");
    sample_warn_unused(run, of_grids, o->ode_method, "chooses its own steps");
  }
  return noised_restart(run->program->ctx, &o->noised, &run->restarts, n);
}

tr_status sample_set_noised(sample_run *run) {
  static const char *const of_last_step[] = {"last-step", "last-step-size", NULL};
  const char *method = run->sampler.sde.method->info.name;
  sample_warn_unused(run, of_last_step, method, "solves the ODE to the end");
  if (run->options->noise)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--noise holds a normal for every step of an SDE: %s has noise between solves of an ODE",
                   method);
  TR_TRY(set_ode(run));
  return is(run, "restart") ? set_restart(run) : set_churn(run);
}
