#include "experiments/sweep/scene.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/common/advice.h"
#include "experiments/input/form.h"

#define DIRECTIONS 64

static const advice_reader as_read = {&sweep_table, 0, NULL};

static tr_ctx *context(const sweep_scene *scene) {
  return scene->target->program->ctx;
}

static int64_t count(const sweep_scene *scene) {
  return scene->target->n * scene->target->row;
}

/* ---- what takes time ---- */

/* A tight solve, or a run of this setting, of about so many evaluations, in words. */
static void begin(sweep_scene *scene, int part, double cost, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void begin(sweep_scene *scene, int part, double cost, const char *format, ...) {
  progress *p = scene->progress;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(p->what, sizeof p->what, format, arguments);
  va_end(arguments);
  progress_part(p, cost / scene->total_cost, 0, 1);
  if (scene->forecast) sweep_forecast_begin(scene->forecast, part);
  scene->began = program_seconds();
}

static double finish(sweep_scene *scene, long evaluations) {
  double seconds = program_seconds() - scene->began;
  if (scene->forecast) sweep_forecast_end(scene->forecast, seconds, evaluations);
  return seconds;
}

static const char *path_name(const sweep_scene *scene) {
  return scene->plan->paths[scene->path].type->info.name;
}

/* ---- tight solves ---- */

/* state (n, row): starts, and then where the flow takes them. */
static tr_status solve_now(sweep_scene *scene, const sweep_tight_key *key, tr_array *x, double *state) {
  sweep_tight *tight = scene->tight;
  char whose[48];
  if (key->seed >= 0)
    snprintf(whose, sizeof whose, "seed %ld", key->seed);
  else
    snprintf(whose, sizeof whose, "set %d of the law", key->set + 1);
  long left = scene->forecast && scene->forecast->tight_left > 0 ? scene->forecast->tight_left : 1;
  begin(scene, SWEEP_FORECAST_TIGHT, SWEEP_TIGHT_COST, "tight solve %ld of %ld: %s, %s", tight->made + 1,
        tight->made + left, path_name(scene), whose);
  TR_TRY(sweep_tight_solve(tight, key, x, state));
  double seconds = finish(scene, tight->evaluations);
  if (scene->target->options->verbose)
    program_say(scene->target->program, "%s: %ld evaluations, %.3g s", scene->progress->what,
                tight->evaluations, seconds);
  return TR_OK;
}

static tr_status load_or_solve(sweep_scene *scene, const sweep_tight_key *key, tr_array *x, double *state) {
  bool found;
  TR_TRY(program_check_interrupt(scene->target->program));
  TR_TRY(sweep_tight_load(scene->tight, key, state, &found));
  return found ? TR_OK : solve_now(scene, key, x, state);
}

static tr_status flow_of_gaussian(sweep_scene *scene) {
  tr_gaussian g = mixture_component(&scene->target->mixture, 0);
  const tr_interpolant *path = &scene->plan->paths[scene->path];
  for (double *x = scene->end; x < scene->end + count(scene); x += g.n)
    TR_TRY(tr_gaussian_flow(context(scene), &g, path, 0, 1, x, x));
  return TR_OK;
}

static tr_status find_end(sweep_scene *scene) {
  const sweep_tight_key key = {&scene->plan->paths[scene->path], scene->plan->seeds[scene->seed], 0};
  tr_array *x;
  if (!sweep_scene_solves(scene)) return flow_of_gaussian(scene);
  TR_TRY(sweep_target_state(scene->target, TR_F64, scene->target->n, &x));
  tr_status status = load_or_solve(scene, &key, x, scene->end);
  tr_array_destroy(&x);
  return status;
}

bool sweep_scene_solves(const sweep_scene *scene) {
  return !scene->target->exact || scene->target->mixture.K > 1;
}

tr_status sweep_scene_solve(sweep_scene *scene) {
  double square = 0;
  if (scene->solved || !scene->end) return TR_OK;
  TR_TRY(tr_array_get_f64(scene->start, scene->end));
  TR_TRY(find_end(scene));
  for (int64_t i = 0; i < count(scene); i++) square += scene->end[i] * scene->end[i] / (double)count(scene);
  scene->end_rms = sqrt(square);
  scene->solved = true;
  return TR_OK;
}

/* ---- setting the scene ---- */

#define OTHER_SEED ((uint64_t)1 << 63) /* no run has it */

static tr_status draw_exact(sweep_scene *scene, uint64_t seed) {
  const sweep_target *t = scene->target;
  mixture_sample(&t->mixture, seed, t->n, scene->drawn);
  scene->samples = scene->drawn;
  mixture_sample(&t->mixture, seed | OTHER_SEED, t->n, scene->result);
  return stat_sliced_w2(context(scene), t->n, t->row, scene->samples, scene->result, DIRECTIONS,
                        &scene->sw2_floor);
}

/* The law of a checkpoint: the flow from other starts, with the classes of the runs. */
static tr_status draw_sets(sweep_scene *scene, tr_array *x) {
  const sweep_target *t = scene->target;
  int sets = (int)t->options->tight_sets;
  tr_sampler sampler = {.seed = OTHER_SEED};
  for (int k = 0; k < sets; k++) {
    const sweep_tight_key key = {&scene->plan->paths[scene->path], -1, k};
    double *set = scene->drawn + k * count(scene);
    sampler.first_sample = (uint64_t)(k * t->n);
    TR_TRY(tr_sample_init(&sampler, x));
    TR_TRY(tr_array_get_f64(x, set));
    TR_TRY(load_or_solve(scene, &key, x, set));
  }
  stat_law_free(&scene->law);
  return stat_law_create(context(scene), sets, t->n, t->row, scene->drawn, &scene->law);
}

static tr_status make_law(sweep_scene *scene) {
  tr_array *x;
  TR_TRY(sweep_target_state(scene->target, TR_F64, scene->target->n, &x));
  tr_status status = draw_sets(scene, x);
  tr_array_destroy(&x);
  return status;
}

/* One of the sets for each seed, and the next one for the distance between two. */
static tr_status choose_set(sweep_scene *scene) {
  const sweep_target *t = scene->target;
  int own = scene->seed % scene->law.sets, other = (own + 1) % scene->law.sets;
  scene->samples = scene->drawn + own * count(scene);
  return stat_sliced_w2(context(scene), t->n, t->row, scene->samples, scene->drawn + other * count(scene),
                        DIRECTIONS, &scene->sw2_floor);
}

bool sweep_scene_has_law(const sweep_scene *scene) {
  return scene->target->exact || sweep_plan_has_sde(scene->plan);
}

int sweep_scene_path_sets(const sweep_scene *scene) {
  return scene->target->exact || !sweep_scene_has_law(scene) ? 0 : (int)scene->target->options->tight_sets;
}

static bool has_ode(const sweep_plan *plan) {
  for (int i = 0; i < plan->n_settings; i++)
    if (plan->settings[i].ode) return true;
  return false;
}

static tr_status make_room(sweep_scene *scene) {
  size_t bytes = (size_t)count(scene) * sizeof(double);
  bool ode = has_ode(scene->plan), law = sweep_scene_has_law(scene);
  size_t sets = scene->target->exact ? 1 : (size_t)scene->target->options->tight_sets;
  if (scene->start) return TR_OK;
  scene->result = malloc(bytes);
  scene->end = ode ? malloc(bytes) : NULL;
  scene->drawn = law ? malloc(sets * bytes) : NULL;
  if (!scene->result || (ode && !scene->end) || (law && !scene->drawn))
    return TR_FAIL(context(scene), TR_E_MEM, "out of memory for %lld samples", (long long)scene->target->n);
  return sweep_target_state(scene->target, scene->target->dtype, scene->target->n, &scene->start);
}

tr_status sweep_scene_set(sweep_scene *scene, int path, int seed) {
  if (scene->path == path && scene->seed == seed) return TR_OK;
  TR_TRY(make_room(scene));
  bool enters = scene->path != path;
  if (enters) TR_TRY(sweep_target_enter(scene->target, &scene->plan->paths[path]));
  scene->path = path;
  scene->seed = seed;
  scene->solved = false;
  if (enters && sweep_scene_path_sets(scene)) TR_TRY(make_law(scene));
  tr_sampler sampler = {.seed = (uint64_t)scene->plan->seeds[seed]};
  TR_TRY(tr_sample_init(&sampler, scene->start));
  if (!sweep_scene_has_law(scene)) return TR_OK;
  return scene->target->exact ? draw_exact(scene, sampler.seed) : choose_set(scene);
}

void sweep_scene_free(sweep_scene *scene) {
  tr_array_destroy(&scene->start);
  free(scene->end);
  free(scene->drawn);
  stat_law_free(&scene->law);
  free(scene->result);
}

/* ---- runs ---- */

tr_status sweep_scene_sampler(const sweep_scene *scene, const sweep_setting *s, tr_sampler *out) {
  const sweep_options *o = scene->target->options;
  TR_TRY(tr_sampler_defaults(context(scene), out));
  out->interpolant = scene->plan->paths[scene->path];
  out->drift = scene->target->drift;
  out->sample_eps = 0;
  if (s->steps) out->n_steps = (int)s->steps + 1;
  if (s->grid.type) out->grid = s->grid;
  out->seed = (uint64_t)scene->plan->seeds[scene->seed];
  TR_TRY(tr_clock_find(context(scene), o->clock, &out->clock));
  out->on_progress = progress_tick;
  out->progress_user = scene->progress;
  double atol = isnan(o->atol) ? s->rtol : o->atol;
  const tr_ode_method *solves = s->ode ? s->ode : s->inner;
  if (solves)
    out->ode = (tr_ode_spec){
        .method = solves, .values = s->ode ? s->values : s->inner_values, .rtol = s->rtol, .atol = atol};
  if (s->ode) return TR_OK;
  out->sde = (tr_sde_spec){.method = s->sde, .values = s->values};
  out->diffusion = s->diffusion;
  if (s->inner) {
    out->restarts = scene->plan->restarts;
    out->n_restarts = scene->plan->n_restarts;
    return TR_OK;
  }
  out->sde.rtol = s->rtol;
  out->sde.atol = s->adaptive ? atol : 0;
  out->last = s->last;
  out->last_size = o->last_step_size;
  return TR_OK;
}

static tr_status sample(const sweep_setting *s, const tr_sampler *sampler, const tr_cond *cond, tr_array *x,
                        tr_sample_stats *stats) {
  return s->sde ? tr_sample_sde(sampler, cond, x, stats) : tr_sample_ode(sampler, cond, x, stats);
}

static double root(double square) {
  return sqrt(fmax(0, square));
}

static tr_status measure(sweep_scene *scene, const sweep_setting *s, sweep_result *r) {
  const sweep_target *t = scene->target;
  if (s->ode) {
    double square = 0;
    for (int64_t i = 0; i < count(scene); i++) {
      double off = scene->result[i] - scene->end[i];
      square += off * off / (double)count(scene);
    }
    r->rms = sqrt(square);
    r->relative = r->rms / scene->end_rms;
  }
  if (!scene->samples) return TR_OK;
  stat_moment_errors e;
  TR_TRY(t->exact ? stat_compare_moments(context(scene), t->n, t->row, scene->result, t->mean, t->cov, &e)
                  : stat_law_compare(context(scene), &scene->law, scene->result, &e));
  r->mean_error = root(e.mean_error2);
  r->mean_noise = root(e.mean_noise2);
  r->cov_error = root(e.cov_error2);
  r->cov_noise = root(e.cov_noise2);
  r->sw2_floor = scene->sw2_floor;
  return stat_sliced_w2(context(scene), t->n, t->row, scene->result, scene->samples, DIRECTIONS, &r->sw2);
}

/* A run that came to nothing: its row says so. */
static tr_status note_failure(sweep_scene *scene, tr_status status, sweep_result *r) {
  if (status != TR_E_NONFINITE && status != TR_E_SOLVER) return status;
  advice_error(context(scene), status, &as_read);
  snprintf(r->status, sizeof r->status, "%s", status == TR_E_SOLVER ? "failed" : "diverged");
  snprintf(r->message, sizeof r->message, "%s", TR_SHOW(tr_ctx_error(context(scene))->message, 255));
  tr_ctx_clear(context(scene));
  return TR_OK;
}

static bool finite(const sweep_scene *scene) {
  for (int64_t i = 0; i < count(scene); i++)
    if (!isfinite(scene->result[i])) return false;
  return true;
}

static void begin_run(sweep_scene *scene, const sweep_setting *s) {
  char series[160], amount[40];
  sweep_plan_series(s, series, sizeof series);
  sweep_plan_amount(s, amount, sizeof amount);
  int part = scene->forecast ? (int)(s - scene->plan->settings) : SWEEP_FORECAST_NONE;
  begin(scene, part, sweep_scene_cost(s), "row %d of %d: %s, %s, %s, seed %ld", scene->row, scene->n_rows,
        series, amount, path_name(scene), scene->plan->seeds[scene->seed]);
}

static tr_status run_on(sweep_scene *scene, const sweep_setting *s, tr_array *x, sweep_result *r) {
  tr_sampler sampler;
  tr_sample_stats stats;
  tr_cond cond = sweep_target_cond(scene->target, scene->target->n);
  TR_TRY(sweep_scene_sampler(scene, s, &sampler));
  TR_TRY(tr_array_copy(scene->start, x));
  begin_run(scene, s);
  scene->warning[0] = 0;
  double started = program_seconds();
  tr_status status = sample(s, &sampler, &cond, x, &stats);
  r->wall_seconds = program_seconds() - started;
  finish(scene, stats.nfe);
  r->nfe = stats.nfe;
  r->accepted = stats.n_steps;
  r->rejected = stats.n_rejected;
  if (status != TR_OK) return note_failure(scene, status, r);
  TR_TRY(tr_array_get_f64(x, scene->result));
  snprintf(r->status, sizeof r->status, "%s", finite(scene) ? "ok" : "diverged");
  snprintf(r->message, sizeof r->message, "%s", scene->warning);
  return finite(scene) ? measure(scene, s, r) : TR_OK;
}

tr_status sweep_scene_run(sweep_scene *scene, const sweep_setting *s, sweep_result *out) {
  tr_array *x;
  *out = (sweep_result){.rms = NAN,
                        .relative = NAN,
                        .mean_error = NAN,
                        .mean_noise = NAN,
                        .cov_error = NAN,
                        .cov_noise = NAN,
                        .sw2 = NAN,
                        .sw2_floor = NAN};
  if (s->ode) TR_TRY(sweep_scene_solve(scene));
  TR_TRY(tr_array_like(scene->start, &x));
  tr_status status = run_on(scene, s, x, out);
  tr_array_destroy(&x);
  return status;
}

static tr_status try_on(sweep_scene *scene, const sweep_setting *s, tr_array *x) {
  tr_sampler sampler;
  tr_cond cond = sweep_target_cond(scene->target, 1);
  TR_TRY(sweep_scene_sampler(scene, s, &sampler));
  sampler.max_nfe = sampler.drift->forwards > 1 ? sampler.drift->forwards : 1;
  TR_TRY(tr_sample_init(&sampler, x));
  return sample(s, &sampler, &cond, x, NULL);
}

/* What the form cannot do without, by the options that give it. */
static tr_status check_form(const sweep_scene *scene, const sweep_setting *s) {
  const sweep_options *o = scene->target->options;
  const param_alias eta = {"eta", "eta", o->eta};
  const param_source source = {"form-param", &o->form_params, &eta, 1};
  return s->diffusion.type ? form_complete(context(scene), &s->diffusion, &source) : TR_OK;
}

static tr_status try_once(sweep_scene *scene, const sweep_setting *s) {
  tr_array *x;
  TR_TRY(check_form(scene, s));
  TR_TRY(sweep_target_enter(scene->target, &scene->plan->paths[scene->path]));
  TR_TRY(sweep_target_state(scene->target, scene->target->dtype, 1, &x));
  tr_status status = try_on(scene, s, x);
  tr_array_destroy(&x);
  return status;
}

tr_status sweep_scene_try(sweep_scene *scene, int path, const sweep_setting *s, char why[256]) {
  tr_ctx *ctx = context(scene);
  char series[256];
  scene->path = path;
  scene->seed = 0;
  tr_status status = try_once(scene, s);
  scene->path = scene->seed = -1;
  if (status == TR_E_NONFINITE || status == TR_E_SOLVER) tr_ctx_clear(ctx), status = TR_OK;
  if (status != TR_E_ARG && status != TR_E_UNSUPPORTED) return status;
  advice_error(ctx, status, &as_read);
  snprintf(why, 256, "%s", TR_SHOW(tr_ctx_error(ctx)->message, 255));
  tr_ctx_clear(ctx);
  sweep_plan_series(s, series, sizeof series);
  return TR_FAIL(ctx, TR_E_ARG, "%s on %s: %s", series, scene->plan->paths[path].type->info.name, why);
}

tr_status sweep_scene_last_step(sweep_scene *scene, int path, const sweep_setting *s, bool *multiplies,
                                char *text, size_t size) {
  tr_sampler sampler;
  scene->path = path;
  scene->seed = 0;
  tr_status status = sweep_target_enter(scene->target, &scene->plan->paths[path]);
  if (status == TR_OK) status = sweep_scene_sampler(scene, s, &sampler);
  scene->path = scene->seed = -1;
  *multiplies = status == TR_OK &&
                form_last_step(context(scene), &sampler, scene->target->drift->kind, "s", text, size);
  return status;
}

double sweep_scene_cost(const sweep_setting *s) {
  if (s->inner && s->steps) return (double)s->steps * (s->inner->nfe_per_step ? s->inner->nfe_per_step : 10);
  if (s->sde && s->steps) return (double)s->steps * s->sde->nfe_per_step + 1;
  if (s->steps) return (double)s->steps * (s->ode->nfe_per_step ? s->ode->nfe_per_step : 2);
  return 20 * (1 - log10(s->rtol));
}
