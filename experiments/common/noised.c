#include "experiments/common/noised.h"

#include <math.h>
#include <stdlib.h>

const char *const noised_of_churn[] = {"churn", "churn-levels", "churn-noise", NULL};
const char *const noised_of_restart[] = {"restart-intervals", "restarts", "restart-steps", NULL};

tr_status noised_churn(tr_ctx *ctx, const noised_options *o, tr_noised *out) {
  out->edm = !isnan(o->churn);
  if (!out->edm && (o->churn_levels.n || !isnan(o->churn_noise)))
    return TR_FAIL(ctx, TR_E_ARG, "--%s without --churn: it is a part of EDM's churn",
                   o->churn_levels.n ? "churn-levels" : "churn-noise");
  if (!out->edm) return TR_OK;
  out->churn = o->churn;
  out->noise = isnan(o->churn_noise) ? 1 : o->churn_noise;
  out->sigma_min = o->churn_levels.n ? o->churn_levels.v[0] : 0;
  out->sigma_max = o->churn_levels.n ? o->churn_levels.v[1] : INFINITY;
  return TR_OK;
}

/* One number for all of n intervals, or one each. */
static tr_status check_list(tr_ctx *ctx, const char *name, const tr_int_list *list, int n) {
  if (list->n == 1 || list->n == n) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "--%s has %d numbers for %d intervals: give one, or one each", name, list->n,
                 n);
}

static int entry(const tr_int_list *list, int i) {
  return (int)list->v[list->n == 1 ? 0 : i];
}

tr_status noised_restart(tr_ctx *ctx, const noised_options *o, tr_restart **intervals, tr_noised *out) {
  const tr_double_list *times = &o->restart_intervals;
  int n = times->n / 2;
  if (times->n == 0 || times->n % 2)
    return TR_FAIL(ctx, TR_E_ARG,
                   "restart needs --restart-intervals A1,B1,..., two times an interval: %d are given",
                   times->n);
  TR_TRY(check_list(ctx, "restarts", &o->restarts, n));
  TR_TRY(check_list(ctx, "restart-steps", &o->restart_steps, n));
  *intervals = malloc((size_t)n * sizeof **intervals);
  if (!*intervals) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d intervals", n);
  for (int i = 0; i < n; i++)
    (*intervals)[i] = (tr_restart){times->v[2 * i], times->v[2 * i + 1], entry(&o->restarts, i),
                                   entry(&o->restart_steps, i)};
  out->intervals = *intervals;
  out->n_intervals = n;
  return TR_OK;
}
