#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/common/density_options.h"
#include "experiments/common/grid_options.h"
#include "experiments/common/param_options.h"
#include "experiments/input/data_labels.h"
#include "experiments/input/drawn_with.h"
#include "experiments/likelihood/run.h"
#include "experiments/output/run_record.h"
#include "integrators/sde/sde.h"

static bool was_given(const likelihood_run *run, const char *name) {
  return tr_option_given(&likelihood_table, run->parsed, name);
}

/* A method of the ODE; one of the SDE is told apart from a slip of the pen. */
static tr_status find_method(likelihood_run *run) {
  likelihood_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  const tr_module *module;
  if (tr_module_named(ctx, TR_KIND_SDE_METHOD, o->method))
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--sampling-method %s is a method of the SDE: a likelihood follows the ODE, use cvode-adams",
        o->method);
  TR_TRY(program_option_error(ctx, "sampling-method", tr_find(ctx, TR_KIND_ODE_METHOD, o->method, &module)));
  run->sampler.ode.method = (const tr_ode_method *)module;
  o->method = module->name;
  const param_source source = {.option = "method-param", .pairs = &o->method_params};
  tr_values *values = &run->sampler.ode.values;
  *values = tr_module_defaults(module);
  TR_TRY(param_set_all(ctx, &source, module, values));
  return param_resolve(ctx, module, values, &o->method_params);
}

static void warn_idle(const likelihood_run *run, const char *const *names, const char *why) {
  program_warn_idle(run->program->ctx, &likelihood_table, run->parsed, names, why);
}

static tr_status set_solver(likelihood_run *run) {
  static const char *const of_adaptive[] = {"rtol", "atol", "logp-tol", NULL};
  likelihood_options *o = run->options;
  tr_sampler *s = &run->sampler;
  TR_TRY(tr_sampler_defaults(run->program->ctx, s));
  TR_TRY(find_method(run));
  s->interpolant = run->provider.along;
  s->reverse = true;
  TR_TRY(tr_clock_find(run->program->ctx, o->clock, &s->clock));
  TR_TRY(grid_options_set(run->program->ctx, &likelihood_table, run->parsed, &o->grid, &o->num_sampling_steps,
                          s, &run->grid_list));
  s->ode.rtol = o->rtol;
  s->ode.atol = o->atol;
  s->on_progress = progress_tick;
  s->progress_user = &run->progress;
  s->seed = o->seed;
  if (s->ode.method->caps & TR_ODE_ADAPTIVE) {
    warn_idle(run, grid_option_names, "the method chooses its own steps");
    return TR_OK;
  }
  warn_idle(run, of_adaptive, "the method walks a fixed grid");
  if (!o->check)
    tr_ctx_warn(
        run->program->ctx,
        "--sampling-method %s walks a fixed grid: no error bar holds the solver's error in ln p, --check "
        "shows its size",
        o->method);
  return TR_OK;
}

/* How wide the gaussian dequantisation is, where that is not what a bound is for. */
static void warn_of_width(const likelihood_run *run, bool given, double width) {
  tr_ctx *ctx = run->program->ctx;
  if (!given && width > TR_DEQUANT_BINS * (1 + 1e-6))
    tr_ctx_warn(ctx, "%s is never quieter than %.3g bins, at its end: --dequant gaussian takes that, not %g",
                run->options->sample_path, width, TR_DEQUANT_BINS);
  if (width > 1)
    tr_ctx_warn(
        ctx,
        "gaussian dequantisation %.3g bins wide: the bound is that of a blurred model, %g bins are at "
        "--dequant-eps %.4g",
        width, TR_DEQUANT_BINS, tr_dequant_eps(&run->sampler.interpolant, TR_DEQUANT_BINS));
}

/* Where the run ends and begins: gaussian dequantisation has a data end of its own. */
static tr_status set_interval(likelihood_run *run) {
  likelihood_options *o = run->options;
  tr_sampler *s = &run->sampler;
  TR_TRY(tr_interval_eps(run->program->ctx, &s->interpolant, provider_kind(&run->provider), o->sample_eps,
                         false, &o->sample_eps));
  s->sample_eps = s->data_eps = o->sample_eps;
  if (run->dequant != TR_DEQUANT_GAUSSIAN) return TR_OK;
  bool given = !isnan(o->dequant_eps);
  if (!given) o->dequant_eps = tr_dequant_eps(&s->interpolant, TR_DEQUANT_BINS);
  s->data_eps = o->dequant_eps;
  tr_coeffs at = tr_interpolant_at(&s->interpolant, 1 - s->data_eps);
  run->dequant_width = tr_dequant_width(&at);
  warn_of_width(run, given, run->dequant_width);
  return TR_OK;
}

static void describe_dequantisation(likelihood_run *run) {
  char *text = run->dequantisation;
  const size_t size = sizeof run->dequantisation;
  if (!run->data.pixels)
    snprintf(text, size, "none: numbers in the model's own space");
  else if (run->dequant == TR_DEQUANT_UNIFORM)
    snprintf(text, size, "uniform: u + U[-1/2, 1/2) levels, a lower bound of ln P");
  else if (run->dequant == TR_DEQUANT_GAUSSIAN)
    snprintf(text, size,
             "gaussian: the noise at t = %.6g, %.4g bins wide, truncated to the bin, a lower bound of ln P",
             1 - run->options->dequant_eps, run->dequant_width);
  else
    snprintf(text, size, "none: the density at the middle of the bin, no bound");
}

static tr_status set_dequantisation(likelihood_run *run) {
  likelihood_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  run->dequant = strcmp(o->dequant, "uniform") == 0    ? TR_DEQUANT_UNIFORM
                 : strcmp(o->dequant, "gaussian") == 0 ? TR_DEQUANT_GAUSSIAN
                                                       : TR_DEQUANT_NONE;
  if (run->dequant != TR_DEQUANT_NONE && !run->data.pixels)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--dequant %s is for images of 256 levels: '%s' holds numbers in the model's own space, use none",
        o->dequant, o->data);
  if (run->dequant == TR_DEQUANT_NONE && o->dequant_samples > 1)
    return TR_FAIL(ctx, TR_E_ARG, "--dequant-samples %ld needs --dequant uniform or gaussian",
                   o->dequant_samples);
  if (run->dequant != TR_DEQUANT_GAUSSIAN && was_given(run, "dequant-eps"))
    return TR_FAIL(ctx, TR_E_ARG, "--dequant-eps %g needs --dequant gaussian", o->dequant_eps);
  TR_TRY(set_interval(run));
  describe_dequantisation(run);
  run->offset = run->data.pixels ? log2(TR_BINS_PER_UNIT) : 0;
  return TR_OK;
}

/* Labels, and what samples that are the data say of their flow. */
static tr_status set_labels(likelihood_run *run) {
  const likelihood_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  json_t *options = record_options(&likelihood_table, run->parsed, o);
  drawn_with_compare(ctx, "--data", o->data, options);
  json_decref(options);
  return data_labels(ctx, provider_info(&run->provider), &o->class_labels, &run->data, run->data.n,
                     &run->labels_from, &run->labels);
}

/* The library refuses a probe of zeros too, but in the batch that has it, after hours perhaps; before the
 * first of them an input can be named. */
static tr_status check_probes(const likelihood_run *run) {
  const int64_t row = tr_dataset_row(&run->data), n = run->data.n;
  char name[300];
  for (int64_t k = 0; k < run->probe.npy.count / row; k++)
    if (given_all_zero(&run->probe, k * row, row))
      return TR_FAIL(
          run->program->ctx, TR_E_ARG,
          "--probe '%s' is all zeros in probe %lld of %s: probes z need E z z' = I, such as random signs",
          run->options->probe, (long long)(k / n), tr_dataset_name(&run->data, k % n, name, sizeof name));
  return TR_OK;
}

/* (N, ...), or (R, N, ...). */
static tr_status open_probe(likelihood_run *run) {
  likelihood_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  int64_t shape[TR_MAX_DIMS + 1] = {-1};
  tr_npy npy;
  const int ndim = provider_shape(&run->provider, run->data.n, shape + 1);
  TR_TRY(tr_npy_open(ctx, o->probe, &npy));
  bool several = npy.ndim == ndim + 1;
  tr_npy_close(&npy);
  TR_TRY(given_open(ctx, "--probe", o->probe, several ? ndim + 1 : ndim, several ? shape : shape + 1,
                    &run->probe));
  long held = several ? (long)run->probe.npy.shape[0] : 1;
  if (was_given(run, "probes") && o->probes != held)
    return TR_FAIL(ctx, TR_E_ARG, "--probes %ld, but %s holds %ld: leave it away", o->probes, o->probe, held);
  TR_TRY(check_probes(run));
  o->probes = held;
  run->density.n_probes = (int)held;
  return TR_OK;
}

static tr_status set_density(likelihood_run *run) {
  likelihood_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  const tr_density *d = &run->density;
  static const char *const of_probes[] = {"probes", "probe", NULL};
  TR_TRY(density_options(ctx, o->trace, o->rtol, provider_row(&run->provider), &o->probes, &o->logp_tol,
                         &run->density));
  if (!d->trace->sampled) {
    warn_idle(run, of_probes, "the exact trace has no probes");
    o->probe = NULL;
  }
  if (!o->probe) return TR_OK;
  if (d->trace->n_derived)
    return TR_FAIL(ctx, TR_E_ARG, "--probe is for --trace hutchinson, not for %s", o->trace);
  return open_probe(run);
}

tr_status likelihood_setup(likelihood_run *run) {
  const tr_net_info *info = provider_info(&run->provider);
  likelihood_options *o = run->options;
  if (o->cfg_scale != 1)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--cfg-scale %g: a guided field has no likelihood of the model, leave it at 1",
                   o->cfg_scale);
  TR_TRY(provider_sample_along(run->program, &o->sample_path, &o->sample_path_params, &run->provider));
  TR_TRY(set_solver(run));
  TR_TRY(tr_dataset_open(run->program->ctx, o->data, info->ndim, info->shape,
                         o->num_samples == TR_OPTION_UNSET ? 0 : o->num_samples, &run->data));
  if (o->num_samples != TR_OPTION_UNSET && o->num_samples > run->data.n)
    tr_ctx_warn(run->program->ctx, "--num-samples %ld: '%s' has %lld input%s", o->num_samples, o->data,
                (long long)run->data.n, PLURAL(run->data.n));
  o->num_samples = (long)run->data.n;
  TR_TRY(set_dequantisation(run));
  TR_TRY(set_labels(run));
  return set_density(run);
}
