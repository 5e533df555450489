#include "experiments/input/form.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MORE_NOISE 1.5 /* a last step that multiplies noise by more is said */

/* "--eta X or --form-param eta=X" */
static void say_option(const param_source *source, const char *param, char *text, size_t size) {
  const char *alias = NULL;
  for (int a = 0; a < source->n_aliases; a++)
    if (strcmp(source->aliases[a].param, param) == 0) alias = source->aliases[a].option;
  snprintf(text, size, "%s%s%s--%s %s=X", alias ? "--" : "", alias ? alias : "", alias ? " X or " : "",
           source->option, param);
}

tr_status form_complete(tr_ctx *ctx, const tr_diffusion *form, const param_source *source) {
  const tr_module *info = &form->type->info;
  char lacks[512] = "", option[160];
  size_t used = 0;
  for (int i = 0; i < info->n_params && used < sizeof lacks; i++) {
    if (!isnan(form->values.v[i]) || info->params[i].unset) continue;
    say_option(source, info->params[i].name, option, sizeof option);
    used += (size_t)snprintf(lacks + used, sizeof lacks - used, "%s needs its parameter %s: give %s",
                             used ? ", and" : "", info->params[i].name, option);
  }
  bool table = (form->type->caps & TR_DIFFUSION_TABLE) && !form->table;
  if (table && used < sizeof lacks)
    used += (size_t)snprintf(lacks + used, sizeof lacks - used,
                             "%s needs a table of %s: give --diffusion-table FILE", used ? ", and it" : "",
                             form->type->table_of);
  return used ? TR_FAIL(ctx, TR_E_ARG, "the diffusion form %s%s", info->name, lacks) : TR_OK;
}

/* ---- the last step ---- */

typedef struct {
  tr_ctx *ctx;
  const tr_sampler *sampler;
  const tr_prediction_type *prediction;
} ending;

/* The factor of the noise that is left; NaN where the step does not exist. */
static double factor_of(const ending *e, const tr_last_step *last, double norm) {
  const tr_sampler *s = e->sampler;
  tr_diffusion form = s->diffusion;
  double factor = NAN;
  form.norm = norm;
  if (tr_last_step_noise(e->ctx, last, &s->interpolant, e->prediction, &form, 1 - s->last_size, s->last_size,
                         &factor) != TR_OK)
    tr_ctx_clear(e->ctx);
  return factor;
}

/* The last step that leaves the least noise. */
static const char *quietest(const ending *e, double *least) {
  const tr_module *module;
  const char *name = NULL;
  *least = INFINITY;
  for (int i = 0; (module = tr_module_at(e->ctx, TR_KIND_LAST_STEP, i)); i++) {
    const tr_last_step last = {(const tr_last_step_type *)module, tr_module_defaults(module)};
    double factor = fabs(factor_of(e, &last, e->sampler->diffusion.norm));
    if (last.type->identity || !(factor < *least)) continue;
    name = module->name;
    *least = factor;
  }
  return name;
}

bool form_last_step(tr_ctx *ctx, const tr_sampler *s, tr_quantity kind, const char *plural, char *text,
                    size_t size) {
  const tr_diffusion *form = &s->diffusion;
  ending e = {.ctx = ctx, .sampler = s};
  char of_norm[64] = "";
  double least;
  if (!s->last.type || s->last.type->identity || !form->type) return false;
  if (tr_prediction_of(ctx, kind, &e.prediction) != TR_OK) return tr_ctx_clear(ctx), false;
  const double factor = factor_of(&e, &s->last, form->norm);
  const char *better = fabs(factor) > MORE_NOISE ? quietest(&e, &least) : NULL;
  if (!better) return false;
  const double norm = form->norm / fabs(factor);
  if (fabs(factor_of(&e, &s->last, norm)) < MORE_NOISE)
    snprintf(of_norm, sizeof of_norm, ", or --diffusion-norm%s %.2g", plural, norm);
  snprintf(text, size,
           "the last step %s multiplies the noise left at t = %g by %.3g (form %s at norm %g): use "
           "--last-step%s %s, which multiplies it by %.2g%s",
           s->last.type->info.name, 1 - s->last_size, factor, form->type->info.name, form->norm, plural,
           better, least, of_norm);
  return true;
}
