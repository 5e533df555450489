/* What a sweep finds in its folder: manifest.json and results.csv; and the rows of an ablation. */
#include <stdlib.h>

#include "experiments/ablate/rows.h"
#include "experiments/sweep/manifest.h"
#include "experiments/sweep/rows.h"
#include "tests/fuzz/fuzz.h"

static program p = {.command = "sweep"};
static sweep_options options;
static tr_parsed parsed;
static sweep_target target;
static sweep_plan plan;

/* A sweep of an exact target with ODE and SDE, an adaptive method and a fixed grid; it runs nothing. */
static void set_up(void) {
  char *words[] = {"--target",     "gmm:d=2,modes=2,std=0.2",
                   "--solvers",    "dopri5,euler,shark",
                   "--steps",      "2,4",
                   "--rtol",       "1e-2",
                   "--path-types", "Linear,VP",
                   "--seeds",      "0:2",
                   "--out",        (char *)fuzz_folder()};
  if (p.ctx) return;
  p.ctx = fuzz_context();
  target = (sweep_target){.program = &p, .options = &options, .exact = true};
  if (tr_options_parse(p.ctx, &sweep_table, sizeof words / sizeof *words, words, &options, &parsed) !=
          TR_OK ||
      mixture_of(p.ctx, options.target, &target.mixture) != TR_OK ||
      sweep_plan_make(p.ctx, &options, NULL, &plan) != TR_OK)
    abort();
  options.model.prediction = "velocity";
  options.num_samples = 16;
}

static void rows_of_ablation(const char *path) {
  static ablate_options ablation;
  static ablate_plan cells;
  tr_parsed unused;
  ablate_rows rows;
  char *words[] = {"--paths", "Linear,VP", "--predictions", "velocity,noise", "--seeds", "0:2"};
  if (!cells.n_cells && (tr_options_parse(p.ctx, &ablate_table, sizeof words / sizeof *words, words,
                                          &ablation, &unused) != TR_OK ||
                         ablate_plan_make(p.ctx, &ablation, &cells) != TR_OK))
    abort();
  fuzz_check(ablate_rows_open(p.ctx, &cells, path, &rows));
  ablate_rows_close(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sweep_rows rows;
  bool resumed;
  set_up();
  const claim what = {&sweep_table, &parsed, &options, &options.machine, NULL};
  fuzz_check(sweep_rows_open(p.ctx, &plan, fuzz_file_in("results.csv", data, size), &rows));
  sweep_rows_close(&rows);
  rows_of_ablation(fuzz_file_in("results.csv", data, size));
  fuzz_file_in("manifest.json", data, size);
  fuzz_check(sweep_manifest_claim(&p, &what, &target, &plan, &resumed));
  return 0;
}
