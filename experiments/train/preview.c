/* Samples while training: --sample-every. */
#include <stdlib.h>

#include "experiments/files/paths.h"
#include "experiments/train/run.h"

#define PREVIEW_TAG "samples"

bool train_preview_due(const train_run *run) {
  const long every = run->options->sample_every;
  return every != TR_OPTION_UNSET && run->report.step % every == 0;
}

/* ---- files ---- */

/* Samples are one of two kinds of files, numbered by their step. */
static tr_status sample_path(const train_run *run, bool picture, char name[64], char path[TRAIN_PATH]) {
  snprintf(name, 64, "samples/%07lld.%s", (long long)run->report.step, picture ? "png" : "npz");
  return train_files_path(run, name, path);
}

bool train_preview_there(const train_run *run) {
  char name[64], path[TRAIN_PATH];
  for (int picture = 0; picture < 2; picture++)
    if (sample_path(run, picture, name, path) == TR_OK && path_is_file(path)) return true;
  return false;
}

/* ---- showing ---- */

static tr_status show(train_run *run, const char *name, const char *path, bool picture) {
  const int64_t step = run->report.step;
  if (picture) {
    TR_TRY(events_image(run->events, PREVIEW_TAG, step, path));
    wandb_image(run->wandb, step, PREVIEW_TAG, path);
  }
  return train_files_say(run, "step %lld: wrote %s", (long long)step, name);
}

static tr_status write_samples(train_run *run, sample_result *r) {
  tr_ctx *ctx = run->program->ctx;
  const bool picture = r->pixels != NULL;
  char name[64], path[TRAIN_PATH];
  TR_TRY(sample_path(run, picture, name, path));
  TR_TRY(picture ? sample_result_write_png(ctx, r, path) : sample_result_write_npz(ctx, r, path));
  return show(run, name, path, picture);
}

/* All in one batch. */
static tr_status draw_and_write(train_run *run, sample_result *r) {
  const long n = run->options->num_samples;
  const train_drawing what = {.n = n, .batch = n, .cfg_scale = run->options->cfg_scale};
  TR_TRY(train_draw_prepare(run, n, true, r));
  const tr_status status = train_draw(run, &what, r, NULL);
  return status == TR_OK ? write_samples(run, r) : train_forgive(run, "samples", status);
}

tr_status train_preview(train_run *run) {
  sample_result result = {0};
  const tr_status status = draw_and_write(run, &result);
  sample_result_free(&result);
  return status;
}

void train_preview_settle(train_run *run) {
  static const char *const own[] = {"cfg-scale", "num-samples", NULL},
                           *const shared[] = {"num-sampling-steps", "sample-eps", NULL},
                           *const scale[] = {"cfg-scale", NULL};
  train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  const bool guided = tr_net_info_of(run->net)->null_class >= 0;
  if (o->sample_every == TR_OPTION_UNSET)
    program_warn_idle(ctx, &train_table, &run->parsed, own, "it is of --sample-every");
  else if (!guided)
    program_warn_idle(ctx, &train_table, &run->parsed, scale, "the network has no null class");
  if (o->sample_every == TR_OPTION_UNSET && o->evaluate_every == TR_OPTION_UNSET)
    program_warn_idle(ctx, &train_table, &run->parsed, shared,
                      "it is of --sample-every and --evaluate-every");
  if (!guided) o->cfg_scale = 1;
}
