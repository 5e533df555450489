#include "experiments/sweep/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The values of one quantity over the seeds. */
typedef struct {
  double *v;
  int n;
} values;

static stat_interval interval_of(const values *list) {
  return list->n ? stat_mean(list->v, list->n) : (stat_interval){0, NAN, NAN, NAN};
}

enum { ERROR, MEAN_BIAS, COV_BIAS, COV_ERROR, COV_NOISE, SW2, SW2_FLOOR, N_QUANTITIES };

static double quantity(const sweep_result *r, bool relative, int which) {
  switch (which) {
  case ERROR:
    return relative ? r->relative : r->rms;
  case MEAN_BIAS:
    return r->mean_error * r->mean_error - r->mean_noise * r->mean_noise;
  case COV_BIAS:
    return r->cov_error * r->cov_error - r->cov_noise * r->cov_noise;
  case COV_ERROR:
    return r->cov_error;
  case COV_NOISE:
    return r->cov_noise;
  case SW2:
    return r->sw2;
  default:
    return r->sw2_floor;
  }
}

static void add_counts(const sweep_result *r, sweep_point *out) {
  out->n++;
  out->n_ok += strcmp(r->status, "ok") == 0;
  out->nfe += (double)r->nfe;
  out->accepted += (double)r->accepted;
  out->rejected += (double)r->rejected;
  out->wall_seconds += r->wall_seconds;
}

tr_status sweep_summarise(tr_ctx *ctx, const sweep_rows *rows, bool relative, int path, int setting,
                          sweep_point *out) {
  const sweep_plan *plan = rows->plan;
  values list = {malloc((size_t)plan->n_seeds * sizeof *list.v), 0};
  if (!list.v) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d seeds", plan->n_seeds);
  *out = (sweep_point){0};
  stat_interval *const parts[N_QUANTITIES] = {&out->error,     &out->mean_bias2, &out->cov_bias2,
                                              &out->cov_error, &out->cov_noise,  &out->sw2,
                                              &out->sw2_floor};
  const sweep_result *of_path =
      rows->results + (size_t)path * (size_t)plan->n_seeds * (size_t)plan->n_settings;
  for (int s = 0; s < plan->n_seeds; s++) add_counts(&of_path[s * plan->n_settings + setting], out);
  out->nfe /= out->n;
  out->accepted /= out->n;
  out->rejected /= out->n;
  out->wall_seconds /= out->n;
  for (int q = 0; q < N_QUANTITIES; q++) {
    list.n = 0;
    for (int s = 0; s < plan->n_seeds; s++) {
      double value = quantity(&of_path[s * plan->n_settings + setting], relative, q);
      if (isfinite(value)) list.v[list.n++] = value;
    }
    *parts[q] = interval_of(&list);
  }
  free(list.v);
  return TR_OK;
}

stat_interval sweep_bias(stat_interval squared) {
  squared.mean = sqrt(fmax(0, squared.mean));
  if (squared.n > 1) {
    squared.low = sqrt(fmax(0, squared.low));
    squared.high = sqrt(fmax(0, squared.high));
  }
  return squared;
}
