#include "experiments/ablate/report/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const ablate_result *at(const ablate_rows *rows, int cell, int seed) {
  return &rows->results[cell * rows->plan->n_seeds + seed];
}

/* Of the finite ones of n values, which are put in front. */
static stat_interval interval_of(double *values, int n) {
  int kept = 0;
  for (int i = 0; i < n; i++)
    if (isfinite(values[i])) values[kept++] = values[i];
  return kept ? stat_mean(values, kept) : (stat_interval){0, NAN, NAN, NAN};
}

stat_interval ablate_difference(const ablate_rows *rows, int cell, ablate_number number, int other,
                                ablate_number of_other) {
  const int n = rows->plan->n_seeds;
  double *values = malloc((size_t)n * sizeof *values);
  if (!values) return (stat_interval){0, NAN, NAN, NAN};
  for (int s = 0; s < n; s++) {
    values[s] = at(rows, cell, s)->number[number];
    if (other >= 0) values[s] -= at(rows, other, s)->number[of_other];
  }
  stat_interval out = interval_of(values, n);
  free(values);
  return out;
}

stat_interval ablate_mean(const ablate_rows *rows, int cell, ablate_number number) {
  return ablate_difference(rows, cell, number, -1, number);
}

double ablate_mean_nfe(const ablate_rows *rows, bool sde) {
  double sum = 0, n = 0;
  for (int run = 0; run < ablate_plan_runs(rows->plan); run++) {
    const long nfe = sde ? rows->results[run].sde_nfe : rows->results[run].ode_nfe;
    sum += (double)nfe;
    n += nfe > 0;
  }
  return sum / n;
}

int ablate_sound(const ablate_rows *rows, int cell) {
  int n = 0;
  for (int s = 0; s < rows->plan->n_seeds; s++) n += strcmp(at(rows, cell, s)->status, "ok") == 0;
  return n;
}

/* Whether it takes part. */
static bool counts(const ablate_rows *rows, int cell, ablate_number number) {
  return ablate_mean(rows, cell, number).n == rows->plan->n_seeds;
}

static int least(const ablate_rows *rows, ablate_number number) {
  int best = -1;
  double mean = INFINITY;
  for (int c = 0; c < rows->plan->n_cells; c++) {
    const double its = counts(rows, c, number) ? ablate_mean(rows, c, number).mean : INFINITY;
    if (its < mean) best = c, mean = its;
  }
  return best;
}

ablate_rank ablate_rank_of(const ablate_rows *rows, int cell, ablate_number number) {
  const int best = least(rows, number);
  int others = 0, beaten = 0;
  if (rows->plan->n_seeds < 2 || best < 0 || !counts(rows, cell, number)) return ABLATE_PLAIN;
  if (cell != best)
    return ablate_difference(rows, cell, number, best, number).low > 0 ? ABLATE_PLAIN : ABLATE_CLOSE;
  for (int c = 0; c < rows->plan->n_cells; c++) {
    if (c == best || !counts(rows, c, number)) continue;
    others++;
    beaten += ablate_difference(rows, c, number, best, number).low > 0;
  }
  return others > 0 && beaten == others ? ABLATE_BEST : ABLATE_CLOSE;
}

void ablate_errors_of(const ablate_report *report, ablate_number numbers[ABLATE_ERRORS]) {
  numbers[0] = ABLATE_ODE;
  numbers[1] = ABLATE_SDE;
  numbers[2] = report->target->exact ? ABLATE_KL : ABLATE_BPD;
}
