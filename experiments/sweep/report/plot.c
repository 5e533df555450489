/* Work-precision pictures: error against evaluations, a line a series. */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "experiments/output/gnuplot.h"
#include "experiments/results/report.h"
#include "experiments/sweep/manifest.h"
#include "experiments/sweep/report/summary.h"

/* One kind of picture: what stands on the vertical axis, '#' the word of the target for it. */
typedef struct {
  const char *name, *axis;
  const char *(*word)(const sweep_options *); /* NULL: none is needed */
  bool of_ode, of_law;                        /* shows ODE series; there is an SDE */
  stat_interval (*value)(const sweep_point *);
  stat_interval (*floor)(const sweep_point *); /* of samples of the law itself; NULL: none */
} figure;

static stat_interval error_of(const sweep_point *p) {
  return p->error;
}
static stat_interval covariance_of(const sweep_point *p) {
  return p->cov_bias;
}
static stat_interval sw2_of(const sweep_point *p) {
  return p->sw2;
}
static stat_interval sw2_floor(const sweep_point *p) {
  return p->sw2_floor;
}

static const figure figures[] = {
    {"work-precision", "# at t = 1", sweep_error_words, true, false, error_of, NULL},
    {"covariance", "bias of the covariance", NULL, false, true, covariance_of, NULL},
    {"sliced-w2", "sliced Wasserstein-2 distance to # samples", sweep_samples_word, false, true, sw2_of,
     sw2_floor},
};

typedef struct {
  tr_ctx *ctx;
  const sweep_rows *rows;
  const sweep_options *options;
  const figure *figure;
  int path;
  char base[128]; /* name of the picture without its ending */
  FILE *out;
  double nfe_low, nfe_high; /* of the points drawn, set by write_data */
} plot;

static bool shows(const plot *p, int setting) {
  const sweep_plan *plan = p->rows->plan;
  if (sweep_plan_skipped(plan, p->path, setting)) return false;
  return p->figure->of_ode ? plan->settings[setting].ode != NULL : true;
}

/* A figure in law is drawn where an SDE runs; one of errors where an ODE does. */
static bool wanted(const plot *p) {
  const sweep_plan *plan = p->rows->plan;
  for (int i = 0; i < plan->n_settings; i++)
    if (!sweep_plan_skipped(plan, p->path, i) && p->figure->of_law == (plan->settings[i].sde != NULL))
      return true;
  return false;
}

/* ---- data ---- */

static tr_status write_point(plot *p, int setting) {
  sweep_point point;
  TR_TRY(sweep_summarise(p->ctx, p->rows, p->options->model.ckpt != NULL, p->path, setting, &point));
  stat_interval v = p->figure->value(&point);
  if (point.n_ok < point.n || !(v.mean > 0)) return TR_OK;
  p->nfe_low = fmin(p->nfe_low, point.nfe);
  p->nfe_high = fmax(p->nfe_high, point.nfe);
  bool shown = v.n > 1 && v.low > 0;
  fprintf(p->out, "%.6g %.6g %.6g %.6g\n", point.nfe, v.mean, shown ? v.low : v.mean,
          v.n > 1 ? v.high : v.mean);
  return TR_OK;
}

/* The axis as table.md calls it; returns text. */
static const char *axis(const plot *p, char *text, size_t size) {
  const char *all = p->figure->axis, *word = p->figure->word ? p->figure->word(p->options) : "";
  const int before = (int)strcspn(all, "#");
  snprintf(text, size, "%.*s%s%s", before, all, word, all[before] ? all + before + 1 : "");
  return text;
}

static tr_status write_data(FILE *out, void *user) {
  plot *p = user;
  const sweep_plan *plan = p->rows->plan;
  p->out = out;
  char name[128];
  int series = -1;
  fprintf(
      p->out,
      "# evaluations, %s, ends of its 95 %% interval; a block a series. What is not above 0 is left out.\n",
      axis(p, name, sizeof name));
  for (int i = 0; i < plan->n_settings; i++) {
    const sweep_setting *s = &plan->settings[i];
    if (!shows(p, i)) continue;
    char text[256];
    sweep_plan_series(s, text, sizeof text);
    if (s->series != series) fprintf(p->out, "%s# %s\n", series < 0 ? "" : "\n\n", text);
    series = s->series;
    TR_TRY(write_point(p, i));
  }
  if (!p->figure->floor) return TR_OK;
  sweep_point point;
  int first = 0;
  while (!shows(p, first)) first++;
  TR_TRY(sweep_summarise(p->ctx, p->rows, false, p->path, first, &point));
  double level = p->figure->floor(&point).mean;
  fprintf(p->out, "\n\n# %s samples\n%.6g %.6g\n%.6g %.6g\n", sweep_samples_word(p->options), p->nfe_low,
          level, p->nfe_high, level);
  return TR_OK;
}

/* ---- script ---- */

static void write_curves(plot *p) {
  const sweep_plan *plan = p->rows->plan;
  int series = -1, index = 0;
  for (int i = 0; i < plan->n_settings; i++) {
    const sweep_setting *s = &plan->settings[i];
    if (!shows(p, i) || s->series == series) continue;
    char text[256];
    series = s->series;
    sweep_plan_series(s, text, sizeof text);
    fprintf(p->out,
            "%s \\\n  data index \"%s\" using 1:2:3:4 with yerrorlines linewidth 1.5 linecolor rgb \"#%s\" "
            "pointtype %d title ",
            index ? "," : "plot", text, gnuplot_colour(index), index % 13 + 1);
    gnuplot_quoted(p->out, text);
    index++;
  }
  if (p->figure->floor)
    fprintf(p->out,
            ", \\\n  data index \"%s samples\" using 1:2 with lines dashtype 2 linecolor rgb \"black\" "
            "title \"%s samples\"",
            sweep_samples_word(p->options), sweep_samples_word(p->options));
  fputc('\n', p->out);
}

static tr_status write_script(FILE *out, void *user) {
  plot *p = user;
  const sweep_options *o = p->options;
  p->out = out;
  char title[512], name[128];
  snprintf(title, sizeof title, "%s, %s path", TR_SHOW(o->target ? o->target : o->model.ckpt, 200),
           p->rows->plan->paths[p->path].type->info.name);
  gnuplot_begin(p->out, p->base, 640 + 10 * p->rows->plan->n_series, title);
  fputs("set xlabel \"evaluations of the field\"\nset ylabel ", p->out);
  gnuplot_quoted(p->out, axis(p, name, sizeof name));
  fprintf(p->out,
          "\nset logscale xy\nset format y \"%%.0e\"\nset grid\nset key tmargin center horizontal\nset "
          "xrange [%.6g : %.6g]\n"
          "set xtics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000)\n",
          0.85 * p->nfe_low, 1.18 * p->nfe_high);
  write_curves(p);
  return TR_OK;
}

static tr_status write_file(plot *p, const char *ending, tr_status (*fill)(FILE *, void *)) {
  char name[160], path[SWEEP_PATH_MAX];
  snprintf(name, sizeof name, "%s%s", p->base, ending);
  TR_TRY(sweep_file(p->ctx, p->options, name, path, sizeof path));
  return report_write(p->ctx, path, fill, p);
}

/* ---- all of them ---- */

tr_status sweep_write_plots(tr_ctx *ctx, const sweep_rows *rows, const sweep_options *options, int *n,
                            bool *drawn) {
  *n = 0;
  *drawn = true;
  for (int path = 0; path < rows->plan->n_paths; path++)
    for (size_t f = 0; f < sizeof figures / sizeof *figures; f++) {
      plot p = {.ctx = ctx,
                .rows = rows,
                .options = options,
                .figure = &figures[f],
                .path = path,
                .nfe_low = INFINITY};
      if (!wanted(&p)) continue;
      snprintf(p.base, sizeof p.base, "%s-%.64s", p.figure->name, rows->plan->paths[path].type->info.name);
      TR_TRY(write_file(&p, ".dat", write_data));
      if (p.nfe_high == 0) continue; /* no run ended well */
      TR_TRY(write_file(&p, ".gp", write_script));
      char script[160];
      snprintf(script, sizeof script, "%s.gp", p.base);
      *drawn = gnuplot_draw(options->machine.out, script) && *drawn;
      ++*n;
    }
  return TR_OK;
}
