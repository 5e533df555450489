/* table.md: what a sweep found, as Markdown. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/common/program.h"
#include "experiments/results/report.h"
#include "experiments/sweep/report/summary.h"

typedef struct {
  FILE *out;
  tr_ctx *ctx;
  const sweep_rows *rows;
  const sweep_plan *plan;
  const sweep_options *options;
  int path;
  sweep_point *points; /* (n_settings), of this path */
} table;

static const double levels[] = {1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7};
static const int budgets[] = {5, 7, 10, 15, 20, 30, 50, 100, 200, 500};
#define N_LEVELS  ((int)(sizeof levels / sizeof *levels))
#define N_BUDGETS ((int)(sizeof budgets / sizeof *budgets))

/* Whether it ran on this path. */
static bool shown(const table *t, int setting) {
  return !sweep_plan_skipped(t->plan, t->path, setting);
}

static bool of_series(const table *t, int setting, int series) {
  return t->plan->settings[setting].series == series;
}

/* Whether some setting of the series is shown. */
static bool shows(const table *t, int series) {
  for (int i = 0; i < t->plan->n_settings; i++)
    if (of_series(t, i, series) && shown(t, i)) return true;
  return false;
}

static const sweep_setting *head(const table *t, int series) {
  int i = 0;
  while (!of_series(t, i, series)) i++;
  return &t->plan->settings[i];
}

/* "heun2", "heun2, cosine grid": a series of ODE runs. */
static void print_solver(FILE *out, const sweep_setting *s) {
  sweep_setting plain = *s;
  char text[256];
  plain.sde = NULL;
  sweep_plan_series(&plain, text, sizeof text);
  fprintf(out, "| %s |", text);
}

static bool sound(const sweep_point *p) {
  return p->n_ok == p->n;
}

/* The least evaluations from which on every costlier run of the series holds the level; NaN: none. */
static double nfe_for(const table *t, int series, double level) {
  double best = NAN, too_bad = -1;
  for (int i = 0; i < t->plan->n_settings; i++)
    if (of_series(t, i, series) && shown(t, i) && !(sound(&t->points[i]) && t->points[i].error.mean <= level))
      too_bad = fmax(too_bad, t->points[i].nfe);
  for (int i = 0; i < t->plan->n_settings; i++)
    if (of_series(t, i, series) && shown(t, i) && t->points[i].nfe > too_bad && !(t->points[i].nfe >= best))
      best = t->points[i].nfe;
  return best;
}

/* The least error of the series within a budget; NaN: no run is so cheap. */
static double error_within(const table *t, int series, int budget) {
  double best = NAN;
  for (int i = 0; i < t->plan->n_settings; i++)
    if (of_series(t, i, series) && shown(t, i) && sound(&t->points[i]) && t->points[i].nfe <= budget &&
        !(t->points[i].error.mean >= best))
      best = t->points[i].error.mean;
  return best;
}

static void nfe_table(const table *t) {
  fprintf(t->out,
          "Evaluations needed for a %s at t = 1 (mean over the seeds), the least from which on all costlier "
          "runs of the solver hold it; of the runs made, without interpolation:\n\n| solver |",
          sweep_error_words(t->options));
  for (int l = 0; l < N_LEVELS; l++) fprintf(t->out, " %.0e |", levels[l]);
  fputs("\n", t->out);
  report_rule(t->out, 1, N_LEVELS);
  for (int s = 0; s < t->plan->n_series; s++) {
    if (head(t, s)->sde || !shows(t, s)) continue;
    print_solver(t->out, head(t, s));
    for (int l = 0; l < N_LEVELS; l++) report_number(t->out, "%.4g", nfe_for(t, s, levels[l]));
    fputs("\n", t->out);
  }
}

static int n_ode_series(const table *t) {
  int n = 0;
  for (int s = 0; s < t->plan->n_series; s++) n += !head(t, s)->sde && shows(t, s);
  return n;
}

/* The same over the evaluations of the tight solve's method, when it is in the sweep. */
static void ratio_table(const table *t) {
  int base = 0;
  while (base < t->plan->n_series && strcmp(head(t, base)->solver, SWEEP_TIGHT_METHOD) != 0) base++;
  if (base == t->plan->n_series || !shows(t, base) || n_ode_series(t) < 2) return;
  fputs("\nThe same over the evaluations of " SWEEP_TIGHT_METHOD ":\n\n| solver |", t->out);
  for (int l = 0; l < N_LEVELS; l++) fprintf(t->out, " %.0e |", levels[l]);
  fputs("\n", t->out);
  report_rule(t->out, 1, N_LEVELS);
  for (int s = 0; s < t->plan->n_series; s++) {
    if (head(t, s)->sde || s == base || !shows(t, s)) continue;
    print_solver(t->out, head(t, s));
    for (int l = 0; l < N_LEVELS; l++)
      report_number(t->out, "%.2f", nfe_for(t, s, levels[l]) / nfe_for(t, base, levels[l]));
    fputs("\n", t->out);
  }
}

static void budget_table(const table *t) {
  fprintf(t->out, "\nLeast error (%s) of a solver's runs within a number of evaluations:\n\n| solver |",
          sweep_error_words(t->options));
  for (int b = 0; b < N_BUDGETS; b++) fprintf(t->out, " %d |", budgets[b]);
  fputs("\n", t->out);
  report_rule(t->out, 1, N_BUDGETS);
  for (int s = 0; s < t->plan->n_series; s++) {
    if (head(t, s)->sde || !shows(t, s)) continue;
    print_solver(t->out, head(t, s));
    for (int b = 0; b < N_BUDGETS; b++) report_number(t->out, "%.2g", error_within(t, s, budgets[b]));
    fputs("\n", t->out);
  }
}

/* Errors are not negative. */
static void print_interval(FILE *out, stat_interval i) {
  fputs(" ", out);
  report_interval(out, i, 0, 3);
  fputs(" |", out);
}

static void print_amount(FILE *out, const sweep_setting *s) {
  char text[40];
  sweep_plan_amount(s, text, sizeof text);
  fprintf(out, " %s |", text);
}

static void print_fate(FILE *out, const sweep_point *p) {
  if (sound(p))
    fputs(" all |\n", out);
  else
    fprintf(out, " %d of %d |\n", p->n_ok, p->n);
}

static void ode_runs(const table *t) {
  fprintf(
      t->out,
      "\nAll runs (means over the seeds, in brackets 95 %% intervals):\n\n| solver | steps or tolerance | "
      "evaluations | steps accepted | steps rejected | %s | seconds | runs that ended well |\n",
      sweep_error_words(t->options));
  report_rule(t->out, 2, 6);
  for (int i = 0; i < t->plan->n_settings; i++) {
    const sweep_setting *s = &t->plan->settings[i];
    const sweep_point *p = &t->points[i];
    if (s->sde || !shown(t, i)) continue;
    print_solver(t->out, s);
    print_amount(t->out, s);
    fprintf(t->out, " %.4g | %.4g | %.4g |", p->nfe, p->accepted, p->rejected);
    print_interval(t->out, p->error);
    fprintf(t->out, " %.2g |", p->wall_seconds);
    print_fate(t->out, p);
  }
}

/* ---- in law ---- */

/* The coefficient both ways at the middle of the path: D of the SDE here, w = 2 D of the paper. */
static void print_noise(const table *t, const sweep_setting *s) {
  if (!s->sde) {
    fputs(" | 0 | 0 | |", t->out);
    return;
  }
  if (!s->diffusion.type) {
    bool edm = s->inner && tr_noised_ode_of(s->sde)->reads & TR_NOISED_FORM; /* in the place of a form */
    fprintf(t->out, " %s | | | |", edm && s->steps ? "EDM" : "");
    return;
  }
  tr_coeffs middle = tr_interpolant_at(&t->plan->paths[t->path], 0.5);
  double D = tr_diffusion_D(&s->diffusion, &middle);
  fprintf(t->out, " %s, n = %g | %.3g | %.3g | %s |", s->diffusion.type->info.name, s->diffusion.norm, D,
          2 * D, s->last.type ? s->last.type->info.name : "");
}

static void law_row(const table *t, int i) {
  const sweep_setting *s = &t->plan->settings[i];
  const sweep_point *p = &t->points[i];
  print_solver(t->out, s);
  print_noise(t, s);
  print_amount(t->out, s);
  fprintf(t->out, " %.4g |", p->nfe);
  print_interval(t->out, p->mean_bias);
  print_interval(t->out, p->cov_bias);
  print_interval(t->out, p->sw2);
  print_fate(t->out, p);
}

static void forms_used(const table *t) {
  const char *last = NULL;
  for (int i = 0; i < t->plan->n_settings; i++) {
    const sweep_setting *s = &t->plan->settings[i];
    if (!s->diffusion.type || s->diffusion.type->info.name == last) continue;
    bool seen = false;
    for (int j = 0; j < i; j++) seen = seen || t->plan->settings[j].diffusion.type == s->diffusion.type;
    last = s->diffusion.type->info.name;
    if (!seen) fprintf(t->out, "- %s: %s\n", last, s->diffusion.type->info.summary);
  }
}

static void against(const table *t) {
  const sweep_options *o = t->options;
  if (o->target) {
    fputs("\nIn law, against the exact target.", t->out);
    return;
  }
  fprintf(
      t->out,
      "\nIn law, against samples of the ODE, not of an exact target: %ld sets of %ld samples from other "
      "starts with the same classes, each by a tight solve (dopri5 in f64 at a tolerance of %g). So what is "
      "measured is the distance to the ODE's law, which for an imperfect network is not that of a perfect "
      "SDE. The covariance is its diagonal, averaged over the sets as the mean is. The noise that is taken "
      "off holds that of these sets, which all rows and seeds share, and which the intervals do not hold: an "
      "error much below the noise of %ld samples cannot be told from 0.",
      o->tight_sets, o->num_samples, o->tight_rtol, o->tight_sets * o->num_samples);
}

static int first_shown(const table *t) {
  int i = 0;
  while (!shown(t, i)) i++;
  return i;
}

static void law_table(const table *t) {
  against(t);
  fputs(
      " The bias of mean and covariance is relative, and freed of what sampling alone makes: its square is "
      "the mean over the seeds of error^2 - noise^2 (mean_error, mean_noise, cov_error and cov_noise of "
      "results.csv), and 0 says that no bias is seen. The sliced Wasserstein-2 distance is not freed of it: "
      "the first row is the distance between two sets of such samples. In brackets 95 % intervals over the "
      "seeds.\n",
      t->out);
  fputs(
      "\nThe SDE is dX = (v + D s) dt + sqrt(2 D) dB. Its factor both ways: D as in the SiT code, w = 2 D as "
      "in the SiT paper (dX = (v + w s / 2) dt + sqrt(w) dB); columns D and w hold them at t = 1/2, n is the "
      "norm in\n\n",
      t->out);
  forms_used(t);
  fputs("\n| solver | diffusion form | D(1/2) | w(1/2) | last step | steps or tolerance | evaluations | bias "
        "of "
        "the mean | bias of the covariance | sliced Wasserstein-2 distance | runs that ended well |\n",
        t->out);
  report_rule(t->out, 6, 5);
  fprintf(t->out, "| %s samples | | | | | | | 0 | 0 |", sweep_samples_word(t->options));
  print_interval(t->out, t->points[first_shown(t)].sw2_floor);
  fputs(" all |\n", t->out);
  for (int i = 0; i < t->plan->n_settings; i++)
    if (shown(t, i)) law_row(t, i);
}

/* ---- the whole ---- */

/* What is said of a path and setting, NULL: nothing. */
typedef const char *(*remark)(const sweep_plan *plan, int path, int setting);

/* Whether the same is said of the setting before it, of the same series. */
static bool repeats(const table *t, remark of, int i) {
  const char *text = of(t->plan, t->path, i), *before = i > 0 ? of(t->plan, t->path, i - 1) : NULL;
  return before && strcmp(text, before) == 0 && of_series(t, i - 1, t->plan->settings[i].series);
}

static void remarks(const table *t, remark of, const char *heading) {
  bool any = false;
  for (int i = 0; i < t->plan->n_settings; i++) {
    const char *text = of(t->plan, t->path, i);
    char series[256];
    if (!text || repeats(t, of, i)) continue;
    if (!any) fprintf(t->out, "\n%s:\n\n", heading);
    any = true;
    sweep_plan_series(&t->plan->settings[i], series, sizeof series);
    fprintf(t->out, "- %s: %s\n", series, text);
  }
}

static tr_status summarise_all(const table *t, bool *ode, bool *law) {
  *ode = *law = false;
  for (int i = 0; i < t->plan->n_settings; i++) {
    if (!shown(t, i)) continue;
    *ode = *ode || t->plan->settings[i].ode;
    *law = *law || t->plan->settings[i].sde;
    TR_TRY(sweep_summarise(t->ctx, t->rows, t->options->model.ckpt != NULL, t->path, i, &t->points[i]));
  }
  return TR_OK;
}

static tr_status path_tables(table *t) {
  bool ode, law;
  TR_TRY(summarise_all(t, &ode, &law));
  fprintf(t->out, "\n## %s path\n\n", t->plan->paths[t->path].type->info.name);
  if (ode) {
    nfe_table(t);
    ratio_table(t);
    budget_table(t);
    ode_runs(t);
  }
  if (law) law_table(t);
  remarks(t, sweep_plan_noted, "Last steps that multiply the noise which they are there to remove");
  remarks(t, sweep_plan_skipped, "Skipped, because they cannot work");
  return TR_OK;
}

static tr_status write_all(FILE *out, void *user) {
  table *t = user;
  const sweep_options *o = t->options;
  t->out = out;
  fprintf(t->out, "# Sweep of %s\n\n%ld samples a run, %d seed%s, %s, prediction %s",
          TR_SHOW(o->target ? o->target : o->model.ckpt, 4095), o->num_samples, t->plan->n_seeds,
          PLURAL(t->plan->n_seeds), o->machine.dtype, o->model.prediction);
  if (o->model.ckpt) fprintf(t->out, ", guidance scale %g", o->guidance.scale);
  fputs(". Evaluations are of the field, a sample.\n", t->out);
  for (t->path = 0; t->path < t->plan->n_paths; t->path++) TR_TRY(path_tables(t));
  return TR_OK;
}

tr_status sweep_write_table(tr_ctx *ctx, const sweep_rows *rows, const sweep_options *options,
                            const char *path) {
  table t = {.ctx = ctx, .rows = rows, .plan = rows->plan, .options = options};
  t.points = calloc((size_t)rows->plan->n_settings, sizeof *t.points);
  if (!t.points) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a table");
  tr_status status = report_write(ctx, path, write_all, &t);
  free(t.points);
  return status;
}
