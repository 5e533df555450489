#include "experiments/tune/judge.h"

#include <math.h>
#include <stdlib.h>

/* ratio (n): room. */
static stat_interval compare(const tune_candidate *c, const tune_candidate *uniform, int n, double *ratio) {
  for (int i = 0; i < n; i++) {
    /* A uniform run that diverged counts as one with the largest error. */
    ratio[i] = log(fmin(c->errors[i], 1e300)) - log(fmin(uniform->errors[i], 1e300));
    if (!isfinite(c->errors[i]) || !isfinite(ratio[i])) return (stat_interval){0};
  }
  return stat_mean(ratio, n);
}

static bool promises(const tune_candidate *c, const tune_candidate *uniform) {
  return c->pilot < uniform->pilot;
}

/* The upper end of the interval that holds with 95 % for `rivals` of them together. */
static double upper_end(const stat_interval *i, int rivals) {
  double wider = stat_student(i->n - 1, 1 - 0.05 / rivals) / stat_student95(i->n - 1);
  return i->mean + wider * (i->high - i->mean);
}

tr_status tune_judge(tr_ctx *ctx, tune_candidate *candidates, int n, int n_seeds, int *chosen) {
  const tune_candidate *uniform = candidates;
  double *ratio = malloc((size_t)n_seeds * sizeof *ratio);
  int rivals = 0;
  *chosen = 0;
  if (!ratio) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the ratios of %d seeds", n_seeds);
  for (int i = 1; i < n; i++) rivals += promises(&candidates[i], uniform);
  for (int i = 0; i < n; i++) {
    tune_candidate *c = &candidates[i];
    c->ln_ratio = compare(c, uniform, n_seeds, ratio);
    c->beats = i > 0 && promises(c, uniform) && c->ln_ratio.n > 1 && upper_end(&c->ln_ratio, rivals) < 0;
    if (c->beats && c->held < candidates[*chosen].held) *chosen = i;
  }
  free(ratio);
  return TR_OK;
}
