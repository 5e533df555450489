#include "core/module/module.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/module/registry.h"
#include "core/require_private.h"
#include "core/text.h"

#define RANGE_TEXT 96

/* ---- ranges ---- */

bool tr_range_has(const tr_range *range, double value) {
  if (!range) return false;
  return isfinite(value) && !(range->ends & TR_RANGE_GE && !(value >= range->low)) &&
         !(range->ends & TR_RANGE_GT && !(value > range->low)) &&
         !(range->ends & TR_RANGE_LE && !(value <= range->high)) &&
         !(range->ends & TR_RANGE_LT && !(value < range->high));
}

const char *tr_range_text(const tr_range *range, char *text, size_t size) {
  if (!range || !text) return "";
  unsigned low = range->ends & (TR_RANGE_GE | TR_RANGE_GT);
  unsigned high = range->ends & (TR_RANGE_LE | TR_RANGE_LT);
  text[0] = 0;
  if (low == TR_RANGE_GE && high == TR_RANGE_LE)
    snprintf(text, size, "from %.15g to %.15g", range->low, range->high);
  else if (low && high)
    snprintf(text, size, "%s %.15g and %s %.15g", low == TR_RANGE_GE ? ">=" : ">", range->low,
             high == TR_RANGE_LE ? "<=" : "<", range->high);
  else if (low)
    snprintf(text, size, "%s %.15g", low == TR_RANGE_GE ? ">=" : ">", range->low);
  else if (high)
    snprintf(text, size, "%s %.15g", high == TR_RANGE_LE ? "<=" : "<", range->high);
  return text;
}

/* ---- parameters ---- */

static tr_status check_value(tr_ctx *ctx, const tr_module *module, const tr_param *param, double value) {
  char range[RANGE_TEXT];
  if (tr_range_has(&param->range, value)) return TR_OK;
  tr_range_text(&param->range, range, sizeof range);
  return TR_FAIL(ctx, TR_E_ARG, "%s of %s is %g: use a finite number%s%s", param->name, module->name, value,
                 *range ? " " : "", range);
}

/* "sigma_min, sigma_max" */
static void list_names(const tr_module *module, char *text, size_t size) {
  size_t used = 0;
  snprintf(text, size, "none");
  for (int i = 0; i < module->n_params && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", module->params[i].name);
}

static tr_status unknown(tr_ctx *ctx, const tr_module *module, const char *name) {
  const char *names[TR_PARAMS_MAX];
  char all[256];
  for (int i = 0; i < module->n_params; i++) names[i] = module->params[i].name;
  list_names(module, all, sizeof all);
  const char *near = tr_nearest(name, names, module->n_params);
  if (near)
    return TR_FAIL(ctx, TR_E_ARG, "%s has no parameter '%s': did you mean '%s'? (it has %s)", module->name,
                   TR_SHOW(name, 63), near, all);
  return TR_FAIL(ctx, TR_E_ARG, "%s has no parameter '%s': it has %s", module->name, TR_SHOW(name, 63), all);
}

tr_values tr_module_defaults(const tr_module *module) {
  if (!module) return (tr_values){0};
  tr_values values = {0};
  for (int i = 0; i < module->n_params; i++) values.v[i] = module->params[i].value;
  return values;
}

tr_status tr_module_set(tr_ctx *ctx, const tr_module *module, tr_values *values, const char *name,
                        double value) {
  TR_REQUIRE(ctx, module, values, name);
  for (int i = 0; i < module->n_params; i++) {
    if (strcmp(module->params[i].name, name) != 0) continue;
    TR_TRY(check_value(ctx, module, &module->params[i], value));
    values->v[i] = value;
    values->set |= 1u << i;
    return TR_OK;
  }
  return unknown(ctx, module, name);
}

tr_status tr_module_check(tr_ctx *ctx, const tr_module *module, const tr_values *values) {
  TR_REQUIRE(ctx, module, values);
  for (int i = 0; i < module->n_params; i++) {
    const tr_param *param = &module->params[i];
    if (!isnan(values->v[i]))
      TR_TRY(check_value(ctx, module, param, values->v[i]));
    else if (!param->unset)
      return TR_FAIL(ctx, TR_E_ARG, "%s needs its parameter %s: it has no usual value", module->name,
                     param->name);
  }
  return module->check ? module->check(ctx, values->v) : TR_OK;
}

tr_values tr_module_filled(const tr_module *module, const tr_values *given) {
  if (!module || !given) return (tr_values){0};
  tr_values values = *given;
  for (int i = 0; i < module->n_params; i++)
    if (!(values.set >> i & 1u)) values.v[i] = module->params[i].value;
  return values;
}

tr_status tr_module_settle(tr_ctx *ctx, const tr_module *module, tr_values *values) {
  TR_REQUIRE(ctx, module, values);
  *values = tr_module_filled(module, values);
  return tr_module_check(ctx, module, values);
}

tr_status tr_module_refuse_params(tr_ctx *ctx, const tr_module *module, const char *kind) {
  TR_REQUIRE(ctx, module, kind);
  if (module->n_params == 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%s declares the parameter %s: %s have no place for its value", module->name,
                 module->params[0].name, kind);
}

bool tr_values_equal(const tr_module *module, const tr_values *a, const tr_values *b) {
  if (!module || !a || !b) return false;
  for (int i = 0; i < module->n_params; i++)
    if (a->v[i] != b->v[i] && !(isnan(a->v[i]) && isnan(b->v[i]))) return false;
  return true;
}
