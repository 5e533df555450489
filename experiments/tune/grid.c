/* transit tune-grid: a time grid for a solver and a number of evaluations. */
#include "experiments/tune/grid.h"

#include <math.h>
#include <stdlib.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/common/param_options.h"
#include "experiments/output/claim.h"

/* ---- before anything is computed ---- */

static tr_status refuse(tune *t, const char *reason) {
  return TR_FAIL(t->program->ctx, TR_E_ARG,
                 "--sampling-method %s %s: give an ODE solver on a fixed grid, such as ab3",
                 TR_SHOW(t->options->method, 80), reason);
}

static tr_status find_method(tune *t) {
  tr_ctx *ctx = t->program->ctx;
  const tr_module *module;
  if (tr_find(ctx, TR_KIND_ODE_METHOD, t->options->method, &module) != TR_OK) {
    tr_error error = *tr_ctx_error(ctx);
    tr_ctx_clear(ctx);
    if (tr_find(ctx, TR_KIND_SDE_METHOD, t->options->method, &module) == TR_OK)
      return refuse(t, "solves SDEs, whose errors are in law and not sample by sample");
    tr_ctx_clear(ctx);
    return TR_FAIL(ctx, error.status, "--sampling-method: %s", TR_SHOW(error.message, 400));
  }
  t->setting.ode = (const tr_ode_method *)module;
  if (t->setting.ode->caps & TR_ODE_ADAPTIVE) return refuse(t, "is adaptive and chooses its own steps");
  if (!t->setting.ode->nfe_per_step) return refuse(t, "has no fixed number of evaluations a step");
  return TR_OK;
}

long tune_nfe_per_step(const tune *t) {
  return (long)t->setting.ode->nfe_per_step * guide_forwards(&t->target.provider.guide);
}

static tr_status check_nfe(tune *t) {
  const long per_step = tune_nfe_per_step(t);
  if (t->options->nfe >= 2 * per_step) return TR_OK;
  return TR_FAIL(t->program->ctx, TR_E_ARG,
                 "--nfe %ld is too small: a step of %s takes %ld, and a grid to choose has two steps or more",
                 t->options->nfe, t->setting.ode->info.name, per_step);
}

static tr_status check_seeds(tune *t) {
  for (int i = 0; i < t->plan.n_seeds; i++)
    for (int j = 0; j < t->pilot_plan.n_seeds; j++)
      if (t->plan.seeds[i] == t->pilot_plan.seeds[j])
        return TR_FAIL(t->program->ctx, TR_E_ARG,
                       "--seeds and --pilot-seeds both have %ld: the seeds that judge must be held out",
                       t->plan.seeds[i]);
  if (t->plan.n_seeds > 1) return TR_OK;
  return TR_FAIL(t->program->ctx, TR_E_ARG, "--seeds %s is one seed: the spread takes two or more",
                 TR_SHOW(t->options->sweep.seeds, 80));
}

/* The method's parameters are complete, and the record has them all. */
static tr_status settle_method(tune *t) {
  const tr_module *method = &t->setting.ode->info;
  TR_TRY(param_settled(t->program->ctx, "method-param", method, &t->setting.values));
  return param_resolve(t->program->ctx, method, &t->setting.values, &t->options->sweep.method_params);
}

/* The plan of a sweep of this one method; its grid is set for each run. */
static tr_status plan(tune *t) {
  tr_ctx *ctx = t->program->ctx;
  sweep_options of_plan = t->options->sweep;
  const char *grid = TR_GRID_DEFAULT, *form = "sigma", *last_step = "Mean";
  long steps = t->options->nfe / tune_nfe_per_step(t);
  const char *name = t->setting.ode->info.name;
  of_plan.solvers = (tr_text_list){1, &name};
  of_plan.time_grids = (tr_text_list){1, &grid};
  of_plan.steps = (tr_int_list){.n = 1, .v = &steps};
  of_plan.forms = (tr_text_list){1, &form}; /* an ODE reads none of these three */
  of_plan.last_steps = (tr_text_list){1, &last_step};
  of_plan.norms = (tr_double_list){1, &of_plan.tight_rtol};
  of_plan.grid_params = (tr_pair_list){0};                               /* those of the rivals */
  of_plan.eta = of_plan.noised.churn = of_plan.noised.churn_noise = NAN; /* no options of this command */
  TR_TRY(sweep_plan_make(ctx, &of_plan, sweep_target_path(&t->target), &t->plan));
  t->setting = t->plan.settings[0];
  TR_TRY(settle_method(t));
  t->pilot_plan = t->plan;
  t->pilot_plan.seeds = NULL;
  t->pilot_plan.n_seeds = 0;
  TR_TRY(sweep_seeds_read(ctx, "pilot-seeds", t->options->pilot_seeds, &t->pilot_plan.seeds,
                          &t->pilot_plan.n_seeds));
  return check_seeds(t);
}

/* That the method works here at all, before the tight solves. */
static tr_status try_method(tune *t) {
  char why[256];
  sweep_scene scene = {.plan = &t->plan, .target = &t->target, .progress = &t->progress, .total_cost = 1};
  tr_status status = sweep_scene_try(&scene, 0, &t->setting, why);
  sweep_scene_free(&scene);
  return status;
}

static tr_status open_folder(tune *t) {
  return claim_open(t->program,
                    &(claim){&tune_table, t->parsed, t->options, &t->options->sweep.machine, false}, &t->dir);
}

static tr_status open_all(tune *t) {
  TR_TRY(sweep_target_open(t->program, &t->options->sweep, &t->target));
  TR_TRY(find_method(t));
  TR_TRY(check_nfe(t));
  TR_TRY(plan(t));
  TR_TRY(tune_add_registered(t));
  TR_TRY(open_folder(t));
  TR_TRY(sweep_target_build(&t->target));
  return try_method(t);
}

/* ---- the runs ---- */

/* Of all that is left, for the progress line. */
static double total_cost(const tune *t) {
  double run = sweep_scene_cost(&t->setting), pilots = t->pilot_plan.n_seeds, held = t->plan.n_seeds;
  return (pilots + held) * (SWEEP_TIGHT_COST + 14 * run) +
         pilots * (4 * TUNE_PILOT_STEPS + TUNE_WARP_RUNS * run);
}

tr_status tune_measure(tune *t, sweep_scenes *scenes, const tune_candidate *c, double *errors, double *rms) {
  sweep_setting setting = t->setting;
  double *all = malloc((size_t)scenes->n * sizeof *all);
  tr_status status =
      all ? TR_OK : TR_FAIL(t->program->ctx, TR_E_MEM, "out of memory for the errors of %d seeds", scenes->n);
  setting.grid = tr_grid_of_points(c->times, c->n);
  if (status == TR_OK) status = sweep_scenes_errors(scenes, &setting, 0, scenes->n, all, NULL);
  for (int i = 0; status == TR_OK && i < scenes->n; i++) {
    if (t->target.exact) all[i] *= scenes->scene[i].end_rms;
    if (errors) errors[i] = all[i];
  }
  if (status == TR_OK) *rms = sweep_scenes_rms(all, scenes->n);
  free(all);
  return status;
}

static tr_status pilot_errors(tune *t) {
  for (int i = 0; i < t->n_candidates; i++)
    TR_TRY(tune_measure(t, &t->pilot, &t->candidate[i], NULL, &t->candidate[i].pilot));
  return TR_OK;
}

static tr_status judge(tune *t) {
  for (int i = 0; i < t->n_candidates; i++) {
    tune_candidate *c = &t->candidate[i];
    TR_TRY(tune_measure(t, &t->held, c, c->errors, &c->held));
  }
  return tune_judge(t->program->ctx, t->candidate, t->n_candidates, t->plan.n_seeds, &t->chosen);
}

static tr_status run_all(tune *t) {
  double cost = total_cost(t);
  TR_TRY(sweep_scenes_open(&t->pilot_plan, &t->target, &t->progress, cost, &t->pilot));
  TR_TRY(tune_add_densities(t));
  TR_TRY(pilot_errors(t));
  TR_TRY(tune_add_warped(t));
  TR_TRY(pilot_errors(t));
  TR_TRY(sweep_scenes_open(&t->plan, &t->target, &t->progress, cost, &t->held));
  return judge(t);
}

/* ---- the command ---- */

static void report(const tune *t) {
  const tune_candidate *c = &t->candidate[t->chosen], *uniform = &t->candidate[0];
  tune_print_table(t, stdout);
  if (t->chosen)
    printf("chosen: %s, error %.3g against %.3g of uniform (factor %.3f) at %ld evaluations of %s\n", c->name,
           c->held, uniform->held, c->held / uniform->held, t->setting.steps * tune_nfe_per_step(t),
           t->setting.solver);
  else
    printf("uniform is better: no grid beats its error %.3g by more than the spread over seeds, at %ld "
           "evaluations of %s\n",
           uniform->held, t->setting.steps * tune_nfe_per_step(t), t->setting.solver);
  printf("wrote %s/grid.txt (%d times), table.md, run.json\n", t->options->sweep.machine.out, c->n);
}

static void close_all(tune *t) {
  for (int i = 0; i < t->n_candidates; i++) {
    free(t->candidate[i].times);
    free(t->candidate[i].errors);
  }
  out_dir_discard(&t->dir);
  sweep_scenes_close(&t->held);
  sweep_scenes_close(&t->pilot);
  free(t->pilot_plan.seeds);
  sweep_plan_free(&t->plan);
  sweep_target_close(&t->target);
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  tune t = {.program = p, .parsed = parsed, .options = values, .started = program_seconds()};
  tr_status status = open_all(&t);
  if (status == TR_OK) {
    progress_start(&t.progress);
    status = run_all(&t);
    progress_end(&t.progress);
  }
  if (status == TR_OK) status = tune_save(&t);
  if (status == TR_OK) report(&t);
  close_all(&t);
  return status;
}

const command command_tune_grid = {
    .table = &tune_table, .run = run, .results = (const char *const[]){"grid.txt", "table.md", NULL}};
