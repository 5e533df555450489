/* errors.png: the errors of every combination with their intervals, side by side. */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "experiments/ablate/report/summary.h"
#include "experiments/common/program.h"
#include "experiments/output/gnuplot.h"
#include "experiments/results/manifest.h"
#include "experiments/results/report.h"

/* The least of all positive numbers of these columns: what lies below a third of it is drawn there. */
static double least_shown(const ablate_report *report, const ablate_number *numbers, int n) {
  double least = INFINITY;
  for (int c = 0; c < report->rows->plan->n_cells; c++)
    for (int i = 0; i < n; i++) {
      const double mean = ablate_mean(report->rows, c, numbers[i]).mean;
      if (mean > 0) least = fmin(least, mean);
    }
  return isfinite(least) ? least / 3 : 1e-6;
}

#define MOST_SHOWN 1e5 /* times the least: what lies above is drawn there */

static double shown(double value, double least) {
  return fmin(fmax(value, least), MOST_SHOWN * least);
}

/* Whether a mean of these columns lies above what is shown. */
static bool some_are_cut(const ablate_report *report, const ablate_number *numbers, int n) {
  const double most = MOST_SHOWN * least_shown(report, numbers, n);
  for (int c = 0; c < report->rows->plan->n_cells; c++)
    for (int i = 0; i < n; i++)
      if (ablate_mean(report->rows, c, numbers[i]).mean > most) return true;
  return false;
}

static void print_point(FILE *out, stat_interval i, double least) {
  if (i.n == 0) {
    fputs(" NaN NaN NaN", out);
    return;
  }
  const double low = i.n > 1 ? i.low : i.mean, high = i.n > 1 ? i.high : i.mean;
  fprintf(out, " %.6g %.6g %.6g", shown(i.mean, least), shown(low, least), shown(high, least));
}

static tr_status write_data(FILE *out, void *user) {
  const ablate_report *report = user;
  const ablate_plan *plan = report->rows->plan;
  ablate_number numbers[ABLATE_ERRORS];
  char text[ABLATE_KEY_MAX];
  ablate_errors_of(report, numbers);
  const double least[2] = {least_shown(report, numbers, 2), least_shown(report, numbers + 2, 1)};
  fprintf(out,
          "# row, then of ODE, SDE and %s: mean, ends of its 95 %% interval; what lies below %.3g (%.3g) or "
          "above %g times that is drawn there\n",
          numbers[2] == ABLATE_KL ? "KL" : "bits/dim", least[0], least[1], MOST_SHOWN);
  for (int c = 0; c < plan->n_cells; c++) {
    fprintf(out, "%d", c + 1);
    for (int e = 0; e < ABLATE_ERRORS; e++)
      print_point(out, ablate_mean(report->rows, c, numbers[e]), least[e == 2]);
    fprintf(out, " \"%s\"\n", ablate_cell_say(&plan->cells[c], text, sizeof text));
  }
  return TR_OK;
}

/* A line between paths. */
static void write_rules(FILE *out, const ablate_plan *plan) {
  for (int c = 1; c < plan->n_cells; c++)
    if (strcmp(plan->cells[c].path, plan->cells[c - 1].path) != 0)
      fprintf(out, "set arrow from graph 0, first %g to graph 1, first %g nohead linecolor rgb \"#999999\"\n",
              c + 0.5, c + 0.5);
}

static void write_labels(FILE *out, const ablate_plan *plan) {
  char text[ABLATE_KEY_MAX];
  fputs("set ytics (", out);
  for (int c = 0; c < plan->n_cells; c++) {
    if (c) fputs(", ", out);
    gnuplot_quoted(out, ablate_cell_say(&plan->cells[c], text, sizeof text));
    fprintf(out, " %d", c + 1);
  }
  fputs(")\n", out);
}

static void write_series(FILE *out, int error, double shift, const char *title) {
  fprintf(
      out,
      "data using %d:($1 %+g):%d:%d with xerrorbars linewidth 1.5 linecolor rgb \"#%s\" pointtype %d title "
      "\"%s\"",
      2 + 3 * error, shift, 3 + 3 * error, 4 + 3 * error, gnuplot_colour(error), 5 + 2 * error, title);
}

/* Both panels between the same lines, with room for title and keys above and for an axis below. */
static void write_margins(FILE *out, int height) {
  fprintf(out, "set tmargin at screen %.4f\nset bmargin at screen %.4f\n", 1 - 78.0 / height, 56.0 / height);
}

static void write_axes(FILE *out, const ablate_plan *plan) {
  fprintf(out, "set yrange [%g : 0.4]\nset grid x\nset logscale x\nset format x \"%%g\"\n",
          plan->n_cells + 0.6);
  write_labels(out, plan);
  write_rules(out, plan);
}

/* The panel from `left` to `right`, its key above it. */
static void write_panel(FILE *out, double left, double right, int height, const char *axis) {
  fprintf(out,
          "set lmargin at screen %g\nset rmargin at screen %g\nset key at screen %g, screen %.4f right top "
          "vertical\nset xlabel \"%s\"\nplot ",
          left, right, right, 1 - 34.0 / height, axis);
}

/* What an axis shows, and where it ends for means that lie beyond. */
static const char *axis_says(const ablate_report *report, bool likelihood, const char *what, size_t size,
                             char *out) {
  ablate_number numbers[ABLATE_ERRORS];
  ablate_errors_of(report, numbers);
  const ablate_number *first = numbers + (likelihood ? 2 : 0);
  const int n = likelihood ? 1 : 2;
  if (some_are_cut(report, first, n))
    snprintf(out, size, "%s (cut at %.4g)", what, MOST_SHOWN * least_shown(report, first, n));
  else
    snprintf(out, size, "%s", what);
  return out;
}

static tr_status write_script(FILE *out, void *user) {
  const ablate_report *report = user;
  const ablate_options *o = report->options;
  const ablate_plan *plan = report->rows->plan;
  const int height = 160 + 24 * plan->n_cells;
  const bool kl = report->target->exact;
  char title[512], axis[120];
  snprintf(title, sizeof title, "%s: means of %d seed%s%s",
           TR_SHOW(o->data_path ? o->data_path : o->target, 200), plan->n_seeds, PLURAL(plan->n_seeds),
           plan->n_seeds > 1 ? " with 95 % intervals" : "");
  gnuplot_begin(out, "errors", height, "");
  fputs("set multiplot title ", out);
  gnuplot_quoted(out, title);
  fputc('\n', out);
  write_margins(out, height);
  write_axes(out, plan);
  write_panel(out, 0.23, 0.61, height,
              axis_says(report, false, "squared energy distance to the target", sizeof axis, axis));
  write_series(out, 0, -0.15, "samples of the ODE");
  fputs(", \\\n  ", out);
  write_series(out, 1, 0.15, "samples of the SDE");
  fprintf(out, "\nunset ytics\n%s", kl ? "" : "unset logscale x\n");
  write_panel(out, 0.67, 0.97, height,
              axis_says(report, true, kl ? "KL divergence, nats" : "bits per dimension", sizeof axis, axis));
  write_series(out, 2, 0, "by likelihoods");
  fputs("\nunset multiplot\n", out);
  return TR_OK;
}

tr_status ablate_write_plot(const ablate_report *report, bool *drawn) {
  const char *folder = report->options->machine.out;
  char path[MANIFEST_PATH_MAX];
  TR_TRY(manifest_path(report->ctx, folder, "errors.dat", path, sizeof path));
  TR_TRY(report_write(report->ctx, path, write_data, (void *)report));
  TR_TRY(manifest_path(report->ctx, folder, "errors.gp", path, sizeof path));
  TR_TRY(report_write(report->ctx, path, write_script, (void *)report));
  *drawn = gnuplot_draw(folder, "errors.gp");
  return TR_OK;
}
