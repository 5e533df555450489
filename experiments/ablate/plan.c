#include "experiments/ablate/plan.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/sweep/plan.h"
#include "transport/loss/loss.h"

static void add_weights(const ablate_options *o, ablate_plan *plan, ablate_cell cell) {
  for (int w = 0; w < (cell.unweighted ? 1 : o->weights.n); w++) {
    cell.weight = o->weights.v[w];
    plan->cells[plan->n_cells++] = cell;
  }
}

static tr_status add_predictions(tr_ctx *ctx, const ablate_options *o, ablate_plan *plan, const char *path) {
  for (int i = 0; i < o->predictions.n; i++) {
    const tr_prediction_type *prediction;
    TR_TRY(tr_prediction_find(ctx, o->predictions.v[i], &prediction));
    if (!prediction->target)
      return TR_FAIL(ctx, TR_E_ARG, "--predictions: %s has no target to train on", o->predictions.v[i]);
    add_weights(o, plan, (ablate_cell){path, o->predictions.v[i], NULL, prediction->unweighted});
  }
  return TR_OK;
}

tr_status ablate_plan_make(tr_ctx *ctx, const ablate_options *o, ablate_plan *out) {
  *out = (ablate_plan){.n_combinations = o->paths.n * o->predictions.n * o->weights.n};
  TR_TRY(sweep_seeds_read(ctx, "seeds", o->seeds, &out->seeds, &out->n_seeds));
  out->cells = calloc((size_t)out->n_combinations, sizeof *out->cells);
  if (!out->cells) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d combinations", out->n_combinations);
  for (int i = 0; i < o->paths.n; i++) TR_TRY(add_predictions(ctx, o, out, o->paths.v[i]));
  if ((double)out->n_cells * out->n_seeds > 1e6)
    return TR_FAIL(ctx, TR_E_ARG, "%d combinations with %d seeds: 1e6 trainings at most", out->n_cells,
                   out->n_seeds);
  return TR_OK;
}

void ablate_plan_free(ablate_plan *plan) {
  free(plan->cells);
  free(plan->seeds);
  *plan = (ablate_plan){0};
}

int ablate_plan_runs(const ablate_plan *plan) {
  return plan->n_cells * plan->n_seeds;
}

const ablate_cell *ablate_plan_cell(const ablate_plan *plan, int run) {
  return &plan->cells[run / plan->n_seeds];
}

long ablate_plan_seed(const ablate_plan *plan, int run) {
  return plan->seeds[run % plan->n_seeds];
}

const char *ablate_cell_weight(const ablate_cell *cell) {
  return cell->unweighted ? "any" : cell->weight;
}

const char *ablate_cell_say(const ablate_cell *cell, char *text, size_t size) {
  snprintf(text, size, "%s, %s%s%s", cell->path, cell->prediction, cell->unweighted ? "" : ", ",
           cell->unweighted ? "" : cell->weight);
  return text;
}

void ablate_plan_key(const ablate_plan *plan, int run, char key[ABLATE_KEY_MAX]) {
  const ablate_cell *cell = ablate_plan_cell(plan, run);
  snprintf(key, ABLATE_KEY_MAX, "%.96s,%.96s,%.96s,%ld", cell->path, cell->prediction,
           ablate_cell_weight(cell), ablate_plan_seed(plan, run));
}

void ablate_plan_name(const ablate_plan *plan, int run, char name[ABLATE_KEY_MAX]) {
  const ablate_cell *cell = ablate_plan_cell(plan, run);
  snprintf(name, ABLATE_KEY_MAX, "%.96s-%.96s-%.96s-s%ld", cell->path, cell->prediction,
           ablate_cell_weight(cell), ablate_plan_seed(plan, run));
}
