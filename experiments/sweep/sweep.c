/* transit sweep: errors of solvers against their evaluations, on exact targets or a checkpoint. */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/common/noised.h"
#include "experiments/sweep/manifest.h"
#include "experiments/sweep/report/summary.h"
#include "experiments/sweep/scene.h"

typedef struct {
  program *program;
  const tr_parsed *parsed;
  sweep_options *options;
  sweep_target target;
  sweep_plan plan;
  sweep_rows rows;
  sweep_scene scene;
  sweep_tight tight;
  sweep_forecast forecast;
  progress progress;
  bool resumed;
} sweep;

/* ---- before anything is written ---- */

static void warn_unused(const sweep *s, const char *const *names, bool used, const char *why) {
  if (!used) program_warn_idle(s->program->ctx, &sweep_table, s->parsed, names, why);
}

/* What some setting of the sweep reads. */
typedef struct {
  bool ode, clock, grid, form, table, last, last_size, churn, restart, restart_steps;
} readers;

static readers find_readers(const sweep_plan *plan) {
  readers any = {false};
  for (int i = 0; i < plan->n_settings; i++) {
    const sweep_setting *s = &plan->settings[i];
    any.ode |= s->ode != NULL;
    any.clock |= s->ode || s->inner;
    any.grid |= s->grid.type != NULL;
    any.form |= s->diffusion.type != NULL;
    any.table |= s->diffusion.table != NULL;
    any.last |= s->last.type != NULL;
    any.last_size |= s->last.type && !s->last.type->identity;
    any.churn |= s->sde && noised_has(s->sde, NOISED_CHURN);
    any.restart |= s->sde && noised_has(s->sde, NOISED_RESTARTS);
    any.restart_steps |= s->sde && noised_has(s->sde, NOISED_RESTARTS) && !s->adaptive;
  }
  return any;
}

static void warn_one_unused(const sweep *s, const char *name, bool used, const char *why) {
  warn_unused(s, (const char *const[]){name, NULL}, used, why);
}

static void warn_noised_unused(const sweep *s, const readers *any) {
  const tr_ctx *ctx = s->program->ctx;
  char names[200], why[256];
  noised_names(ctx, NOISED_CHURN, "or", names, sizeof names);
  snprintf(why, sizeof why, "no solver is %s", names);
  warn_unused(s, noised_of_churn, any->churn, why);
  noised_names(ctx, NOISED_RESTARTS, "or", names, sizeof names);
  snprintf(why, sizeof why, "no solver is %s", names);
  warn_unused(s, noised_of_restart, any->restart, why);
  snprintf(why, sizeof why, "the ODE methods in %s choose their own steps", names);
  warn_one_unused(s, "restart-steps", any->restart_steps || !any->restart, why);
}

static void warn_all_unused(const sweep *s) {
  static const char *const of_forms[] = {
      "diffusion-forms", "diffusion-norms", "form-param", "eta", "diffusion-table", NULL};
  static const char *const of_last_steps[] = {"last-steps", "last-step-param", NULL};
  readers any = find_readers(&s->plan);
  bool sde = sweep_plan_has_sde(&s->plan);
  bool ode_adaptive = sweep_plan_has_adaptive(&s->plan, false);
  bool solves = s->target.exact ? any.ode && s->target.mixture.K > 1 : any.ode || sde;
  const char *no_sde = sde ? NULL : "no solver is one of SDEs";
  warn_one_unused(s, "rtol", ode_adaptive, "no ODE solver is adaptive");
  warn_one_unused(s, "atol", ode_adaptive || sweep_plan_has_adaptive(&s->plan, true),
                  "no solver is adaptive");
  warn_one_unused(s, "steps", sweep_plan_has_fixed(&s->plan), "every solver chooses its own steps");
  warn_one_unused(s, "grid-param", any.grid, "every solver chooses its own steps");
  warn_one_unused(s, "clock", any.clock, "no solver solves an ODE");
  warn_one_unused(s, "tight-rtol", solves, "there is no tight solve");
  warn_unused(s, of_forms, any.form, no_sde ? no_sde : "no solver has a diffusion form");
  warn_unused(s, of_last_steps, any.last, no_sde ? no_sde : "no solver has a last step");
  warn_one_unused(s, "last-step-size", any.last_size, no_sde ? no_sde : "no solver has a last step but None");
  warn_noised_unused(s, &any);
  warn_one_unused(s, "tight-sets", sde && !s->target.exact,
                  "only SDEs on a checkpoint are compared with sets of tight solves");
  warn_one_unused(s, "diffusion-table", any.table || !any.form, "no diffusion form reads a table");
}

/* Warnings of a run go into its row; those of the trials nowhere, the runs repeat them. */
static void keep_warning(const char *message, void *user) {
  sweep_scene *scene = user;
  snprintf(scene->warning, sizeof scene->warning, "%s", TR_SHOW(message, 255));
}

static bool was_noted(const sweep_plan *plan, int path, int before, const char *text) {
  for (int i = 0; i < before; i++)
    if (sweep_plan_noted(plan, path, i) && strcmp(sweep_plan_noted(plan, path, i), text) == 0) return true;
  return false;
}

/* A last step that multiplies noise is said once, and in table.md. */
static tr_status note_last_step(sweep *s, int path, int setting) {
  char text[400];
  bool multiplies;
  if (!s->plan.settings[setting].last.type) return TR_OK;
  TR_TRY(sweep_scene_last_step(&s->scene, path, &s->plan.settings[setting], &multiplies, text, sizeof text));
  if (!multiplies) return TR_OK;
  if (!was_noted(&s->plan, path, setting, text))
    program_say(s->program, "warning: on %s, %s", s->plan.paths[path].type->info.name, text);
  return sweep_plan_note(s->program->ctx, &s->plan, path, setting, text);
}

/* One path and setting. *refused: the first error of this kind, when it cannot work. */
static tr_status try_one(sweep *s, int path, int setting, tr_error *refused) {
  tr_ctx *ctx = s->program->ctx;
  char why[256];
  tr_status status = sweep_scene_try(&s->scene, path, &s->plan.settings[setting], why);
  if (status == TR_OK) return note_last_step(s, path, setting);
  if (status != TR_E_ARG) return status;
  if (refused->status == TR_OK) *refused = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  return sweep_plan_skip(ctx, &s->plan, path, setting, why);
}

/* What cannot work is left out, and said; it is an error where nothing is left. */
static tr_status try_all(sweep *s) {
  tr_ctx *ctx = s->program->ctx;
  tr_error refused = {.status = TR_OK};
  tr_ctx_on_warning(ctx, keep_warning, &s->scene);
  s->scene.total_cost = 1;
  for (int path = 0; path < s->plan.n_paths; path++)
    for (int i = 0; i < s->plan.n_settings; i++) TR_TRY(try_one(s, path, i, &refused));
  int left = sweep_plan_wanted(&s->plan), skipped = sweep_plan_runs(&s->plan) - left;
  if (left == 0) return TR_FAIL(ctx, TR_E_ARG, "%s", refused.message);
  if (skipped > 0)
    program_say(s->program,
                "warning: %d of %d runs cannot work and are skipped (table.md says why), such as %s", skipped,
                skipped + left, refused.message);
  return TR_OK;
}

/* The folder, which a sweep that goes on finds again, and its manifest. */
static tr_status claim_all(sweep *s) {
  const claim what = {&sweep_table, s->parsed, s->options, &s->options->machine, true};
  out_dir *numbered;
  TR_TRY(claim_folder(s->program, &what, &numbered));
  tr_status status = sweep_manifest_claim(s->program, &what, &s->target, &s->plan, &s->resumed);
  if (status == TR_OK && numbered) return out_dir_commit(s->program->ctx, &numbered);
  out_dir_discard(&numbered);
  return status;
}

static tr_status prepare(sweep *s) {
  tr_ctx *ctx;
  char path[SWEEP_PATH_MAX];
  TR_TRY(sweep_target_open(s->program, s->options, &s->target));
  ctx = s->program->ctx;
  TR_TRY(sweep_plan_make(ctx, s->options, sweep_target_path(&s->target), &s->plan));
  warn_all_unused(s);
  TR_TRY(sweep_target_build(&s->target));
  TR_TRY(try_all(s));
  TR_TRY(claim_all(s));
  TR_TRY(sweep_tight_open(&s->target, &s->progress, &s->tight));
  TR_TRY(sweep_file(ctx, s->options, "results.csv", path, sizeof path));
  s->scene.forecast = &s->forecast;
  return sweep_rows_open(ctx, &s->plan, path, &s->rows);
}

/* ---- the runs ---- */

/* Whether a row of this scene is missing; of an ODE only. */
static bool misses(const sweep *s, int scene, bool ode) {
  for (int i = 0; i < s->plan.n_settings; i++) {
    int run = scene * s->plan.n_settings + i;
    if (!s->rows.results[run].done && sweep_plan_wants(&s->plan, run) && (!ode || s->plan.settings[i].ode))
      return true;
  }
  return false;
}

static void count_tight(sweep *s, const sweep_tight_key *key) {
  if (!sweep_tight_has(&s->tight, key)) s->forecast.tight_left++;
}

/* The tight solves that missing rows of a path need. */
static void count_path(sweep *s, int path) {
  const tr_interpolant *along = &s->plan.paths[path];
  bool any = false;
  for (int seed = 0; seed < s->plan.n_seeds; seed++) {
    int scene = path * s->plan.n_seeds + seed;
    any = any || misses(s, scene, false);
    if (sweep_scene_solves(&s->scene) && misses(s, scene, true))
      count_tight(s, &(sweep_tight_key){along, s->plan.seeds[seed], 0});
  }
  for (int k = 0; any && k < sweep_scene_path_sets(&s->scene); k++)
    count_tight(s, &(sweep_tight_key){along, -1, k});
}

/* What is left to do. */
static tr_status count_all(sweep *s) {
  TR_TRY(sweep_forecast_open(s->program->ctx, s->plan.n_settings, &s->forecast));
  for (int i = 0; i < s->plan.n_settings; i++)
    s->forecast.runs[i].cost = sweep_scene_cost(&s->plan.settings[i]);
  for (int run = 0; run < sweep_plan_runs(&s->plan); run++)
    if (!s->rows.results[run].done && sweep_plan_wants(&s->plan, run))
      s->forecast.runs[run % s->plan.n_settings].left++;
  for (int path = 0; path < s->plan.n_paths; path++) count_path(s, path);
  return TR_OK;
}

static tr_status interrupted(sweep *s) {
  const sweep_options *o = s->options;
  bool given = o->machine.out != o->machine.numbered;
  tr_ctx_clear(s->program->ctx);
  return TR_FAIL(s->program->ctx, TR_E_INTERRUPTED,
                 "interrupted: %d of %d rows are in %s/results.csv, the same command%s%s completes them",
                 s->rows.n_done, sweep_plan_wanted(&s->plan), TR_SHOW(o->machine.out, 200),
                 given ? "" : " with --out ", given ? "" : o->machine.out);
}

static void say_row(const sweep *s, const sweep_result *r) {
  char error[64] = "";
  bool well = strcmp(r->status, "ok") == 0;
  if (isfinite(r->rms))
    snprintf(error, sizeof error, ", %s %.3g", s->target.exact ? "error" : "relative error",
             s->target.exact ? r->rms : r->relative);
  else if (isfinite(r->sw2))
    snprintf(error, sizeof error, ", sliced Wasserstein-2 distance %.3g", r->sw2);
  program_say(s->program, "%s: %s%s%ld evaluation%s%s, %.3g s%s%s", s->progress.what, well ? "" : r->status,
              well ? "" : " after ", r->nfe, PLURAL(r->nfe), error, r->wall_seconds, *r->message ? ": " : "",
              r->message);
}

static tr_status run_one(sweep *s, int run) {
  int scene = run / s->plan.n_settings;
  sweep_result result;
  TR_TRY(program_check_interrupt(s->program));
  s->scene.row = s->rows.n_done + 1;
  TR_TRY(sweep_scene_set(&s->scene, scene / s->plan.n_seeds, scene % s->plan.n_seeds));
  TR_TRY(sweep_scene_run(&s->scene, &s->plan.settings[run % s->plan.n_settings], &result));
  TR_TRY(sweep_rows_add(s->program->ctx, &s->rows, run, &result));
  if (s->options->verbose) say_row(s, &result);
  return TR_OK;
}

static double forecast_left(const void *user, double seconds, double fraction, long evaluations) {
  return sweep_forecast_left(user, seconds, fraction, evaluations);
}

static void start_progress(sweep *s) {
  progress_start(&s->progress);
  s->progress.heartbeat = PROGRESS_HEARTBEAT;
  s->progress.name = TR_PROGRAM " sweep";
  s->progress.left = forecast_left;
  s->progress.left_user = &s->forecast;
}

static tr_status run_all(sweep *s) {
  tr_status status = TR_OK;
  TR_TRY(count_all(s));
  s->scene.n_rows = sweep_plan_wanted(&s->plan);
  start_progress(s);
  for (int run = 0; status == TR_OK && run < sweep_plan_runs(&s->plan); run++)
    if (!s->rows.results[run].done && sweep_plan_wants(&s->plan, run)) status = run_one(s, run);
  progress_end(&s->progress);
  return status == TR_E_INTERRUPTED ? interrupted(s) : status;
}

static tr_status write_table(sweep *s) {
  char path[SWEEP_PATH_MAX];
  TR_TRY(sweep_file(s->program->ctx, s->options, "table.md", path, sizeof path));
  return sweep_write_table(s->program->ctx, &s->rows, s->options, path);
}

static tr_status report(sweep *s) {
  const sweep_options *o = s->options;
  int n_plots;
  bool drawn;
  TR_TRY(write_table(s));
  TR_TRY(sweep_write_plots(s->program->ctx, &s->rows, o, &n_plots, &drawn));
  if (s->tight.loaded + s->tight.made > 0)
    printf("tight solves: %ld made, %ld taken from the folder\n", s->tight.made, s->tight.loaded);
  printf("wrote %s/results.csv (%d row%s), manifest.json, table.md and %d plot%s\n", o->machine.out,
         s->rows.n_done, PLURAL(s->rows.n_done), n_plots, PLURAL(n_plots));
  if (n_plots && !drawn)
    printf("no picture was drawn: gnuplot is missing or failed (Debian: apt-get install gnuplot-nox), then "
           "'gnuplot NAME.gp' in "
           "%s draws it\n",
           o->machine.out);
  return TR_OK;
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  sweep s = {.program = p, .parsed = parsed, .options = values};
  s.scene = (sweep_scene){.plan = &s.plan,
                          .target = &s.target,
                          .progress = &s.progress,
                          .tight = &s.tight,
                          .path = -1,
                          .seed = -1};
  tr_status status = prepare(&s);
  int before = s.rows.n_done, wanted = status == TR_OK ? sweep_plan_wanted(&s.plan) : 0;
  if (status == TR_OK && s.resumed)
    printf("%d of %d row%s %s there already\n", before, wanted, PLURAL(wanted), wanted == 1 ? "is" : "are");
  if (status == TR_OK) status = run_all(&s);
  if (status == TR_OK) status = report(&s);
  sweep_forecast_free(&s.forecast);
  sweep_scene_free(&s.scene);
  sweep_rows_close(&s.rows);
  sweep_plan_free(&s.plan);
  sweep_target_close(&s.target);
  return status;
}

const command command_sweep = {.table = &sweep_table,
                               .run = run,
                               .pieces =
                                   (const char *const[]){"results.csv", "table.md", "work-precision-*",
                                                         "covariance-*", "sliced-w2-*", "tight-*", NULL}};
