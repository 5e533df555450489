/* The record of a training that is gone on with: its options in force are those of then and of now. */
#include <stdlib.h>

#include "experiments/train/run.h"
#include "tests/fuzz/fuzz.h"

static void resume(int n, const char *const *words) {
  train_options options = {0};
  program p = {.ctx = fuzz_context(), .command = "train"};
  train_run run = {.program = &p, .options = &options, .words = json_array()};
  for (int i = 0; i < n; i++) json_array_append_new(run.words, json_string(words[i]));
  if (tr_options_parse(p.ctx, &train_table, n, (char *const *)words, &options, &run.parsed) != TR_OK) abort();
  fuzz_check(train_resume_options(&run));
  tr_options_free(&train_table, run.options);
  json_decref(run.words);
  json_decref(run.record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *const others[] = {"--resume", fuzz_folder(),  "--lr",        "0.5",         "--max-steps",
                                "9",        "--path-param", "sigma_max=3", "--ema-decay", "0.5,0.25"};
  const char *const moved[] = {"--resume", fuzz_folder(), "--max-minutes", "3", "--data-path", fuzz_folder()};
  fuzz_file_in("run.json", data, size);
  resume(2, others);
  resume(sizeof others / sizeof *others, others);
  resume(sizeof moved / sizeof *moved, moved);
  return 0;
}
