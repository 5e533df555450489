/* Training on several ranks under mpirun: who has which rows, who writes, and how all come to the same end.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/train/run.h"

/* ---- shares ---- */

tr_status train_ranks_rows(train_run *run) {
  const tr_comm *comm = run->program->comm;
  const long ranks = comm ? tr_comm_size(comm) : 1, batch = run->options->batch;
  if (batch % ranks)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--global-batch-size %ld: %ld ranks cannot share its rows alike, use a multiple of %ld",
                   batch, ranks, ranks);
  run->rows = batch / ranks;
  run->first = run->rows * tr_comm_rank(comm);
  return TR_OK;
}

/* ---- agreement ---- */

tr_status train_ranks_agree(train_run *run, tr_status status) {
  return ranks_agree(run->program, status);
}

tr_status train_ranks_first(train_run *run, tr_status (*what)(train_run *run)) {
  return train_ranks_agree(run, run->program->rank == 0 ? what(run) : TR_OK);
}

/* Where its data lies and on how many threads it works is for each rank. */
tr_status train_ranks_options(train_run *run) {
  static const char *const own[] = {"data-path", "threads", "num-workers", NULL};
  return ranks_same_options(run->program, &train_table, &run->parsed, run->options, own);
}

static tr_status check_data(train_run *run) {
  bool alike;
  TR_TRY(tr_comm_alike(run->program->comm, run->data.sha256, sizeof run->data.sha256, &alike));
  return alike ? TR_OK
               : TR_FAIL(run->program->ctx, TR_E_IO,
                         "--data-path '%s' holds other data for one rank than for another",
                         TR_SHOW(run->options->data_path, 200));
}

tr_status train_ranks_begin(train_run *run) {
  if (!run->program->comm) return TR_OK;
  TR_TRY(check_data(run));
  TR_TRY(tr_trainer_share(run->trainer));
  run->begun = tr_trainer_steps(run->trainer);
  return ranks_devices(run->program, run->devices);
}

/* ---- the end ---- */

static bool out_of_time(const train_run *run) {
  const double minutes = run->options->max_minutes;
  return run->program->rank == 0 && isfinite(minutes) && program_seconds() - run->started >= 60 * minutes;
}

tr_status train_ranks_end(train_run *run, tr_status status) {
  double ending = program_signal() || out_of_time(run);
  TR_TRY(train_ranks_agree(run, status));
  if (run->program->comm) TR_TRY(tr_comm_reduce(run->program->comm, TR_COMM_MAX, 1, &ending));
  run->ending = ending != 0;
  return TR_OK;
}

tr_status train_ranks_lost(train_run *run, tr_status status) {
  char left[300] = "there is no checkpoint yet";
  tr_ctx *ctx = run->program->ctx;
  if (!tr_comm_lost(run->program->comm)) return status;
  const tr_error error = *tr_ctx_error(ctx);
  if (run->saved)
    snprintf(left, sizeof left, "--resume goes on from checkpoints/%07lld.pt", (long long)run->saved);
  tr_ctx_clear(ctx);
  return TR_FAIL(ctx, status, "%s; step %lld has not happened, %s", error.message,
                 (long long)tr_trainer_steps(run->trainer) + 1, left);
}

/* ---- words ---- */

const char *train_ranks_say(const train_run *run, char text[400]) {
  const json_t *told = json_object_get(run->record, "ranks");
  const long ranks = run->program->comm ? tr_comm_size(run->program->comm) : 1,
             before = json_is_integer(told) ? (long)json_integer_value(told) : 1;
  text[0] = 0;
  if (ranks > 1)
    snprintf(text, 320, ", on %ld ranks with %ld thread%s each%s", ranks, run->options->machine.threads,
             PLURAL(run->options->machine.threads), run->devices);
  if (run->options->resume && ranks != before)
    snprintf(text + strlen(text), 60, "%s(%ld before: the same to rounding)",
             ranks > 1 ? " " : ", on 1 rank ", before);
  return text;
}
