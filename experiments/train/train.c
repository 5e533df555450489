/* transit train: trains a network. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/common/machine_options.h"
#include "experiments/train/run.h"

static tr_status open_all(train_run *run) {
  train_options *o = run->options;
  if (o->resume && o->ckpt)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--resume and --ckpt: the first goes on in a folder, the second from a file: give one");
  if (o->init_weights && (o->ckpt || o->resume))
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--init-weights begins a training, --%s goes on with one: give one",
                   o->ckpt ? "ckpt" : "resume");
  if (o->resume && tr_option_given(&train_table, &run->parsed, "out"))
    return TR_FAIL(run->program->ctx, TR_E_ARG, "--out '%s': --resume goes on in its own folder",
                   TR_SHOW(o->machine.out, 200));
  if (o->resume) TR_TRY(train_resume_options(run));
  TR_TRY(machine_open_network(run->program, &o->machine, (uint64_t)o->seed, &run->dtype, &run->products));
  run->rows = o->batch;
  TR_TRY(train_data_open(run));
  if (o->resume) TR_TRY(train_resume_data(run));
  TR_TRY(train_setup(run));
  if (o->resume)
    TR_TRY(train_resume_state(run));
  else if (o->ckpt)
    TR_TRY(train_ckpt_state(run));
  return train_files_open(run);
}

static void print_beginning(const train_run *run) {
  char text[400];
  printf("%s\n%lld parameters, %lld inputs, %lld steps of %ld rows into %s\n",
         tr_net_config_say(&run->config, text, sizeof text),
         (long long)tr_params_count(tr_net_params(run->net), true), (long long)run->data.n,
         (long long)run->last, run->options->batch, run->folder);
  if (run->begun) printf("going on from step %lld\n", (long long)run->begun);
  fflush(stdout);
}

/* ---- steps ---- */

static tr_status take_step(train_run *run) {
  tr_train_batch batch;
  const double begun = program_seconds();
  TR_TRY(train_data_batch(run, tr_trainer_steps(run->trainer), &batch));
  TR_TRY(tr_trainer_step(run->trainer, &batch, &run->report));
  run->spent += program_seconds() - begun;
  run->window.steps++;
  run->window.loss += run->report.loss;
  run->window.grad_norm += run->report.grad_norm;
  return TR_OK;
}

static tr_status log_step(train_run *run) {
  if (run->report.step % run->options->log_every != 0) return TR_OK;
  TR_TRY(train_files_log(run));
  run->window = (train_window){0};
  run->spent = 0;
  run->waited = tr_loader_waited(run->data.loader);
  return TR_OK;
}

static bool out_of_time(const train_run *run) {
  const double minutes = run->options->max_minutes;
  return isfinite(minutes) && program_seconds() - run->started >= 60 * minutes;
}

/* Steps until the last, or until a signal or the clock ends the run. *saved: the step of the last checkpoint.
 */
static tr_status take_steps(train_run *run, progress *bar, int64_t *saved) {
  while (tr_trainer_steps(run->trainer) < run->last && !program_signal() && !out_of_time(run)) {
    TR_TRY(take_step(run));
    TR_TRY(log_step(run));
    progress_tick((double)run->report.step, (long)(run->report.step - run->begun), bar);
    if (train_snapshots_due(run)) TR_TRY(train_snapshots_write(run));
    if (run->report.step % run->options->ckpt_every == 0) {
      TR_TRY(train_files_checkpoint(run));
      *saved = run->report.step;
    }
    if (train_preview_due(run)) TR_TRY(train_preview(run));
  }
  return TR_OK;
}

/* A signal ends the step under way, which then has not happened. */
static tr_status train(train_run *run) {
  progress bar;
  int64_t saved = run->begun;
  run->started = program_seconds();
  progress_start(&bar);
  progress_part(&bar, 1, (double)run->begun, (double)run->last);
  tr_status status = take_steps(run, &bar, &saved);
  progress_end(&bar);
  if (status == TR_E_INTERRUPTED && program_signal()) {
    tr_ctx_clear(run->program->ctx);
    status = TR_OK;
  }
  if (status == TR_OK && tr_trainer_steps(run->trainer) > saved) status = train_files_checkpoint(run);
  return status;
}

static void print_end(const train_run *run) {
  const int64_t steps = tr_trainer_steps(run->trainer);
  const bool whole = steps >= run->last;
  printf("%s at step %lld of %lld", whole ? "finished" : "stopped", (long long)steps, (long long)run->last);
  if (steps > run->begun && run->data.loader)
    printf(", %.1f %% of the time waiting for data",
           100 * train_data_wait(run, 0, program_seconds() - run->started));
  if (tr_loader_skipped(run->data.loader))
    printf(", %lld images skipped", (long long)tr_loader_skipped(run->data.loader));
  printf(": ");
  if (run->begun >= run->last)
    printf("there was nothing to do\n");
  else if (steps == 0)
    printf("no step was taken and no checkpoint written\n");
  else
    printf("%s/checkpoints/%07lld.pt and .safetensors%s\n", run->folder, (long long)steps,
           whole ? "" : ", --resume goes on");
}

/* ---- the command ---- */

static tr_status note_words(train_run *run) {
  run->words = json_array();
  for (int i = 2; i < run->program->argc; i++) {
    json_t *word = json_string(run->program->argv[i]);
    if (!word) return TR_FAIL(run->program->ctx, TR_E_ARG, "argument %d is no UTF-8", i);
    json_array_append_new(run->words, word);
  }
  return TR_OK;
}

static void close_all(train_run *run) {
  train_files_close(run);
  tr_trainer_destroy(&run->trainer);
  tr_net_destroy(&run->net);
  tr_net_config_clear(&run->config);
  train_data_close(&run->data);
  json_decref(run->words);
  tr_options_free(&train_table, run->options);
  memset(run->options, 0, sizeof *run->options);
  json_decref(run->record);
}

static tr_status run_train(program *p, const tr_parsed *parsed, void *values) {
  train_run run = {.program = p, .parsed = *parsed, .options = values};
  tr_status status = note_words(&run);
  if (status == TR_OK) status = open_all(&run);
  if (status == TR_OK) {
    print_beginning(&run);
    status = train(&run);
  }
  wandb_finish(&run.wandb, status == TR_OK ? 0 : 1);
  if (status == TR_OK) print_end(&run);
  close_all(&run);
  return status;
}

const command command_train = {.table = &train_table, .run = run_train};
