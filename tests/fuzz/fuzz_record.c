/* The record that a run finds in its folder, run.json or manifest.json, with and without --force. */
#include <stdlib.h>
#include <string.h>

#include "experiments/likelihood/options.h"
#include "experiments/output/claim.h"
#include "experiments/sample/options.h"
#include "experiments/train/options.h"
#include "tests/fuzz/fuzz.h"

/* A command with options, which run nothing. */
typedef struct {
  const tr_option_table *table;
  size_t machine; /* offset of its machine_options */
  int n;
  char *words[8];
  void *values;
  tr_parsed parsed;
} user;

static user users[] = {
    {&sample_table,
     offsetof(sample_options, machine),
     5,
     {"SDE", "--ckpt", "a.pt", "--seed", "3"},
     NULL,
     {0}},
    {&likelihood_table,
     offsetof(likelihood_options, machine),
     4,
     {"--ckpt", "a.pt", "--data", "b.npz"},
     NULL,
     {0}},
    {&train_table,
     offsetof(train_options, machine),
     4,
     {"--data-path", "b.npz", "--max-steps", "9"},
     NULL,
     {0}},
};

static void set_up(user *u) {
  if (u->values) return;
  u->values = calloc(1, u->table->values_size);
  if (!u->values ||
      tr_options_parse(fuzz_context(), u->table, u->n, u->words, u->values, &u->parsed) != TR_OK)
    abort();
}

static void claim_as(user *u, bool force) {
  program p = {.ctx = fuzz_context(), .command = u->table->name};
  out_dir *numbered;
  set_up(u);
  machine_options *machine = (machine_options *)((char *)u->values + u->machine);
  machine->out = fuzz_folder();
  machine->force = force;
  fuzz_check(claim_folder(&p, &(claim){u->table, &u->parsed, u->values, machine, false}, &numbered));
  if (numbered) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[] = {"run.json", "manifest.json"};
  for (int n = 0; n < 2; n++)
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
      for (int force = 0; force < 2; force++) {
        fuzz_file_in(names[n], data, size);
        claim_as(&users[i], force);
        fuzz_remove_in(names[n]);
      }
  return 0;
}
