/* table.md: what an ablation found, as Markdown. */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "experiments/ablate/report/summary.h"
#include "experiments/common/program.h"
#include "experiments/results/manifest.h"
#include "experiments/results/report.h"
#include "integrators/ode/ode.h"

typedef struct {
  FILE *out;
  const ablate_report *of;
  const ablate_rows *rows;
  const ablate_plan *plan;
  ablate_number errors[ABLATE_ERRORS];
} table;

/* ---- what was done ---- */

static void say_learned(const table *t) {
  const ablate_options *o = t->of->options;
  const int seeds = t->plan->n_seeds;
  fprintf(t->out,
          "# Ablation on %s\n\n%d training%s: %d combination%s, %d seed%s each; networks of %lld parameters, "
          "%ld steps of %ld rows, lr %g, %s.",
          TR_SHOW(o->data_path ? o->data_path : o->target, 4095), t->plan->n_cells * seeds,
          PLURAL(t->plan->n_cells * seeds), t->plan->n_cells, PLURAL(t->plan->n_cells), seeds, PLURAL(seeds),
          (long long)t->of->parameters, o->max_steps, o->batch, o->lr, o->machine.dtype);
  if (o->train_args) fprintf(t->out, " Further options: `%s`.", TR_SHOW(o->train_args, 1000));
  if (t->plan->n_cells < t->plan->n_combinations)
    fprintf(t->out,
            " A loss that has weight 1 whatever `--loss-weights` says, as that of a velocity, was trained "
            "once in the place of %d combinations: its weight is called any.",
            t->plan->n_combinations);
  fputs(" One seed gives every combination the same first weights, data, noise and samples, and models are "
        "judged by their running average.\n\n",
        t->out);
}

static void say_solvers(const table *t) {
  const ablate_options *o = t->of->options;
  const tr_module *ode = tr_module_named(t->of->ctx, TR_KIND_ODE_METHOD, o->ode_method);
  fprintf(t->out, "Samples of the ODE are by %s ", o->ode_method);
  if (ode && ((const tr_ode_method *)ode)->caps & TR_ODE_ADAPTIVE)
    fprintf(t->out, "at a tolerance of %g (or the least that %s allows)", o->rtol, o->machine.dtype);
  else
    fprintf(t->out, "in %ld steps", o->ode_steps);
  fprintf(t->out,
          ", those of the SDE by %s in %ld steps with the diffusion coefficient %s (D = %g times it; the "
          "paper's w is 2 D), and then the last step %s, which covers %g. Evaluations a sample: ODE %.4g on "
          "average, SDE %.4g.\n\n",
          o->sde_method, o->sde_steps, o->form, o->norm, o->last_step, o->last_step_size,
          ablate_mean_nfe(t->rows, false), ablate_mean_nfe(t->rows, true));
}

static void say_errors(const table *t) {
  const ablate_options *o = t->of->options;
  const ablate_target *target = t->of->target;
  if (target->exact)
    fprintf(
        t->out,
        "ODE and SDE: squared energy distance, 2 E|X - Y| - E|X - X'| - E|Y - Y'|, between %ld samples of "
        "the model and as many of the target. KL: Kullback-Leibler divergence of the model from the "
        "target in nats, the mean of ln p of the target minus ln p of the model over %ld samples of the "
        "target. Both are 0 on average for a perfect model, and their estimates can lie below.\n\n",
        o->num_samples, o->likelihood_samples);
  else
    fprintf(
        t->out,
        "ODE and SDE: squared energy distance, 2 E|X - Y| - E|X - X'| - E|Y - Y'|, between samples of the "
        "model and the %lld inputs of `--eval-path`, both as plain numbers (of images: their pixels; no "
        "features "
        "of a network); it is 0 on average for a perfect model. Bits per dimension: of held-out "
        "inputs%s.\n\n",
        (long long)target->n_held,
        target->levels ? ", uniformly dequantised, an upper bound" : ", numbers in the model's own space");
}

static void say_intervals(const table *t) {
  if (t->plan->n_seeds == 1) {
    fputs("One seed: there are no intervals, and nothing tells the best.\n\n", t->out);
    return;
  }
  fputs("Means over the seeds, in brackets 95 % intervals by Student's t. **Bold**: the least of its column, "
        "where the interval of the difference, seed by seed, from each of the others is above 0. ~: cannot "
        "be told from the least by that. No correction is made for comparing many.\n\n",
        t->out);
}

/* ---- the tables ---- */

static void print_cell_name(const table *t, int c) {
  const ablate_cell *cell = &t->plan->cells[c];
  fprintf(t->out, "| %s | %s | %s |", cell->path, cell->prediction, ablate_cell_weight(cell));
}

static void print_error(const table *t, int c, ablate_number number) {
  const ablate_rank rank = ablate_rank_of(t->rows, c, number);
  fputs(rank == ABLATE_BEST ? " **" : " ", t->out);
  report_interval(t->out, ablate_mean(t->rows, c, number), -INFINITY, number == ABLATE_BPD ? 5 : 3);
  fputs(rank == ABLATE_BEST ? "** |" : rank == ABLATE_CLOSE ? " ~ |" : " |", t->out);
}

static const char *heading(const table *t, int error) {
  return error == 0 ? "ODE" : error == 1 ? "SDE" : t->errors[2] == ABLATE_KL ? "KL" : "bits/dim";
}

static void print_headings(const table *t) {
  for (int e = 0; e < ABLATE_ERRORS; e++) fprintf(t->out, " %s |", heading(t, e));
}

static void print_floor(const table *t) {
  fputs("| floor | | | ", t->out);
  report_interval(t->out, ablate_mean(t->rows, 0, ABLATE_FLOOR), -INFINITY, 3);
  fputs(" | the same | |", t->out);
  fprintf(t->out, " %s |\n", t->of->target->exact ? "two sets of the target" : "two halves of `--eval-path`");
}

static void errors_table(const table *t) {
  fputs("| path | prediction | loss weight |", t->out);
  print_headings(t);
  fputs(" trainings that ended well |\n", t->out);
  report_rule(t->out, 3, ABLATE_ERRORS + 1);
  for (int c = 0; c < t->plan->n_cells; c++) {
    print_cell_name(t, c);
    for (int e = 0; e < ABLATE_ERRORS; e++) print_error(t, c, t->errors[e]);
    const int sound = ablate_sound(t->rows, c);
    if (sound == t->plan->n_seeds)
      fputs(" all |\n", t->out);
    else
      fprintf(t->out, " %d of %d |\n", sound, t->plan->n_seeds);
  }
  print_floor(t);
}

/* "0.1 [0.05, 0.15]: worse" */
static void print_difference(const table *t, stat_interval i, const char *above, const char *below) {
  fputs(" ", t->out);
  report_interval(t->out, i, -INFINITY, 3);
  fprintf(t->out, "%s%s |", i.low > 0 || i.high < 0 ? ", " : "", i.low > 0 ? above : i.high < 0 ? below : "");
}

static void samplers_table(const table *t) {
  fputs("\n## SDE against ODE\n\nThe error of SDE samples minus that of ODE samples, seed by seed; where the "
        "interval holds 0 the two agree.\n\n| path | prediction | loss weight | SDE - ODE |\n",
        t->out);
  report_rule(t->out, 3, 1);
  for (int c = 0; c < t->plan->n_cells; c++) {
    print_cell_name(t, c);
    print_difference(t, ablate_difference(t->rows, c, ABLATE_SDE, c, ABLATE_ODE), "SDE worse", "SDE better");
    fputs("\n", t->out);
  }
}

/* The velocity of a path: what the others on it are set against; -1: there is none. */
static int velocity_of(const table *t, const char *path) {
  for (int c = 0; c < t->plan->n_cells; c++)
    if (strcmp(t->plan->cells[c].path, path) == 0 && strcmp(t->plan->cells[c].prediction, "velocity") == 0)
      return c;
  return -1;
}

static void velocity_table(const table *t) {
  bool any = false;
  for (int c = 0; c < t->plan->n_cells; c++) {
    const int base = velocity_of(t, t->plan->cells[c].path);
    if (base < 0 || base == c) continue;
    if (!any) {
      fputs("\n## Against the velocity on the same path\n\nThe error minus that of the velocity, seed by "
            "seed.\n\n| path | prediction | loss weight |",
            t->out);
      print_headings(t);
      fputs("\n", t->out);
      report_rule(t->out, 3, ABLATE_ERRORS);
    }
    any = true;
    print_cell_name(t, c);
    for (int e = 0; e < ABLATE_ERRORS; e++)
      print_difference(t, ablate_difference(t->rows, c, t->errors[e], base, t->errors[e]), "worse", "better");
    fputs("\n", t->out);
  }
}

static void failures(const table *t) {
  bool any = false;
  char key[ABLATE_KEY_MAX];
  for (int run = 0; run < ablate_plan_runs(t->plan); run++) {
    const ablate_result *r = &t->rows->results[run];
    if (strcmp(r->status, "ok") == 0) continue;
    if (!any) fputs("\n## What did not end well\n\n", t->out);
    any = true;
    ablate_plan_key(t->plan, run, key);
    fprintf(t->out, "- %s: %s after %ld step%s: %s\n", key, r->status, r->steps, PLURAL(r->steps),
            r->message);
  }
}

static tr_status write_all(FILE *out, void *user) {
  table *t = user;
  t->out = out;
  say_learned(t);
  say_solvers(t);
  say_errors(t);
  say_intervals(t);
  errors_table(t);
  samplers_table(t);
  velocity_table(t);
  failures(t);
  return TR_OK;
}

tr_status ablate_write_table(const ablate_report *report) {
  table t = {.of = report, .rows = report->rows, .plan = report->rows->plan};
  char path[MANIFEST_PATH_MAX];
  ablate_errors_of(report, t.errors);
  TR_TRY(manifest_path(report->ctx, report->options->machine.out, "table.md", path, sizeof path));
  return report_write(report->ctx, path, write_all, &t);
}
