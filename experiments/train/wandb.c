/* The run of Weights & Biases that --wandb asks for. */
#include "experiments/output/run_record.h"
#include "experiments/train/run.h"

tr_status train_wandb_start(train_run *run) {
  return run->options->wandb ? wandb_start(run->program->ctx, &run->wandb) : TR_OK;
}

/* A run of its own, or the one that the training had. */
tr_status train_wandb_begin(train_run *run) {
  const json_t *before = json_object_get(run->record, "wandb");
  if (!run->wandb) {
    run->wandb_told = json_deep_copy(before);
    return TR_OK;
  }
  json_t *config = record_options(&train_table, &run->parsed, run->options);
  tr_status status = wandb_begin(run->wandb, run->folder, json_string_value(json_object_get(before, "id")),
                                 config, &run->wandb_told);
  json_decref(config);
  return status;
}
