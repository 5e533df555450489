/* Which network is trained: by a name, or by sizes given one by one. This is the one place of the program
 * that knows what sizes the kinds have. */
#include <string.h>

#include "experiments/train/run.h"

static long or (long value, long otherwise) {
  return value == TR_OPTION_UNSET ? otherwise : value;
}

/* Sizes without a name are for a network without one. */
static tr_status check_model_options(const train_run *run) {
  const train_options *o = run->options;
  const struct {
    const char *name;
    long value;
  } own[] = {{"hidden", o->hidden}, {"depth", o->depth}, {"num-heads", o->num_heads}, {"patch", o->patch}};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (o->model && own[i].value != TR_OPTION_UNSET)
      return TR_FAIL(run->program->ctx, TR_E_ARG, "--%s %ld: --model %s has its own", own[i].name,
                     own[i].value, o->model);
  return TR_OK;
}

static tr_status configure_vectors(train_run *run) {
  static const char *const of_images[] = {"model", "patch", "num-heads", "learn-sigma"};
  train_options *o = run->options;
  const train_data *d = &run->data;
  for (size_t i = 0; i < sizeof of_images / sizeof *of_images && !o->resume; i++)
    if (tr_option_given(&train_table, &run->parsed, of_images[i]))
      return TR_FAIL(run->program->ctx, TR_E_ARG,
                     "--%s is for images: states of %lld numbers get an MLP, with --hidden and --depth",
                     of_images[i], (long long)d->shape[0]);
  o->hidden = or (o->hidden, 64);
  o->depth = or (o->depth, 3);
  const tr_net_size sizes[] = {
      {"dim", (int)d->shape[0]},       {"hidden", (int)o->hidden},
      {"depth", (int)o->depth},        {"time_frequencies", 32},
      {"num_classes", d->num_classes}, {"null_class", d->num_classes ? d->num_classes : -1}};
  return tr_net_configure_sizes(run->program->ctx, "mlp", sizeof sizes / sizeof *sizes, sizes, &run->config);
}

static tr_status configure_images(train_run *run) {
  train_options *o = run->options;
  const train_data *d = &run->data;
  tr_ctx *ctx = run->program->ctx;
  const bool sigma = strcmp(o->learn_sigma, "true") == 0;
  if (!d->num_classes)
    return TR_FAIL(ctx, TR_E_ARG,
                   "the data has no labels: a SiT needs classes (one for all will do: `labels` of zeros)");
  if (o->model) {
    const tr_net_size open[] = {{"channels", (int)d->shape[0]},
                                {"latent_size", (int)d->shape[1]},
                                {"latent_width", (int)d->shape[2]},
                                {"num_classes", d->num_classes},
                                {"learn_sigma", sigma}};
    return tr_net_configure_named(ctx, o->model, sizeof open / sizeof *open, open, &run->config);
  }
  o->hidden = or (o->hidden, 64);
  o->depth = or (o->depth, 6);
  o->num_heads = or (o->num_heads, 4);
  o->patch = or (o->patch, 2);
  for (int i = 1; i < 3; i++)
    if (d->shape[i] % o->patch)
      return TR_FAIL(ctx, TR_E_ARG, "--patch %ld: states of side %lld cannot be cut so", o->patch,
                     (long long)d->shape[i]);
  const tr_net_size sizes[] = {{"channels", (int)d->shape[0]},
                               {"out_channels", (int)d->shape[0] * (1 + sigma)},
                               {"patch", (int)o->patch},
                               {"grid", (int)(d->shape[1] / o->patch)},
                               {"grid_width", d->shape[1] == d->shape[2] ? 0 : (int)(d->shape[2] / o->patch)},
                               {"hidden", (int)o->hidden},
                               {"depth", (int)o->depth},
                               {"heads", (int)o->num_heads},
                               {"mlp_hidden", 4 * (int)o->hidden},
                               {"time_frequencies", 256},
                               {"num_classes", d->num_classes},
                               {"null_class", d->num_classes}};
  return tr_net_configure_sizes(ctx, "sit", sizeof sizes / sizeof *sizes, sizes, &run->config);
}

tr_status train_network_configure(train_run *run) {
  TR_TRY(check_model_options(run));
  return run->data.ndim == 1 ? configure_vectors(run) : configure_images(run);
}
