#include "experiments/sweep/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/common/noised.h"
#include "experiments/common/param_options.h"
#include "experiments/common/program.h"

/* ---- solvers ---- */

/* By alias or in another case; no error is left behind. */
static const tr_module *loosely(tr_ctx *ctx, const char *kind, const char *name) {
  const tr_module *module;
  if (tr_find(ctx, kind, name, &module) == TR_OK) return module;
  tr_ctx_clear(ctx);
  return NULL;
}

static tr_status unknown_solver(tr_ctx *ctx, const char *name) {
  static const char *const kinds[] = {TR_KIND_ODE_METHOD, TR_KIND_SDE_METHOD};
  const char *names[128];
  const tr_module *module;
  int n = 0;
  for (int k = 0; k < 2; k++)
    for (int i = 0; n < 128 && (module = tr_module_at(ctx, kinds[k], i)); i++) names[n++] = module->name;
  const char *near = tr_nearest(name, names, n);
  if (near)
    return TR_FAIL(ctx, TR_E_ARG, "--solvers: unknown solver '%s': did you mean '%s'?", TR_SHOW(name, 100),
                   near);
  return TR_FAIL(
      ctx, TR_E_ARG,
      "--solvers: unknown solver '%s': see 'transit list ode-method' and 'transit list sde-method'",
      TR_SHOW(name, 100));
}

static tr_status find_method(tr_ctx *ctx, const char *name, sweep_setting *out) {
  *out = (sweep_setting){0};
  const tr_module *ode = tr_module_named(ctx, TR_KIND_ODE_METHOD, name),
                  *sde = ode ? NULL : tr_module_named(ctx, TR_KIND_SDE_METHOD, name);
  if (!ode && !sde) ode = loosely(ctx, TR_KIND_ODE_METHOD, name);
  if (!ode && !sde) sde = loosely(ctx, TR_KIND_SDE_METHOD, name);
  if (!ode && !sde) return unknown_solver(ctx, name);
  snprintf(out->solver, sizeof out->solver, "%s", (ode ? ode : sde)->name);
  out->ode = (const tr_ode_method *)ode;
  out->sde = (const tr_sde_method *)sde;
  out->adaptive = ode && out->ode->caps & TR_ODE_ADAPTIVE;
  return TR_OK;
}

/* A method alone, or one of noise around an ODE method, a '+' between them. */
static tr_status find_solver(tr_ctx *ctx, const char *text, sweep_setting *out) {
  const char *plus = strchr(text, '+');
  char outer[64];
  sweep_setting inner;
  char around[256];
  noised_names(ctx, NOISED_AROUND, "and", around, sizeof around);
  if (plus && (plus == text || !plus[1]))
    return TR_FAIL(ctx, TR_E_ARG,
                   "--solvers: '%s' lacks a method beside its '+': a method of ODEs stands after it, and "
                   "before it only %s can",
                   TR_SHOW(text, 100), around);
  tr_text_show(text, plus ? (size_t)(plus - text) : strlen(text), outer, sizeof outer);
  TR_TRY(find_method(ctx, outer, out));
  if (!out->sde || !tr_noised_ode_of(out->sde))
    return plus ? TR_FAIL(ctx, TR_E_ARG, "--solvers: '%s': only %s are around an ODE method",
                          TR_SHOW(text, 100), around)
                : TR_OK;
  TR_TRY(find_method(ctx, plus ? plus + 1 : NOISED_ODE_METHOD, &inner));
  if (!inner.ode)
    return TR_FAIL(ctx, TR_E_ARG, "--solvers: '%s': %s is a method of SDEs, %s needs one of ODEs",
                   TR_SHOW(text, 100), inner.solver, out->sde->info.name);
  out->inner = inner.ode;
  snprintf(out->solver, sizeof out->solver, "%.20s+%.40s", out->sde->info.name, inner.ode->info.name);
  return TR_OK;
}

/* ---- settings ---- */

/* Adds one setting for every tolerance or number of steps. */
static void add_series(const sweep_options *o, sweep_plan *plan, sweep_setting setting) {
  bool list = setting.grid.type && setting.grid.type->is_list;
  const tr_double_list *rtol = setting.sde && !setting.inner ? &o->sde_rtol : &o->rtol;
  int n = list ? 1 : setting.adaptive ? rtol->n : o->steps.n;
  setting.series = plan->n_series++;
  for (int i = 0; i < n; i++) {
    if (setting.adaptive)
      setting.rtol = rtol->v[i];
    else
      setting.steps = list ? plan->n_grid_list - 1 : o->steps.v[i];
    plan->settings[plan->n_settings++] = setting;
  }
}

/* A series for every time grid, where the solver walks one. */
static tr_status add_grids(tr_ctx *ctx, const sweep_options *o, sweep_plan *plan, sweep_setting setting) {
  for (int g = 0; g < (setting.adaptive ? 1 : o->time_grids.n); g++) {
    if (!setting.adaptive) {
      const param_source source = {.option = "grid-param", .pairs = &o->grid_params};
      TR_TRY(tr_grid_find(ctx, o->time_grids.v[g], &setting.grid));
      TR_TRY(param_set(ctx, &source, &setting.grid.type->info, &setting.grid.values));
      if (setting.grid.type->is_list)
        setting.grid.list = plan->grid_list, setting.grid.n_list = plan->n_grid_list;
    }
    add_series(o, plan, setting);
  }
  return TR_OK;
}

/* Noise around an ODE method: with every tolerance of an adaptive one. */
static tr_status add_noised(tr_ctx *ctx, const sweep_options *o, sweep_plan *plan, sweep_setting setting) {
  if (!(setting.inner->caps & TR_ODE_ADAPTIVE)) return add_grids(ctx, o, plan, setting);
  setting.adaptive = !(tr_noised_ode_of(setting.sde)->reads & TR_NOISED_GRID);
  if (setting.adaptive) return add_grids(ctx, o, plan, setting);
  for (int i = 0; i < o->rtol.n; i++) {
    setting.rtol = o->rtol.v[i];
    TR_TRY(add_grids(ctx, o, plan, setting));
  }
  return TR_OK;
}

/* With every last step. */
static tr_status add_plain(tr_ctx *ctx, const sweep_options *o, sweep_plan *plan, sweep_setting setting) {
  const param_source source = {.option = "last-step-param", .pairs = &o->last_step_params};
  for (int l = 0; l < o->last_steps.n; l++) {
    TR_TRY(tr_last_step_find(ctx, o->last_steps.v[l], &setting.last));
    TR_TRY(param_set(ctx, &source, &setting.last.type->info, &setting.last.values));
    TR_TRY(add_grids(ctx, o, plan, setting));
    if (!setting.sde->error || o->sde_rtol.n == 0) continue;
    setting.adaptive = true;
    add_series(o, plan, setting);
    setting.adaptive = false;
  }
  return TR_OK;
}

static tr_status warn_without_table(tr_ctx *ctx, const sweep_options *o) {
  tr_diffusion form;
  for (int f = 0; f < o->forms.n && !o->diffusion_table; f++) {
    TR_TRY(tr_diffusion_find(ctx, o->forms.v[f], &form));
    if (form.type->without_table)
      tr_ctx_warn(ctx, "the form %s without --diffusion-table: %s", form.type->info.name,
                  form.type->without_table);
  }
  return TR_OK;
}

static tr_status set_form(tr_ctx *ctx, const sweep_options *o, const sweep_plan *plan, int form, int norm,
                          tr_diffusion *d) {
  const param_alias eta = {"eta", "eta", o->eta};
  const param_source source = {"form-param", &o->form_params, &eta, 1};
  TR_TRY(tr_diffusion_find(ctx, o->forms.v[form], d));
  d->norm = o->norms.v[norm];
  TR_TRY(param_set(ctx, &source, &d->type->info, &d->values));
  if (d->type->caps & (TR_DIFFUSION_TABLE | TR_DIFFUSION_TABLE_OPTIONAL)) d->table = plan->table;
  return TR_OK;
}

/* With every diffusion form and norm, where the method reads one. */
static tr_status add_sde(tr_ctx *ctx, const sweep_options *o, sweep_plan *plan, sweep_setting setting) {
  bool noised = tr_noised_ode_of(setting.sde) != NULL;
  if (!tr_sde_reads_form(setting.sde, &setting.values)) return add_noised(ctx, o, plan, setting);
  for (int f = 0; f < o->forms.n; f++)
    for (int n = 0; n < o->norms.n; n++) {
      TR_TRY(set_form(ctx, o, plan, f, n, &setting.diffusion));
      TR_TRY(noised ? add_noised(ctx, o, plan, setting) : add_plain(ctx, o, plan, setting));
    }
  return TR_OK;
}

/* The intervals, when a method that reads them is asked for. */
static tr_status set_restarts(tr_ctx *ctx, const sweep_options *o, const sweep_setting *s, sweep_plan *plan) {
  if (!s->sde || !noised_has(s->sde, NOISED_RESTARTS) || plan->restarts) return TR_OK;
  return noised_restarts(ctx, &o->noised, s->sde, &plan->restarts, &plan->n_restarts);
}

static const tr_module *method_of(const sweep_setting *s) {
  return s->ode ? &s->ode->info : &s->sde->info;
}

/* Parameters of the method, and of the one within it. */
static tr_status set_params(tr_ctx *ctx, const sweep_options *o, sweep_setting *s) {
  TR_TRY(noised_params(ctx, &o->noised, &o->method_params, false, method_of(s), &s->values));
  if (!s->inner) return TR_OK;
  return noised_params(ctx, &o->noised, &o->method_params, false, &s->inner->info, &s->inner_values);
}

/* Every parameter given is one of a solver's. */
static tr_status check_method_params(tr_ctx *ctx, const sweep_options *o, const sweep_plan *plan) {
  const param_source source = {.option = "method-param", .pairs = &o->method_params};
  const tr_module **modules = malloc(2 * (size_t)plan->n_settings * sizeof *modules);
  if (!modules) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d settings", plan->n_settings);
  int n = 0;
  for (int i = 0; i < plan->n_settings; i++) {
    const sweep_setting *s = &plan->settings[i];
    if (i > 0 && strcmp(s->solver, s[-1].solver) == 0) continue;
    modules[n++] = method_of(s);
    if (s->inner) modules[n++] = &s->inner->info;
  }
  tr_status status = param_check(ctx, &source, modules, n);
  free(modules);
  return status;
}

static tr_status check_sde_rtol(tr_ctx *ctx, const sweep_options *o, const sweep_plan *plan) {
  for (int i = 0; i < plan->n_settings; i++)
    if (plan->settings[i].sde && !plan->settings[i].inner && plan->settings[i].adaptive) return TR_OK;
  if (o->sde_rtol.n == 0) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_ARG,
      "--sde-rtol asks for adaptive steps of an SDE method with an error estimate, such as shark: no solver "
      "given is one");
}

static tr_status check_repeats(tr_ctx *ctx, const sweep_options *o) {
  for (int i = 1; i < o->rtol.n; i++)
    for (int j = 0; j < i; j++)
      if (o->rtol.v[i] == o->rtol.v[j])
        return TR_FAIL(ctx, TR_E_ARG, "--rtol has %g twice: give it once", o->rtol.v[i]);
  for (int i = 1; i < o->sde_rtol.n; i++)
    for (int j = 0; j < i; j++)
      if (o->sde_rtol.v[i] == o->sde_rtol.v[j])
        return TR_FAIL(ctx, TR_E_ARG, "--sde-rtol has %g twice: give it once", o->sde_rtol.v[i]);
  for (int i = 1; i < o->steps.n; i++)
    for (int j = 0; j < i; j++)
      if (o->steps.v[i] == o->steps.v[j])
        return TR_FAIL(ctx, TR_E_ARG, "--steps has %ld twice: give it once", o->steps.v[i]);
  for (int i = 1; i < o->norms.n; i++)
    for (int j = 0; j < i; j++)
      if (o->norms.v[i] == o->norms.v[j])
        return TR_FAIL(ctx, TR_E_ARG, "--diffusion-norms has %g twice: give it once", o->norms.v[i]);
  return TR_OK;
}

static tr_status make_settings(tr_ctx *ctx, const sweep_options *o, sweep_plan *plan) {
  long longest = (o->rtol.n + 1L) * o->steps.n + o->rtol.n + o->sde_rtol.n;
  size_t most = (size_t)o->solvers.n * (size_t)longest * (size_t)o->time_grids.n * (size_t)o->forms.n *
                (size_t)o->norms.n * (size_t)o->last_steps.n;
  plan->settings = malloc(most * sizeof *plan->settings);
  if (!plan->settings) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %zu settings", most);
  for (int i = 0; i < o->solvers.n; i++) {
    sweep_setting setting;
    TR_TRY(find_solver(ctx, o->solvers.v[i], &setting));
    for (int j = 0; j < plan->n_settings; j++)
      if (strcmp(plan->settings[j].solver, setting.solver) == 0)
        return TR_FAIL(ctx, TR_E_ARG, "--solvers has '%s' twice: give it once", setting.solver);
    TR_TRY(set_params(ctx, o, &setting));
    TR_TRY(set_restarts(ctx, o, &setting, plan));
    TR_TRY(setting.sde ? add_sde(ctx, o, plan, setting) : add_grids(ctx, o, plan, setting));
  }
  return TR_OK;
}

/* ---- paths, grids and seeds ---- */

static tr_status read_grid(tr_ctx *ctx, const sweep_options *o, sweep_plan *plan) {
  bool listed = false;
  for (int i = 0; i < o->time_grids.n; i++) {
    tr_grid grid;
    TR_TRY(tr_grid_find(ctx, o->time_grids.v[i], &grid));
    listed = listed || grid.type->is_list;
  }
  if (listed != (o->grid_file != NULL))
    return TR_FAIL(ctx, TR_E_ARG,
                   "--grid-file and list among --time-grids belong together: give both or neither");
  return listed ? tr_grid_read(ctx, o->grid_file, &plan->grid_list, &plan->n_grid_list) : TR_OK;
}

/* Everything given for the modules of a kind is a parameter of one of these. */
static tr_status check_params(tr_ctx *ctx, const param_source *source, const char *kind,
                              const tr_text_list *names) {
  if (!param_given(source)) return TR_OK;
  const tr_module **modules = malloc((size_t)names->n * sizeof *modules);
  if (!modules) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d modules", names->n);
  tr_status status = TR_OK;
  for (int i = 0; i < names->n && status == TR_OK; i++) status = tr_find(ctx, kind, names->v[i], &modules[i]);
  if (status == TR_OK) status = param_check(ctx, source, modules, names->n);
  free(modules);
  return status;
}

static tr_status check_all_params(tr_ctx *ctx, const sweep_options *o) {
  const param_alias eta = {"eta", "eta", o->eta};
  const param_source of_forms = {"form-param", &o->form_params, &eta, 1},
                     of_grids = {.option = "grid-param", .pairs = &o->grid_params},
                     of_last_steps = {.option = "last-step-param", .pairs = &o->last_step_params};
  TR_TRY(check_params(ctx, &of_forms, TR_KIND_DIFFUSION, &o->forms));
  TR_TRY(check_params(ctx, &of_last_steps, TR_KIND_LAST_STEP, &o->last_steps));
  return check_params(ctx, &of_grids, TR_KIND_GRID, &o->time_grids);
}

/* own: the path of a checkpoint, sampled along it or along others; NULL: an exact target, on every path. */
static tr_status make_paths(tr_ctx *ctx, const sweep_options *o, const tr_interpolant *own,
                            sweep_plan *plan) {
  const char *usual = own ? own->type->info.name : "Linear";
  const tr_text_list *given = own ? &o->sample_paths : &o->path_types;
  const tr_text_list names = given->n ? *given : (tr_text_list){1, &usual};
  const param_source source = {.option = own ? "sample-path-param" : "path-param",
                               .pairs = own ? &o->sample_path_params : &o->model.path_params};
  TR_TRY(check_params(ctx, &source, TR_KIND_INTERPOLANT, &names));
  plan->n_paths = names.n;
  plan->paths = calloc((size_t)plan->n_paths, sizeof *plan->paths);
  if (!plan->paths) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d paths", plan->n_paths);
  for (int i = 0; i < plan->n_paths; i++) {
    tr_interpolant *path = &plan->paths[i];
    TR_TRY(tr_interpolant_find(ctx, names.v[i], path));
    if (own && path->type == own->type) *path = *own;
    TR_TRY(param_set(ctx, &source, &path->type->info, &path->values));
    TR_TRY(param_settled(ctx, source.option, &path->type->info, &path->values));
  }
  return TR_OK;
}

#define SEEDS_MAX 100000

static tr_status bad_seeds(tr_ctx *ctx, const char *option, const char *text) {
  return TR_FAIL(ctx, TR_E_ARG,
                 "--%s '%s' is not right: use A:B with 0 <= A < B (B is not run, at most %d seeds) or a list",
                 option, TR_SHOW(text, 100), SEEDS_MAX);
}

static bool read_seed(const char **at, long *out) {
  char *end;
  if (**at < '0' || **at > '9') return false;
  *out = strtol(*at, &end, 10);
  *at = end;
  return *out < LONG_MAX;
}

tr_status sweep_seeds_read(tr_ctx *ctx, const char *option, const char *text, long **seeds, int *n) {
  const char *at = text;
  long first, last;
  *n = 0;
  *seeds = malloc(SEEDS_MAX * sizeof **seeds);
  if (!*seeds) return TR_FAIL(ctx, TR_E_MEM, "out of memory for seeds");
  if (!read_seed(&at, &first)) return bad_seeds(ctx, option, text);
  if (*at == ':') {
    at++;
    if (!read_seed(&at, &last) || *at || last <= first || last - first > SEEDS_MAX)
      return bad_seeds(ctx, option, text);
    for (long seed = first; seed < last; seed++) (*seeds)[(*n)++] = seed;
    return TR_OK;
  }
  (*seeds)[(*n)++] = first;
  while (*at == ',' && *n < SEEDS_MAX) {
    at++;
    if (!read_seed(&at, &first)) return bad_seeds(ctx, option, text);
    for (int i = 0; i < *n; i++)
      if ((*seeds)[i] == first)
        return TR_FAIL(ctx, TR_E_ARG, "--%s has %ld twice: give it once", option, first);
    (*seeds)[(*n)++] = first;
  }
  return *at ? bad_seeds(ctx, option, text) : TR_OK;
}

tr_status sweep_plan_make(tr_ctx *ctx, const sweep_options *o, const tr_interpolant *own, sweep_plan *out) {
  *out = (sweep_plan){0};
  TR_TRY(make_paths(ctx, o, own, out));
  TR_TRY(check_all_params(ctx, o));
  TR_TRY(sweep_seeds_read(ctx, "seeds", o->seeds, &out->seeds, &out->n_seeds));
  TR_TRY(read_grid(ctx, o, out));
  if (o->diffusion_table) TR_TRY(tr_table_read(ctx, o->diffusion_table, &out->table));
  TR_TRY(warn_without_table(ctx, o));
  TR_TRY(make_settings(ctx, o, out));
  TR_TRY(check_method_params(ctx, o, out));
  TR_TRY(check_repeats(ctx, o));
  TR_TRY(check_sde_rtol(ctx, o, out));
  double runs = (double)out->n_paths * out->n_seeds * out->n_settings;
  if (runs > 1e7) return TR_FAIL(ctx, TR_E_ARG, "%.3g runs in one sweep: 1e7 at most", runs);
  const size_t combinations = (size_t)out->n_paths * (size_t)out->n_settings;
  out->skipped = calloc(combinations, sizeof *out->skipped);
  out->noted = calloc(combinations, sizeof *out->noted);
  if (out->skipped && out->noted) return TR_OK;
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d settings", out->n_settings);
}

static void free_texts(char **texts, int n) {
  for (int i = 0; texts && i < n; i++) free(texts[i]);
  free(texts);
}

void sweep_plan_free(sweep_plan *plan) {
  free_texts(plan->skipped, plan->n_paths * plan->n_settings);
  free_texts(plan->noted, plan->n_paths * plan->n_settings);
  free(plan->settings);
  free(plan->seeds);
  free(plan->paths);
  free(plan->grid_list);
  free(plan->restarts);
  tr_table_destroy(&plan->table);
  *plan = (sweep_plan){0};
}

bool sweep_plan_has_sde(const sweep_plan *plan) {
  for (int i = 0; i < plan->n_settings; i++)
    if (plan->settings[i].sde) return true;
  return false;
}

bool sweep_plan_has_adaptive(const sweep_plan *plan, bool sde) {
  for (int i = 0; i < plan->n_settings; i++)
    if (plan->settings[i].rtol > 0 && (plan->settings[i].sde && !plan->settings[i].inner) == sde) return true;
  return false;
}

bool sweep_plan_has_fixed(const sweep_plan *plan) {
  for (int i = 0; i < plan->n_settings; i++)
    if (!plan->settings[i].adaptive) return true;
  return false;
}

int sweep_plan_runs(const sweep_plan *plan) {
  return plan->n_paths * plan->n_seeds * plan->n_settings;
}

/* ---- what cannot work, or is to be said ---- */

static tr_status keep_text(tr_ctx *ctx, char **at, const char *text) {
  if (!*at) *at = strdup(text);
  return *at ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for what is said of a combination");
}

tr_status sweep_plan_skip(tr_ctx *ctx, sweep_plan *plan, int path, int setting, const char *why) {
  return keep_text(ctx, &plan->skipped[path * plan->n_settings + setting], why);
}

tr_status sweep_plan_note(tr_ctx *ctx, sweep_plan *plan, int path, int setting, const char *text) {
  return keep_text(ctx, &plan->noted[path * plan->n_settings + setting], text);
}

const char *sweep_plan_noted(const sweep_plan *plan, int path, int setting) {
  return plan->noted[path * plan->n_settings + setting];
}

const char *sweep_plan_skipped(const sweep_plan *plan, int path, int setting) {
  return plan->skipped[path * plan->n_settings + setting];
}

bool sweep_plan_wants(const sweep_plan *plan, int run) {
  return !sweep_plan_skipped(plan, run / plan->n_settings / plan->n_seeds, run % plan->n_settings);
}

int sweep_plan_wanted(const sweep_plan *plan) {
  int n = 0;
  for (int i = 0; i < plan->n_paths * plan->n_settings; i++) n += !plan->skipped[i];
  return n * plan->n_seeds;
}

/* ---- texts ---- */

void sweep_plan_amount(const sweep_setting *s, char *text, size_t size) {
  if (s->steps)
    snprintf(text, size, "%ld step%s", s->steps, PLURAL(s->steps));
  else
    snprintf(text, size, "rtol %.3g", s->rtol);
}

void sweep_plan_key(const sweep_plan *plan, int run, char key[SWEEP_KEY_MAX]) {
  const sweep_setting *s = &plan->settings[run % plan->n_settings];
  long seed = plan->seeds[run / plan->n_settings % plan->n_seeds];
  const char *path = plan->paths[run / plan->n_settings / plan->n_seeds].type->info.name;
  char form[128] = ",,", rtol[32] = "", steps[32] = "";
  if (s->diffusion.type)
    snprintf(form, sizeof form, "%s,%.15g,%s", s->diffusion.type->info.name, s->diffusion.norm,
             s->last.type ? s->last.type->info.name : "");
  if (s->rtol > 0) snprintf(rtol, sizeof rtol, "%.15g", s->rtol);
  if (s->steps) snprintf(steps, sizeof steps, "%ld", s->steps);
  snprintf(key, SWEEP_KEY_MAX, "%s,%s,%s,%s,%s,%s,%s,%ld", s->sde ? "SDE" : "ODE", s->solver, path,
           s->grid.type ? s->grid.type->info.name : "", form, rtol, steps, seed);
}

void sweep_plan_series(const sweep_setting *s, char *text, size_t size) {
  char grid[96] = "", noise[192] = "", rtol[48] = "";
  if (!s->ode && !s->inner && s->adaptive) snprintf(grid, sizeof grid, ", adaptive");
  if (s->grid.type && strcmp(s->grid.type->info.name, TR_GRID_DEFAULT) != 0)
    snprintf(grid, sizeof grid, ", %s grid", s->grid.type->info.name);
  if (s->inner && s->rtol > 0 && s->steps) snprintf(rtol, sizeof rtol, ", rtol %g", s->rtol);
  if (s->sde && s->diffusion.type)
    snprintf(noise, sizeof noise, ", %s n = %g%s%s", s->diffusion.type->info.name, s->diffusion.norm,
             s->last.type ? ", " : "", s->last.type ? s->last.type->info.name : "");
  snprintf(text, size, "%s%s%s%s", s->solver, grid, rtol, noise);
}
