/* transit ablate: trains a grid of paths, predictions and loss weights, and compares what came of it. */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/ablate/crew.h"
#include "experiments/ablate/report/summary.h"
#include "experiments/commands.h"
#include "experiments/common/machine_options.h"
#include "experiments/common/progress.h"
#include "experiments/files/paths.h"
#include "experiments/output/run_record.h"
#include "experiments/output/staging.h"
#include "experiments/results/manifest.h"
#include "experiments/sweep/target.h"
#include "transport/path/interval.h"

typedef struct {
  program *program;
  const tr_parsed *parsed;
  ablate_options *options;
  ablate_target target;
  ablate_plan plan;
  ablate_setting setting;
  ablate_training probe; /* an untrained one, of the first run: shows what all are like */
  ablate_rows rows;
  progress progress;
  int64_t parameters;
  long steps_left;
  int before; /* rows that were there */
  bool resumed;
} ablation;

/* ---- before anything is written ---- */

static tr_status try_cell(ablation *a, const ablate_cell *cell) {
  tr_ctx *ctx = a->probe.program.ctx;
  const tr_prediction_type *prediction;
  tr_interpolant path;
  double t0, t1;
  char text[300];
  TR_TRY(tr_interpolant_find(ctx, cell->path, &path));
  TR_TRY(tr_prediction_find(ctx, cell->prediction, &prediction));
  TR_TRY(tr_interval_train(ctx, &path, prediction->tag, a->probe.options.train_eps, &t0, &t1));
  const tr_status status = ablate_training_try(&a->probe, cell);
  if (status == TR_OK) return TR_OK;
  const tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  return TR_FAIL(ctx, status == TR_E_UNSUPPORTED ? TR_E_ARG : status, "%s: %s",
                 ablate_cell_say(cell, text, sizeof text), TR_SHOW(error.message, 400));
}

static tr_status check_held(const ablation *a) {
  const long told = a->options->likelihood_samples;
  if (a->target.exact || told == TR_OPTION_UNSET || told <= a->target.n_held) return TR_OK;
  return TR_FAIL(a->program->ctx, TR_E_ARG, "--likelihood-samples %ld: --eval-path has %lld inputs", told,
                 (long long)a->target.n_held);
}

/* Opens the first training, to see that everything can be, and what it is judged by. */
static tr_status probe_all(ablation *a) {
  program *own = &a->probe.program;
  *own = (program){.command = a->program->command, .more = a->program->more};
  a->probe.setting = &a->setting;
  TR_TRY(program_open(own, a->options->machine.device, 0, (int)a->options->machine.threads));
  machine_turn_graphs(own, &a->options->machine);
  TR_TRY(ablate_training_open(&a->probe, 0));
  if (!a->target.exact) TR_TRY(ablate_target_hold(&a->target, &a->probe.run));
  a->parameters = tr_params_count(tr_net_params(a->probe.run.net), true);
  for (int c = 0; c < a->plan.n_cells; c++) TR_TRY(try_cell(a, &a->plan.cells[c]));
  return TR_OK;
}

/* ---- the folder ---- */

static json_t *target_record(const ablation *a) {
  const ablate_target *t = &a->target;
  if (t->exact) return sweep_mixture_record(&t->mixture);
  return json_pack("{s:s, s:s, s:I}", "data_sha256", t->sha256, "eval_sha256", t->held_sha256, "eval_inputs",
                   (json_int_t)t->n_held);
}

static json_t *names_of_cells(const ablate_plan *plan) {
  json_t *names = json_array();
  char name[ABLATE_KEY_MAX];
  for (int run = 0; run < ablate_plan_runs(plan); run++) {
    ablate_plan_name(plan, run, name);
    json_array_append_new(names, json_string(name));
  }
  return names;
}

/* Everything that makes it again: the options of each training stand under "training", but for what its name
 * says. */
static json_t *record_of(ablation *a) {
  json_t *record = record_create(a->program, &ablate_table, a->parsed, a->options);
  json_object_set_new(record, "target", target_record(a));
  json_object_set_new(record, "network", record_sizes(&a->probe.run.config));
  json_object_set_new(record, "parameters", json_integer(a->parameters));
  json_object_set_new(record, "training",
                      record_options(&train_table, &a->probe.run.parsed, &a->probe.options));
  json_object_set_new(record, "cells", names_of_cells(&a->plan));
  return record;
}

static tr_status claim_all(ablation *a) {
  static const manifest_content contents[] = {{"target", "the target differs, or what the data hold"},
                                              {"network", "the network differs"},
                                              {NULL, NULL}};
  const claim what = {&ablate_table, a->parsed, a->options, &a->options->machine, true};
  out_dir *numbered;
  TR_TRY(claim_folder(a->program, &what, &numbered));
  json_t *record = record_of(a);
  tr_status status =
      manifest_claim(a->program, &(manifest){&what, record, "ablation", contents, NULL}, &a->resumed);
  json_decref(record);
  if (status == TR_OK && numbered) return out_dir_commit(a->program->ctx, &numbered);
  out_dir_discard(&numbered);
  return status;
}

static void warn_idle(const ablation *a, const char *name, bool used, const char *why) {
  const char *const names[] = {name, NULL};
  if (!used) program_warn_idle(a->program->ctx, &ablate_table, a->parsed, names, why);
}

/* The names have been looked up: what is not found was an error before. */
static void warn_all_idle(const ablation *a) {
  const ablate_options *o = a->options;
  const tr_ctx *ctx = a->program->ctx;
  const tr_ode_method *ode = (const tr_ode_method *)tr_module_named(ctx, TR_KIND_ODE_METHOD, o->ode_method);
  const bool adaptive = ode && ode->caps & TR_ODE_ADAPTIVE;
  const bool exact = o->trace && strcmp(o->trace, "exact") == 0;
  warn_idle(a, "rtol", adaptive, "the ODE method walks a fixed grid");
  warn_idle(a, "ode-steps", !adaptive, "the ODE method chooses its own steps");
  warn_idle(a, "probes", !exact, "the exact trace has no probes");
  warn_idle(a, "last-step-size", strcmp(o->last_step, "None") != 0, "there is no last step");
}

static tr_status prepare(ablation *a) {
  ablate_options *o = a->options;
  program *p = a->program;
  char path[MANIFEST_PATH_MAX];
  TR_TRY(machine_open_network(p, &o->machine, 0, &a->setting.dtype, &a->setting.products));
  TR_TRY(ablate_target_open(p->ctx, o, &a->target));
  TR_TRY(ablate_plan_make(p->ctx, o, &a->plan));
  TR_TRY(ablate_words_read(p->ctx, o, &a->setting.words));
  TR_TRY(ablate_carry_error(p->ctx, probe_all(a), &a->probe.program));
  TR_TRY(check_held(a));
  warn_all_idle(a);
  TR_TRY(claim_all(a));
  ablate_training_close(&a->probe);
  tr_ctx_close(&a->probe.program.ctx);
  TR_TRY(manifest_path(p->ctx, o->machine.out, "results.csv", path, sizeof path));
  return ablate_rows_open(p->ctx, &a->plan, path, &a->rows);
}

/* ---- the trainings ---- */

/* Its files, and when they are there its row. */
static tr_status keep(void *user, ablate_training *t) {
  ablation *a = user;
  tr_ctx *ctx = a->program->ctx;
  char cells[MANIFEST_PATH_MAX], folder[MANIFEST_PATH_MAX], name[ABLATE_KEY_MAX];
  ablate_plan_name(&a->plan, t->number, name);
  TR_TRY(manifest_path(ctx, a->options->machine.out, "cells", cells, sizeof cells));
  TR_TRY(manifest_path(ctx, cells, name, folder, sizeof folder));
  TR_TRY(path_make_folder(ctx, cells));
  staging_remove(folder); /* what a killed run left */
  TR_TRY(path_make_folder(ctx, folder));
  TR_TRY(ablate_carry_error(ctx, ablate_training_save(t, folder), &t->program));
  return ablate_rows_add(ctx, &a->rows, t->number, &t->result);
}

static void show(void *user, long steps) {
  ablation *a = user;
  snprintf(a->progress.what, sizeof a->progress.what, "%d of %d trainings are done", a->rows.n_done,
           ablate_plan_runs(&a->plan));
  progress_tick((double)steps / (double)a->steps_left, steps, &a->progress);
}

/* By the steps: judging takes its share of the time of each. */
static double time_left(const void *user, double seconds, double fraction, long steps) {
  (void)user, (void)steps;
  return fraction > 0 ? seconds * (1 - fraction) / fraction : (double)NAN;
}

static tr_status interrupted(ablation *a) {
  const ablate_options *o = a->options;
  const bool given = o->machine.out != o->machine.numbered;
  tr_ctx_clear(a->program->ctx);
  return TR_FAIL(a->program->ctx, TR_E_INTERRUPTED,
                 "interrupted: %d of %d trainings are in %s, the same command%s%s completes them",
                 a->rows.n_done, ablate_plan_runs(&a->plan), TR_SHOW(o->machine.out, 200),
                 given ? "" : " with --out ", given ? "" : o->machine.out);
}

static tr_status run_all(ablation *a) {
  const ablate_crew crew = {.setting = &a->setting,
                            .rows = &a->rows,
                            .threads = (int)a->options->machine.threads,
                            .on_done = keep,
                            .on_wake = show,
                            .user = a};
  a->steps_left = (ablate_plan_runs(&a->plan) - a->rows.n_done) * a->options->max_steps;
  progress_start(&a->progress);
  a->progress.heartbeat = PROGRESS_HEARTBEAT;
  a->progress.name = TR_PROGRAM " ablate";
  a->progress.left = time_left;
  progress_part(&a->progress, 1, 0, 1);
  tr_status status = ablate_crew_run(a->program, &crew);
  progress_end(&a->progress);
  return status == TR_E_INTERRUPTED ? interrupted(a) : status;
}

/* ---- results ---- */

static void print_beginning(const ablation *a) {
  const ablate_plan *plan = &a->plan;
  const int all = ablate_plan_runs(plan);
  printf("%d training%s: %d combination%s, %d seed%s each; %lld parameters, %ld steps of %ld rows\n", all,
         PLURAL(all), plan->n_cells, PLURAL(plan->n_cells), plan->n_seeds, PLURAL(plan->n_seeds),
         (long long)a->parameters, a->options->max_steps, a->options->batch);
  if (plan->n_cells < plan->n_combinations)
    printf("%d combinations are %d training%s a seed: a velocity's loss has weight 1 whatever --loss-weights "
           "says\n",
           plan->n_combinations, plan->n_cells, PLURAL(plan->n_cells));
  if (plan->n_seeds == 1) printf("one seed: table.md has no intervals, and nothing tells the best\n");
  if (a->resumed) printf("%d of %d rows %s there already\n", a->before, all, all == 1 ? "is" : "are");
  fflush(stdout);
}

static tr_status report(ablation *a) {
  const ablate_report of = {a->program->ctx, &a->rows, a->options, &a->target, a->parameters};
  bool drawn;
  TR_TRY(ablate_rows_settle(a->program->ctx, &a->rows));
  TR_TRY(ablate_write_table(&of));
  TR_TRY(ablate_write_plot(&of, &drawn));
  printf("wrote %s/results.csv (%d row%s), manifest.json, table.md, cells/ and errors.%s\n",
         a->options->machine.out, a->rows.n_done, PLURAL(a->rows.n_done),
         drawn ? "png" : "dat and errors.gp (gnuplot draws it)");
  return TR_OK;
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  ablation a = {.program = p, .parsed = parsed, .options = values};
  a.setting = (ablate_setting){.options = a.options, .plan = &a.plan, .target = &a.target};
  tr_status status = prepare(&a);
  a.before = a.rows.n_done;
  if (status == TR_OK) print_beginning(&a);
  if (status == TR_OK) status = run_all(&a);
  if (status == TR_OK) status = report(&a);
  ablate_training_close(&a.probe);
  tr_ctx_close(&a.probe.program.ctx);
  ablate_rows_close(&a.rows);
  ablate_words_free(&a.setting.words);
  ablate_plan_free(&a.plan);
  ablate_target_close(&a.target);
  return status;
}

const command command_ablate = {
    .table = &ablate_table,
    .run = run,
    .pieces = (const char *const[]){"results.csv", "table.md", "errors.*", "cells", NULL}};
