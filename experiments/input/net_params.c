#include "experiments/input/net_params.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/common/param_options.h"

#define NUM_HEADS "num_heads" /* the parameter that has an option of its own */
#define KINDS_MAX 64

const char *net_params_option(const char *param) {
  return strcmp(param, NUM_HEADS) == 0 ? "--num-heads H" : "--net-param NAME=VALUE";
}

const char *net_params_guide_option(const char *param) {
  (void)param;
  return "--guide-net-param NAME=VALUE";
}

static const char *option_of(const model_options *o) {
  return o->of_guide ? "guide-net-param" : "net-param";
}

void net_params_of_guide(model_options *o) {
  o->of_guide = true;
  o->num_heads = TR_OPTION_UNSET;
}

bool net_params_given(const model_options *o) {
  return o->num_heads != TR_OPTION_UNSET || o->net_params.n;
}

void net_params_spelled(const model_options *o, const char *param, long value, char *text, size_t size) {
  const bool own = o->num_heads != TR_OPTION_UNSET && strcmp(param, NUM_HEADS) == 0;
  if (own)
    snprintf(text, size, "--num-heads %ld", value);
  else
    snprintf(text, size, "--%s %s=%ld", option_of(o), param, value);
}

static tr_status check(tr_ctx *ctx, const model_options *o, const param_alias *alias) {
  const param_source source = {option_of(o), &o->net_params, alias, 1};
  const tr_module *kinds[KINDS_MAX];
  int n = 0;
  while (n < KINDS_MAX && (kinds[n] = tr_module_at(ctx, TR_KIND_NETWORK, n))) n++;
  return param_check(ctx, &source, kinds, n);
}

static tr_status take(tr_ctx *ctx, const char *option, const char *name, double value, tr_net_size *out) {
  if (value != floor(value) || fabs(value) > INT_MAX)
    return TR_FAIL(ctx, TR_E_ARG, "--%s: %s is %g: use a whole number", option, name, value);
  *out = (tr_net_size){name, (int)value};
  return TR_OK;
}

tr_status net_params_told(tr_ctx *ctx, const model_options *o, int *n, tr_net_size **told) {
  const bool given = o->num_heads != TR_OPTION_UNSET;
  const param_alias alias = {"num-heads", NUM_HEADS, given ? (double)o->num_heads : NAN};
  *told = NULL;
  *n = 0;
  TR_TRY(check(ctx, o, &alias));
  *told = calloc((size_t)o->net_params.n + 1, sizeof **told);
  if (!*told) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d parameters", o->net_params.n);
  for (; *n < o->net_params.n; ++*n)
    TR_TRY(take(ctx, option_of(o), o->net_params.v[*n].name, o->net_params.v[*n].value, &(*told)[*n]));
  return given ? take(ctx, option_of(o), alias.param, alias.value, &(*told)[(*n)++]) : TR_OK;
}

tr_status net_params_resolve(tr_ctx *ctx, const tr_net_config *config, model_options *o) {
  const tr_module *kind = &config->type->info;
  tr_pair_list used = {0, calloc((size_t)kind->n_params + 1, sizeof *used.v)};
  tr_net_fact fact;
  if (!used.v) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the parameters of %s", kind->name);
  o->num_heads = TR_OPTION_UNSET;
  for (int i = 0; tr_net_config_fact(config, i, &fact); i++) {
    if (!fact.param || fact.kind == TR_NET_NONE) continue;
    if (!o->of_guide && strcmp(fact.param, NUM_HEADS) == 0) {
      o->num_heads = fact.value;
    } else if (used.n < kind->n_params) {
      tr_pair *pair = &used.v[used.n++];
      snprintf(pair->name, sizeof pair->name, "%s", fact.param);
      pair->value = (double)fact.value;
    }
  }
  free(o->net_params.v);
  o->net_params = used;
  return TR_OK;
}
