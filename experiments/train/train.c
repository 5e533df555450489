/* transit train: trains a network. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/common/machine_options.h"
#include "experiments/output/machine.h"
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
  if (o->wandb && o->no_wandb)
    return TR_FAIL(run->program->ctx, TR_E_ARG, "--wandb and --no-wandb: give one of them");
  if (o->resume && tr_option_given(&train_table, &run->parsed, "out"))
    return TR_FAIL(run->program->ctx, TR_E_ARG, "--out '%s': --resume goes on in its own folder",
                   TR_SHOW(o->machine.out, 200));
  if (o->resume) TR_TRY(train_resume_options(run));
  TR_TRY(train_ranks_rows(run));
  TR_TRY(machine_open_network(run->program, &o->machine, (uint64_t)o->seed, &run->dtype, &run->products));
  TR_TRY(train_data_open(run));
  if (o->resume) TR_TRY(train_resume_data(run));
  TR_TRY(train_setup(run));
  if (o->resume)
    TR_TRY(train_resume_state(run));
  else if (o->ckpt)
    TR_TRY(train_ckpt_state(run));
  return TR_OK;
}

/* Data, network and trainer, on every rank; then the folder. */
static tr_status begin(train_run *run) {
  TR_TRY(train_ranks_options(run));
  TR_TRY(train_ranks_agree(run, open_all(run)));
  TR_TRY(train_ranks_begin(run));
  run->saved = run->begun;
  TR_TRY(train_ranks_first(run, train_evaluate_open));
  TR_TRY(train_ranks_first(run, train_files_open));
  run->program->at_work = true;
  return TR_OK;
}

static void print_beginning(const train_run *run) {
  char text[400], ranks[400];
  if (run->program->rank) return;
  printf("%s\n%lld parameters, %lld inputs, %lld steps of %ld rows into %s%s\n",
         tr_net_config_say(&run->config, text, sizeof text),
         (long long)tr_params_count(tr_net_params(run->net), true), (long long)run->data.n,
         (long long)run->last, run->options->batch, run->folder, train_ranks_say(run, ranks));
  if (run->begun || run->options->resume) printf("going on from step %lld\n", (long long)run->begun);
  fflush(stdout);
}

/* ---- steps ---- */

static tr_status take_step(train_run *run) {
  tr_train_batch batch;
  const double begun = program_seconds();
  TR_TRY(train_ranks_agree(run, train_data_batch(run, tr_trainer_steps(run->trainer), &batch)));
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

/* Ranks that have drifted apart leave no checkpoint. */
static tr_status save(train_run *run) {
  TR_TRY(tr_trainer_same(run->trainer));
  TR_TRY(train_ranks_first(run, train_files_checkpoint));
  run->saved = tr_trainer_steps(run->trainer);
  return TR_OK;
}

/* What the first rank writes behind a step. */
static tr_status after_step(train_run *run, progress *bar) {
  if (run->program->rank) return TR_OK;
  TR_TRY(log_step(run));
  progress_tick((double)run->report.step, (long)(run->report.step - run->begun), bar);
  return train_snapshots_due(run) ? train_snapshots_write(run) : TR_OK;
}

/* A checkpoint is written before the samples of its step are drawn and measured: what was ended in between is
 * made by the run that goes on from there. */
static tr_status make_up(train_run *run) {
  run->report.step = run->begun;
  const bool samples = train_preview_due(run) && !train_preview_there(run),
             numbers = train_evaluate_due(run) && !train_files_evaluated(run, run->begun);
  run->made_up = samples || numbers;
  if (samples) TR_TRY(train_preview(run));
  return numbers ? train_evaluate(run) : TR_OK;
}

/* Steps until the last, or until a signal or the clock ends the run. */
static tr_status take_steps(train_run *run, progress *bar) {
  TR_TRY(train_ranks_end(run, TR_OK));
  if (run->options->resume && run->begun && !run->ending) TR_TRY(train_ranks_first(run, make_up));
  while (tr_trainer_steps(run->trainer) < run->last && !run->ending) {
    TR_TRY(take_step(run));
    TR_TRY(train_ranks_end(run, after_step(run, bar)));
    if (run->report.step % run->options->ckpt_every == 0) TR_TRY(save(run));
    if (train_preview_due(run)) TR_TRY(train_ranks_first(run, train_preview));
    if (train_evaluate_due(run)) TR_TRY(train_ranks_first(run, train_evaluate));
  }
  return TR_OK;
}

/* A signal ends the step under way, which then has not happened, on any rank. */
static tr_status train(train_run *run) {
  progress bar;
  run->started = program_seconds();
  progress_start(&bar);
  bar.unit = "steps";
  bar.shown = bar.shown && run->program->rank == 0;
  progress_part(&bar, 1, (double)run->begun, (double)run->last);
  tr_status status = take_steps(run, &bar);
  progress_end(&bar);
  if (status == TR_E_INTERRUPTED && (program_signal() || run->program->comm)) {
    tr_ctx_clear(run->program->ctx);
    status = TR_OK;
  }
  if (status == TR_OK && tr_trainer_steps(run->trainer) > run->saved) status = save(run);
  return train_ranks_lost(run, status);
}

static void print_end(const train_run *run) {
  const int64_t steps = tr_trainer_steps(run->trainer), skipped = tr_loader_skipped(run->data.loader);
  const bool whole = steps >= run->last;
  if (run->program->rank) return;
  if (run->begun >= run->last && !run->made_up) {
    printf("there was nothing to do: the training in '%s' has taken %lld steps of %lld\n",
           TR_SHOW(run->folder, 200), (long long)steps, (long long)run->last);
    return;
  }
  printf("%s at step %lld of %lld", whole ? "finished" : "stopped", (long long)steps, (long long)run->last);
  if (steps > run->begun && run->data.loader)
    printf(", %.1f %% of the time waiting for data",
           100 * train_data_wait(run, 0, program_seconds() - run->started));
  if (skipped) printf(", %lld image%s skipped", (long long)skipped, PLURAL(skipped));
  printf(": ");
  if (steps == 0)
    printf("no step was taken and no checkpoint written, --resume begins\n");
  else
    printf("%s/checkpoints/%07lld.pt and .safetensors%s\n", run->folder, (long long)steps,
           whole ? "" : ", --resume goes on");
  if (machine_peak_device(run->program->ctx) > 0) machine_print_memory(run->program->ctx);
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
  train_evaluate_close(run);
  autoencoder_close(&run->vae);
  tr_trainer_destroy(&run->trainer);
  tr_net_destroy(&run->net);
  tr_net_config_clear(&run->config);
  train_data_close(&run->data);
  json_decref(run->words);
  free(run->newest);
  tr_options_free(&train_table, run->options);
  memset(run->options, 0, sizeof *run->options);
  json_decref(run->record);
}

static tr_status run_train(program *p, const tr_parsed *parsed, void *values) {
  train_run run = {.program = p, .parsed = *parsed, .options = values};
  tr_status status = note_words(&run);
  if (status == TR_OK) status = begin(&run);
  if (status == TR_OK) {
    print_beginning(&run);
    status = train(&run);
  }
  wandb_finish(&run.wandb, status == TR_OK ? 0 : 1);
  if (status == TR_OK) print_end(&run);
  close_all(&run);
  return status;
}

const command command_train = {
    .table = &train_table,
    .run = run_train,
    .ranks = true,
    .results = (const char *const[]){"checkpoints", "ema", "samples", "metrics.jsonl", "log.txt", NULL}};
