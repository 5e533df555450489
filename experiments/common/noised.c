#include "experiments/common/noised.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/common/param_options.h"

const char *const noised_of_churn[] = {"churn", "churn-levels", "churn-noise", NULL};
const char *const noised_of_restart[] = {"restart-intervals", "restarts", "restart-steps", NULL};

bool noised_has(const tr_sde_method *method, noised_trait trait) {
  const tr_noised_ode *table = tr_noised_ode_of(method);
  if (trait == NOISED_CHURN) return param_known(&method->info, "churn");
  return table && (trait == NOISED_AROUND || table->reads & TR_NOISED_RESTARTS);
}

const char *noised_names(const tr_ctx *ctx, noised_trait trait, const char *word, char *text, size_t size) {
  const tr_module *module;
  size_t used = 0;
  *text = 0;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, i)) && used < size; i++)
    if (noised_has((const tr_sde_method *)module, trait))
      used += (size_t)snprintf(text + used, size - used, "%s%s%s%s", used ? " " : "", used ? word : "",
                               used ? " " : "", module->name);
  return text;
}

static bool has_pair(const tr_pair_list *pairs, const char *name) {
  for (int i = 0; i < pairs->n; i++)
    if (strcmp(pairs->v[i].name, name) == 0) return true;
  return false;
}

tr_status noised_params(tr_ctx *ctx, const noised_options *o, const tr_pair_list *pairs, bool alone,
                        const tr_module *method, tr_values *values) {
  enum { CHURN, ALIASES = 4 };
  const tr_double_list *levels = &o->churn_levels;
  param_alias aliases[ALIASES] = {[CHURN] = {"churn", "churn", o->churn},
                                  {"churn-levels", "level-min", levels->n ? levels->v[0] : NAN},
                                  {"churn-levels", "level-max", levels->n ? levels->v[1] : NAN},
                                  {"churn-noise", "noise", o->churn_noise}};
  const param_source source = {"method-param", pairs, aliases, ALIASES};
  *values = tr_module_defaults(method);
  for (int i = 0; i < ALIASES; i++) {
    if (!param_known(method, aliases[i].param)) aliases[i].value = NAN;
    if (isnan(aliases[i].value) || !isnan(aliases[CHURN].value) || has_pair(pairs, aliases[CHURN].param))
      continue;
    return TR_FAIL(ctx, TR_E_ARG, "--%s without --churn: it is a part of EDM's churn", aliases[i].option);
  }
  return alone ? param_set_all(ctx, &source, method, values) : param_set(ctx, &source, method, values);
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

tr_status noised_restarts(tr_ctx *ctx, const noised_options *o, const tr_sde_method *method,
                          tr_restart **restarts, int *n_restarts) {
  const tr_double_list *times = &o->restart_intervals;
  int n = times->n / 2;
  if (times->n == 0 || times->n % 2)
    return TR_FAIL(ctx, TR_E_ARG,
                   "%s needs --restart-intervals A1,B1,..., two times an interval: %d are given",
                   method->info.name, times->n);
  TR_TRY(check_list(ctx, "restarts", &o->restarts, n));
  TR_TRY(check_list(ctx, "restart-steps", &o->restart_steps, n));
  *restarts = malloc((size_t)n * sizeof **restarts);
  if (!*restarts) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d intervals", n);
  for (int i = 0; i < n; i++)
    (*restarts)[i] = (tr_restart){times->v[2 * i], times->v[2 * i + 1], entry(&o->restarts, i),
                                  entry(&o->restart_steps, i)};
  *n_restarts = n;
  return TR_OK;
}
