/* Averages by a power of the step (nets/train/power.h): which there are, and files of them for transit ema.
 */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "experiments/train/run.h"
#include "nets/train/power.h"

/* Files are named by widths. */
static tr_status check_widths(const train_run *run, const tr_double_list *widths) {
  for (int i = 0; i < widths->n; i++)
    for (int k = 0; k < i; k++)
      if (fabs(widths->v[i] - widths->v[k]) < 1e-5 * widths->v[i])
        return TR_FAIL(run->program->ctx, TR_E_ARG, "--ema-sigma-rel has %g twice", widths->v[i]);
  return TR_OK;
}

tr_status train_averages(train_run *run, tr_trainer_options *out) {
  const train_options *o = run->options;
  const int n = o->ema_decay.n, powers = o->ema_sigma_rel.n;
  size_t used = 0;
  if (n + powers > TR_NN_AVERAGES)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--ema-decay has %d entries and --ema-sigma-rel %d: at most %d averages together", n,
                   powers, TR_NN_AVERAGES);
  if (!powers)
    program_warn_idle(run->program->ctx, &train_table, &run->parsed, (const char *const[]){"ema-every", NULL},
                      "it is of --ema-sigma-rel");
  TR_TRY(check_widths(run, &o->ema_sigma_rel));
  out->n_averages = n + powers;
  for (int i = 0; i < out->n_averages; i++) {
    const bool power = i >= n;
    *(power ? &out->sigma_rel[i] : &out->keep[i]) = power ? o->ema_sigma_rel.v[i - n] : o->ema_decay.v[i];
    used +=
        (size_t)snprintf(run->averages + used, sizeof run->averages - used, "%s%s%.17g", i ? ", " : "",
                         power ? "sigma-rel " : "", power ? o->ema_sigma_rel.v[i - n] : o->ema_decay.v[i]);
  }
  return TR_OK;
}

/* A checkpoint's averages of other kinds are no beginning for these. */
tr_status train_averages_from(train_run *run, const tr_checkpoint *checkpoint) {
  const char *told = tr_checkpoint_arg(checkpoint, TRAIN_AVERAGES);
  const int n = run->options->ema_decay.n;
  if (!run->options->ema_sigma_rel.n || (told && strcmp(told, run->averages) == 0)) return TR_OK;
  tr_ctx_warn(
      run->program->ctx,
      "--ckpt '%s' has no averages by --ema-sigma-rel: these begin anew, and count its parameters as those "
      "of all %lld steps before",
      TR_SHOW(run->options->ckpt, 200), (long long)tr_trainer_steps(run->trainer));
  for (int i = n; tr_trainer_average(run->trainer, i); i++)
    TR_TRY(tr_array_copy(tr_params_values(tr_net_params(run->net)), tr_trainer_average(run->trainer, i)));
  return TR_OK;
}

bool train_snapshots_due(const train_run *run) {
  const train_options *o = run->options;
  const int64_t steps = tr_trainer_steps(run->trainer),
                every = o->ema_every == TR_OPTION_UNSET ? o->ckpt_every : o->ema_every;
  return o->ema_sigma_rel.n > 0 && (steps % every == 0 || steps == run->last);
}

tr_status train_snapshots_write(train_run *run) {
  const train_options *o = run->options;
  const long long steps = (long long)tr_trainer_steps(run->trainer);
  tr_saved_arg args[TRAIN_MOST_ARGS];
  char name[96], path[TRAIN_PATH];
  const int n = train_files_args(run, args);
  for (int i = 0; i < o->ema_sigma_rel.n; i++) {
    snprintf(name, sizeof name, "ema/%07lld-%g.safetensors", steps, o->ema_sigma_rel.v[i]);
    TR_TRY(train_files_path(run, name, path));
    TR_TRY(tr_trainer_export(run->trainer, o->ema_decay.n + i, path, n, args));
  }
  return train_files_say(run, "step %lld: wrote %d snapshot%s into ema", steps, o->ema_sigma_rel.n,
                         PLURAL(o->ema_sigma_rel.n));
}
