/* The options of `transit sample SDE` for churn and restart: noise around an ODE method. */
#include <math.h>
#include <stdlib.h>

#include "experiments/common/grid_options.h"
#include "experiments/common/noised.h"
#include "experiments/sample/run.h"

static const char *const of_forms[] = {
    "diffusion-form", "diffusion-norm", "form-param", "diffusion-table", "eta", NULL};

/* Options for methods with this trait, which the method lacks. */
static void warn_lacking(const sample_run *run, noised_trait trait, const char *const *options) {
  const tr_sde_method *method = run->sampler.sde.method;
  char names[200], why[256];
  if (noised_has(method, trait)) return;
  noised_names(run->program->ctx, trait, "or", names, sizeof names);
  snprintf(why, sizeof why, "is not %s", names);
  sample_warn_unused(run, options, method->info.name, why);
}

void sample_warn_noised(const sample_run *run) {
  static const char *const of_both[] = {"ode-method", NULL};
  sample_warn_unused(run, of_both, run->sampler.sde.method->info.name, "is around no ODE method");
  warn_lacking(run, NOISED_CHURN, noised_of_churn);
  warn_lacking(run, NOISED_RESTARTS, noised_of_restart);
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

/* What the method does not read, and the intervals of one that does. */
static tr_status set_restarts(sample_run *run, const tr_noised_ode *noised) {
  static const char *const of_grids[] = {"restart-steps", NULL};
  const sample_options *o = run->options;
  tr_sampler *s = &run->sampler;
  bool adaptive = s->ode.method->caps & TR_ODE_ADAPTIVE;
  if (!(noised->reads & TR_NOISED_GRID) && adaptive)
    sample_warn_unused(run, grid_option_names, o->ode_method, "chooses its own steps");
  warn_lacking(run, NOISED_RESTARTS, noised_of_restart);
  if (!noised_has(s->sde.method, NOISED_RESTARTS)) return TR_OK;
  if (adaptive) sample_warn_unused(run, of_grids, o->ode_method, "chooses its own steps");
  TR_TRY(noised_restarts(run->program->ctx, &o->noised, s->sde.method, &run->restarts, &s->n_restarts));
  s->restarts = run->restarts;
  return TR_OK;
}

static void warn_form(const sample_run *run, const tr_noised_ode *noised) {
  const tr_sde_spec *sde = &run->sampler.sde;
  if (tr_sde_reads_form(sde->method, &sde->values)) return;
  sample_warn_unused(run, of_forms, run->options->method,
                     noised->reads & TR_NOISED_FORM
                         ? "has noise of its own instead of a diffusion form by its parameters"
                         : "has its intervals instead of a diffusion form");
}

tr_status sample_set_noised(sample_run *run) {
  static const char *const of_last_step[] = {"last-step", "last-step-param", "last-step-size", NULL};
  const tr_noised_ode *noised = tr_noised_ode_of(run->sampler.sde.method);
  const char *method = run->sampler.sde.method->info.name;
  sample_warn_unused(run, of_last_step, method, "solves the ODE to the end");
  warn_lacking(run, NOISED_CHURN, noised_of_churn);
  if (run->options->noise)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--noise holds a normal for every step of an SDE: %s has noise between solves of an ODE",
                   method);
  TR_TRY(set_ode(run));
  warn_form(run, noised);
  return set_restarts(run, noised);
}
