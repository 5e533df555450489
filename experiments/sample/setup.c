#include <math.h>
#include <string.h>

#include "experiments/common/density_options.h"
#include "experiments/common/grid_options.h"
#include "experiments/common/noised.h"
#include "experiments/common/param_options.h"
#include "experiments/input/class_labels.h"
#include "experiments/input/data_labels.h"
#include "experiments/input/drawn_with.h"
#include "experiments/input/form.h"
#include "experiments/output/run_record.h"
#include "experiments/sample/run.h"

bool sample_was_given(const sample_run *run, const char *name) {
  return tr_option_given(&sample_table, run->parsed, name);
}

void sample_warn_unused(const sample_run *run, const char *const *names, const char *method,
                        const char *why) {
  char text[320];
  snprintf(text, sizeof text, "%s %s", method, why);
  program_warn_idle(run->program->ctx, &sample_table, run->parsed, names, text);
}

/* Each eps as given, or the default, for the record: of the model's path and prediction in training, of the
 * path sampled along and what is known on it in sampling. */
static tr_status resolve_eps(sample_run *run) {
  const provider *pr = &run->provider;
  sample_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  TR_TRY(tr_interval_eps(ctx, &pr->interpolant, pr->prediction->tag, o->train_eps, true, &o->train_eps));
  return tr_interval_eps(ctx, &pr->along, provider_kind(pr), o->sample_eps, false, &o->sample_eps);
}

static tr_status open_init(sample_run *run) {
  const sample_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  if (!o->init && o->reverse)
    return TR_FAIL(ctx, TR_E_ARG, "--reverse goes from data to noise: give the data as --init FILE.npy");
  if (!o->init) return TR_OK;
  int64_t shape[TR_MAX_DIMS];
  int ndim = provider_shape(&run->provider, o->num_samples == TR_OPTION_UNSET ? -1 : o->num_samples, shape);
  TR_TRY(given_open(ctx, "--init", o->init, ndim, shape, &run->init));
  return file_hash_start(ctx, o->init, &run->init_hash);
}

static tr_status set_pictures(sample_run *run) {
  static const char *const of_vae[] = {"tiles", NULL};
  const sample_options *o = run->options;
  const provider *pr = &run->provider;
  if (!o->vae.vae) sample_warn_unused(run, of_vae, "a run", "without --vae has no autoencoder");
  TR_TRY(pictures_open(run->program, &o->vae, pr->dtype, pr->products, run->result.ndim, run->result.shape,
                       &run->vae, &run->pictures));
  run->result.height = run->pictures.height, run->result.width = run->pictures.width;
  return TR_OK;
}

/* Number of samples: as asked, else as many as there are starting states or labels, else 8. */
static tr_status set_samples(sample_run *run) {
  sample_options *o = run->options;
  TR_TRY(open_init(run));
  if (o->num_samples == TR_OPTION_UNSET)
    o->num_samples = o->init ? (long)run->init.npy.shape[0]
                             : class_labels_count(provider_info(&run->provider), &o->class_labels, 8);
  if (o->batch_size > o->num_samples) o->batch_size = o->num_samples;
  run->n = o->num_samples;
  run->result.dtype = run->provider.dtype;
  run->result.ndim = provider_shape(&run->provider, o->num_samples, run->result.shape);
  TR_TRY(set_pictures(run));
  return init_labels(run->program->ctx, provider_info(&run->provider), &o->class_labels, &run->init,
                     o->reverse, o->num_samples, &run->labels_from, &run->result.labels);
}

/* What the samples tell of themselves, and what those of --init tell of the run that drew them. */
static tr_status set_flow(sample_run *run) {
  tr_ctx *ctx = run->program->ctx;
  json_t *options = record_options(&sample_table, run->parsed, run->options);
  run->result.drawn_with = drawn_with_text(options);
  if (run->options->init) drawn_with_compare(ctx, "--init", run->options->init, options);
  json_decref(options);
  return run->result.drawn_with ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for the options");
}

static tr_status put_time(int index, double t, const tr_array *x, void *user) {
  (void)t;
  sample_run *run = user;
  const int64_t first = (int64_t)run->sampler.first_sample;
  const int save = gif_save_of(&run->gif, index);
  TR_TRY(gif_take(&run->gif, index, first, x, &run->now->n_frames));
  if (save < 0) return TR_OK;
  run->now->n_put = save + 1;
  return sample_result_put_time(&run->result, save, first, x);
}

static tr_status set_times(sample_run *run) {
  const tr_double_list *times = &run->options->save_times;
  if (times->n == 0) return TR_OK;
  size_t bytes = (size_t)times->n * sizeof *times->v;
  run->result.times = malloc(bytes);
  if (!run->result.times) return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for %d times", times->n);
  memcpy(run->result.times, times->v, bytes);
  run->result.n_times = times->n;
  run->sampler.save_times = run->result.times;
  run->sampler.n_save = times->n;
  run->sampler.on_output = put_time;
  run->sampler.out_user = run;
  return TR_OK;
}

static tr_status set_density(sample_run *run) {
  sample_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  static const char *const of_logp[] = {"trace", "probes", "logp-tol", "recompute", NULL},
                           *const of_probes[] = {"probes", NULL};
  if (!o->with_logp) {
    sample_warn_unused(run, of_logp, "the log-density", "needs --with-logp");
    return TR_OK;
  }
  if (o->reverse)
    return TR_FAIL(ctx, TR_E_ARG, "--with-logp is the density of samples: for data use transit likelihood");
  TR_TRY(density_options(ctx, o->trace, o->rtol, provider_row(&run->provider), &o->probes, &o->logp_tol,
                         &run->density));
  if (!run->density.trace->sampled) sample_warn_unused(run, of_probes, "the exact trace", "has no probes");
  run->result.with_logp = true;
  return TR_OK;
}

/* For the record: the method's parameters as used. */
static tr_status set_used(sample_run *run, const tr_module *method, tr_values *values) {
  *values = tr_module_filled(method, values);
  return param_resolve(run->program->ctx, method, values, &run->options->method_params);
}

static tr_status set_order(sample_run *run) {
  tr_ode_spec *ode = &run->sampler.ode;
  const int orders = ode->method->max_order;
  ode->max_order = sample_was_given(run, "max-order") ? (int)run->options->max_order : 0;
  if (orders == 0 || ode->max_order <= orders) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_ARG, "--max-order %d: %s has the orders 1 to %d", ode->max_order,
                 ode->method->info.name, orders);
}

static tr_status set_ode(sample_run *run) {
  sample_options *o = run->options;
  tr_sampler *s = &run->sampler;
  const param_source source = {.option = "method-param", .pairs = &o->method_params};
  const tr_module *module;
  TR_TRY(tr_find(run->program->ctx, TR_KIND_ODE_METHOD, o->method, &module));
  s->ode.method = (const tr_ode_method *)module;
  TR_TRY(param_set_all(run->program->ctx, &source, module, &s->ode.values));
  TR_TRY(set_used(run, module, &s->ode.values));
  s->reverse = o->reverse;
  TR_TRY(tr_clock_find(run->program->ctx, o->clock, &s->clock));
  s->ode.rtol = o->rtol;
  s->ode.atol = o->atol;
  s->ode.h0 = sample_was_given(run, "first-step") ? o->first_step : 0;
  TR_TRY(set_order(run));
  static const char *const of_adaptive[] = {"rtol", "atol", NULL};
  if (s->ode.method->caps & TR_ODE_ADAPTIVE)
    sample_warn_unused(run, grid_option_names, o->method, "chooses its own steps");
  else
    sample_warn_unused(run, of_adaptive, o->method, "walks a fixed grid");
  return set_density(run);
}

static tr_status set_diffusion(sample_run *run) {
  sample_options *o = run->options;
  const param_alias eta = {"eta", "eta", o->eta};
  const param_source source = {"form-param", &o->form_params, &eta, 1};
  tr_ctx *ctx = run->program->ctx;
  tr_diffusion *d = &run->sampler.diffusion;
  TR_TRY(tr_diffusion_find(ctx, o->diffusion_form, d));
  d->norm = o->diffusion_norm;
  TR_TRY(param_set_all(ctx, &source, &d->type->info, &d->values));
  TR_TRY(param_resolve(ctx, &d->type->info, &d->values, &o->form_params));
  if (o->diffusion_table) {
    if (!(d->type->caps & (TR_DIFFUSION_TABLE | TR_DIFFUSION_TABLE_OPTIONAL)))
      return TR_FAIL(ctx, TR_E_ARG, "--diffusion-table is not for the form %s, which reads no table",
                     o->diffusion_form);
    TR_TRY(tr_table_read(ctx, o->diffusion_table, &run->table));
    d->table = run->table;
  }
  if (d->type->without_table && !d->table)
    tr_ctx_warn(ctx, "the form %s without --diffusion-table: %s", d->type->info.name, d->type->without_table);
  TR_TRY(form_complete(ctx, d, &source));
  return tr_diffusion_check(ctx, d, &run->sampler.interpolant);
}

static tr_status set_last_step(sample_run *run) {
  sample_options *o = run->options;
  const param_source source = {.option = "last-step-param", .pairs = &o->last_step_params};
  tr_ctx *ctx = run->program->ctx;
  tr_last_step *last = &run->sampler.last;
  TR_TRY(tr_last_step_find(ctx, o->last_step, last));
  TR_TRY(param_set_all(ctx, &source, &last->type->info, &last->values));
  run->sampler.last_size = o->last_step_size;
  return param_resolve(ctx, &last->type->info, &last->values, &o->last_step_params);
}

static void warn_last_step(const sample_run *run) {
  char text[400];
  tr_ctx *ctx = run->program->ctx;
  if (form_last_step(ctx, &run->sampler, provider_kind(&run->provider), "", text, sizeof text))
    tr_ctx_warn(ctx, "%s", text);
}

/* "sra1, shark, sosra" */
static void with_estimate(const tr_ctx *ctx, char *text, size_t size) {
  const tr_module *module;
  size_t at = 0;
  *text = 0;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, i)); i++)
    if (((const tr_sde_method *)module)->error && at < size)
      at += (size_t)snprintf(text + at, size - at, "%s%s", at ? ", " : "", module->name);
}

/* --rtol asks for adaptive steps. */
static tr_status set_sde_steps(sample_run *run) {
  sample_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  tr_sampler *s = &run->sampler;
  if (isnan(o->rtol) && isnan(o->atol)) return TR_OK;
  if (isnan(o->rtol))
    return TR_FAIL(ctx, TR_E_ARG, "--atol without --rtol: it is --rtol that asks for adaptive steps");
  if (!s->sde.method->error) {
    char names[256];
    with_estimate(ctx, names, sizeof names);
    return TR_FAIL(ctx, TR_E_ARG, "--rtol: %s has no error estimate of a step; these have one: %s", o->method,
                   names);
  }
  if (o->noise)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--noise holds the normals of numbered steps, and the steps of --rtol are not known before: give one "
        "of the two");
  if (isnan(o->atol)) o->atol = o->rtol;
  s->sde.rtol = o->rtol;
  s->sde.atol = o->atol;
  sample_warn_unused(run, grid_option_names, o->method, "with --rtol chooses its own steps");
  return TR_OK;
}

static tr_status open_noise(sample_run *run) {
  const sample_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  if (!o->noise) return TR_OK;
  if (run->sampler.sde.method->caps & TR_SDE_LEVY)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--noise holds one normal a step, but %s needs a second for the Levy area: use a method "
                   "such as euler-maruyama",
                   o->method);
  int64_t shape[TR_MAX_DIMS + 1] = {o->num_sampling_steps - 1};
  int ndim = provider_shape(&run->provider, o->num_samples, shape + 1);
  TR_TRY(given_open(ctx, "--noise", o->noise, ndim + 1, shape, &run->noise));
  return file_hash_start(ctx, o->noise, &run->noise_hash);
}

static tr_status set_sde(sample_run *run) {
  sample_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  tr_sampler *s = &run->sampler;
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_SDE_METHOD, o->method, &module));
  s->sde.method = (const tr_sde_method *)module;
  TR_TRY(noised_params(ctx, &o->noised, &o->method_params, true, module, &s->sde.values));
  TR_TRY(set_used(run, module, &s->sde.values));
  TR_TRY(set_diffusion(run));
  TR_TRY(set_last_step(run));
  static const char *const of_last_step[] = {"last-step-size", NULL};
  if (tr_noised_ode_of(s->sde.method)) return sample_set_noised(run);
  sample_warn_noised(run);
  if (s->last.type->identity) sample_warn_unused(run, of_last_step, "the last step", "is None");
  warn_last_step(run);
  TR_TRY(set_sde_steps(run));
  return open_noise(run);
}

bool sample_is_adaptive(const sample_run *run) {
  const tr_sampler *s = &run->sampler;
  if (sample_is_sde(run) && !tr_noised_ode_of(s->sde.method)) return s->sde.rtol > 0;
  return s->ode.method->caps & TR_ODE_ADAPTIVE;
}

/* A run that only draws samples may do so in shards, and one of many does. */
static tr_status set_shards(sample_run *run) {
  const sample_options *o = run->options;
  const bool given = sample_was_given(run, "shard-size");
  const char *more = o->reverse        ? "--reverse keeps states of noise"
                     : o->save_times.n ? "--save-times keeps states on the way"
                     : o->gif          ? "--gif keeps states on the way"
                     : o->with_logp    ? "--with-logp keeps densities"
                                       : NULL;
  if (given && more)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--shard-size is for runs that only draw samples: %s, all of them in memory", more);
  run->in_shards = given || (run->n > SAMPLE_WHOLE_MOST && !more);
  return TR_OK;
}

/* Once the sampler is settled. */
static tr_status set_gif(sample_run *run) {
  static const char *const of_gif[] = {"gif-frames", "gif-samples", "gif-of", NULL};
  if (!run->options->gif) sample_warn_unused(run, of_gif, "an animation", "needs --gif");
  TR_TRY(gif_setup(run->program, run->options, sample_is_sde(run), run->n, &run->provider, &run->pictures,
                   &run->sampler, &run->gif));
  if (!run->options->gif) return TR_OK;
  run->sampler.on_output = put_time;
  run->sampler.out_user = run;
  return TR_OK;
}

tr_status sample_setup(sample_run *run) {
  TR_TRY(tr_sampler_defaults(run->program->ctx, &run->sampler));
  TR_TRY(provider_sample_along(run->program, &run->options->sample_path, &run->options->sample_path_params,
                               &run->provider));
  run->sampler.interpolant = run->provider.along;
  run->sampler.seed = run->options->seed;
  run->sampler.max_nfe = run->options->max_nfe == TR_OPTION_UNSET ? 0 : run->options->max_nfe;
  run->sampler.on_progress = progress_tick;
  run->sampler.progress_user = &run->progress;
  TR_TRY(resolve_eps(run));
  run->sampler.sample_eps = run->options->sample_eps;
  TR_TRY(grid_options_set(run->program->ctx, &sample_table, run->parsed, &run->options->grid,
                          &run->options->num_sampling_steps, &run->sampler, &run->grid_list));
  TR_TRY(set_samples(run));
  TR_TRY(set_flow(run));
  TR_TRY(set_times(run));
  TR_TRY(set_shards(run));
  TR_TRY(sample_is_sde(run) ? set_sde(run) : set_ode(run));
  return set_gif(run);
}

void sample_setup_free(sample_run *run) {
  json_decref(run->batches);
  free(run->batch);
  free(run->convention);
  tr_table_destroy(&run->table);
  free(run->grid_list);
  free(run->restarts);
  file_hash_discard(&run->hash);
  file_hash_discard(&run->init_hash);
  file_hash_discard(&run->noise_hash);
  given_close(&run->init);
  given_close(&run->noise);
  gif_free(&run->gif);
  autoencoder_close(&run->vae);
}
