/* The network, the loss and the trainer of a run. */
#include <math.h>
#include <string.h>

#include "experiments/common/param_options.h"
#include "experiments/train/run.h"
#include "nets/model.h"
#include "transport/path/interval.h"

/* ---- the path ---- */

static tr_status set_path(train_run *run) {
  train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  tr_interpolant *path = &run->interpolant;
  TR_TRY(tr_interpolant_find(ctx, o->path_type, path));
  for (int i = 0; i < path->type->info.n_params; i++)
    tr_model_path_arg(path->type->info.params[i].name, run->path_args[i], sizeof run->path_args[i]);
  return param_take(ctx, "path-param", &path->type->info, &o->path_params, &path->values);
}

/* ---- the network ---- */

/* The weights of --init-weights, which must fit. */
static tr_status begin_with_weights(train_run *run, const tr_net_options *options) {
  tr_checkpoint *checkpoint;
  tr_tensors weights;
  tr_ctx *ctx = run->program->ctx;
  TR_TRY(tr_checkpoint_open(ctx, run->options->init_weights, &checkpoint));
  tr_status status = train_check_told(run, checkpoint, run->options->init_weights);
  if (status == TR_OK) status = tr_checkpoint_weights(ctx, checkpoint, NULL, &weights);
  if (status == TR_OK) status = tr_net_create(ctx, &run->config, options, &weights, &run->net);
  tr_checkpoint_close(&checkpoint);
  return train_file_error(run, run->options->init_weights, status);
}

static tr_status make_network(train_run *run) {
  const train_options *o = run->options;
  const tr_net_options options = {.dtype = run->dtype, .products = run->products, .trained = true};
  TR_TRY(train_network_configure(run));
  if (o->init_weights && !run->newest)
    TR_TRY(begin_with_weights(run, &options));
  else
    TR_TRY(tr_net_create_random(run->program->ctx, &run->config, &options, TR_NET_INITIAL, (uint64_t)o->seed,
                                &run->net));
  return o->recompute ? tr_net_set_recompute(run->net, true) : TR_OK;
}

/* ---- the trainer ---- */

static tr_status set_loss(train_run *run, tr_loss *loss) {
  const train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  loss->interpolant = run->interpolant;
  TR_TRY(tr_prediction_find(ctx, o->prediction, &loss->prediction));
  if (!loss->prediction->target)
    return TR_FAIL(ctx, TR_E_ARG, "--prediction %s has no target to train on", o->prediction);
  return tr_loss_weight_find(ctx, o->loss_weight, &loss->weight);
}

static tr_status set_times(train_run *run, const tr_loss *loss, tr_time_law *law) {
  train_options *o = run->options;
  TR_TRY(tr_interval_train(run->program->ctx, &loss->interpolant, loss->prediction->tag, o->train_eps,
                           &law->t0, &law->t1));
  if ((o->time_mean != 0 || o->time_std != 1) && strcmp(o->time_sampling, "logit-normal") != 0)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--time-mean and --time-std are of --time-sampling logit-normal, not of %s",
                   o->time_sampling);
  if (!isfinite(o->time_mean + 8 * o->time_std) || fabs(o->time_mean) > 100 || o->time_std > 100)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--time-mean %g and --time-std %g: use -100 to 100, and at most 100", o->time_mean,
                   o->time_std);
  law->mean = o->time_mean;
  law->deviation = o->time_std;
  for (int i = 0; tr_time_sampling_name((tr_time_sampling)i); i++)
    if (strcmp(tr_time_sampling_name((tr_time_sampling)i), o->time_sampling) == 0)
      law->sampling = (tr_time_sampling)i;
  return TR_OK;
}

/* The step after which the run ends. */
static tr_status find_last(train_run *run) {
  const train_options *o = run->options;
  const int64_t each = train_data_steps(run);
  run->last = each ? each * o->epochs : run->data.drawn;
  if (o->max_steps != TR_OPTION_UNSET && o->max_steps < run->last) run->last = o->max_steps;
  return run->last < UINT32_MAX
             ? TR_OK
             : TR_FAIL(run->program->ctx, TR_E_ARG, "%lld steps: at most 2^32 - 2 (--epochs, --max-steps)",
                       (long long)run->last);
}

static void set_schedule(const train_run *run, tr_schedule *s) {
  const train_options *o = run->options;
  *s = (tr_schedule){.rate = o->lr, .warmup = o->warmup, .steps = run->last};
  if (strcmp(o->lr_schedule, tr_schedule_name(TR_SCHEDULE_COSINE)) == 0) s->kind = TR_SCHEDULE_COSINE;
}

static tr_status make_trainer(train_run *run) {
  train_options *o = run->options;
  tr_trainer_options t;
  tr_trainer_defaults(&t);
  t.seed = (uint64_t)o->seed;
  TR_TRY(set_loss(run, &t.loss));
  TR_TRY(set_times(run, &t.loss, &t.times));
  TR_TRY(find_last(run));
  set_schedule(run, &t.schedule);
  TR_TRY(train_averages(run, &t));
  t.beta1 = o->betas.v[0];
  t.beta2 = o->betas.v[1];
  t.decay = o->weight_decay;
  if (isfinite(o->clip_grad)) t.clip = o->clip_grad;
  t.label_dropout = tr_net_info_of(run->net)->null_class >= 0 ? o->label_dropout : 0;
  t.batch = o->batch;
  t.first = run->first;
  t.rows = run->rows;
  t.rows_at_once = (run->rows + o->accumulate - 1) / o->accumulate;
  run->prediction = t.loss.prediction;
  t.comm = run->program->comm;
  return tr_trainer_create(run->net, &t, &run->trainer);
}

/* ---- what is for something else ---- */

/* Told when a training begins: one that goes on has been. */
static tr_status check_idle(const train_run *run) {
  static const char *const of_drawing[] = {"flip",          "image-size", "epochs",   "label-dropout",
                                           "time-sampling", "time-mean",  "time-std", NULL};
  const train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  if (o->draws && !o->data_path)
    program_warn_idle(ctx, &train_table, &run->parsed, of_drawing, "every step is that of --draws");
  if (run->data.num_classes) return TR_OK;
  if (o->num_classes != TR_OPTION_UNSET)
    return TR_FAIL(ctx, TR_E_ARG, "--num-classes %ld: the data has no labels", o->num_classes);
  if (tr_option_given(&train_table, &run->parsed, "label-dropout") && o->label_dropout > 0)
    return TR_FAIL(ctx, TR_E_ARG, "--label-dropout %g: the data has no labels that could be dropped",
                   o->label_dropout);
  return TR_OK;
}

/* Of what the states are, or, of latents, by the autoencoder of those who draw. Samples that are compared
 * with the data are not decoded for it. */
static tr_status set_pictures(train_run *run) {
  static const char *const idle[] = {"vae", "tiles", NULL}, *const of_vae[] = {"tiles", NULL};
  const train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  const bool samples = o->sample_every != TR_OPTION_UNSET, evaluates = o->evaluate_every != TR_OPTION_UNSET;
  const bool draws = samples || (evaluates && o->evaluate_reference);
  int64_t shape[TR_MAX_DIMS];
  const int ndim = tr_net_states(tr_net_info_of(run->net), 1, shape);
  run->pictures = pictures_of_pixels(ndim, shape);
  run->pictures_of_states = pictures_any(&run->pictures);
  if (!draws)
    program_warn_idle(ctx, &train_table, &run->parsed, idle,
                      evaluates ? "samples are compared with the states of --data-path as they are"
                                : "it is of --sample-every and --evaluate-every");
  if (draws && !o->vae.vae) program_warn_idle(ctx, &train_table, &run->parsed, of_vae, "it is of --vae");
  if (!draws || !o->vae.vae || run->program->rank) return TR_OK;
  run->pictures_of_states = false;
  TR_TRY(pictures_open(run->program, &o->vae, run->dtype, run->products, ndim, shape, &run->vae,
                       &run->pictures));
  return file_hash_finish(ctx, &run->vae.hash);
}

tr_status train_setup(train_run *run) {
  if (!run->options->resume) TR_TRY(check_idle(run));
  TR_TRY(set_path(run));
  TR_TRY(make_network(run));
  TR_TRY(make_trainer(run));
  TR_TRY(set_pictures(run));
  train_preview_settle(run);
  train_evaluate_settle(run);
  return train_data_prepare(run);
}
