/* The grids that compete. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/common/param_options.h"
#include "experiments/tune/grid.h"
#include "transport/transfer.h"

#define NODES (TUNE_PILOT_STEPS + 1)

static const tr_interpolant *path_of(const tune *t) {
  return &t->plan.paths[0];
}

static double angle(const tune *t, double time) {
  return tr_interpolant_at(path_of(t), time).theta;
}

/* n points uniform in theta; the ends exact. */
static void uniform_angles(const tune *t, int n, double *times) {
  double low = angle(t, 0), high = angle(t, 1);
  for (int i = 0; i < n; i++) times[i] = tr_interpolant_time(path_of(t), low + (high - low) * i / (n - 1));
  times[0] = 0;
  times[n - 1] = 1;
}

static tr_status add(tune *t, const char *name, int n, tune_candidate **out) {
  tune_candidate *c = &t->candidate[t->n_candidates];
  if (t->n_candidates == TUNE_CANDIDATES)
    return TR_FAIL(t->program->ctx, TR_E_ARG, "more than %d time grids", TUNE_CANDIDATES);
  *c = (tune_candidate){.n = n, .times = malloc((size_t)n * sizeof(double))};
  c->errors = malloc((size_t)t->plan.n_seeds * sizeof(double));
  snprintf(c->name, sizeof c->name, "%s", name);
  t->n_candidates++;
  *out = c;
  return c->times && c->errors ? TR_OK : TR_FAIL(t->program->ctx, TR_E_MEM, "out of memory for %d times", n);
}

/* ---- registered grids ---- */

static param_source given_params(const tune *t) {
  return (param_source){.option = "grid-param", .pairs = &t->options->sweep.grid_params};
}

/* Every parameter given is one of a rival's. */
static tr_status check_params(const tune *t) {
  const param_source given = given_params(t);
  const tr_module *rivals[TUNE_CANDIDATES], *module;
  int n = 0;
  for (int i = 0; n < TUNE_CANDIDATES && (module = tr_module_at(t->program->ctx, TR_KIND_GRID, i)); i++)
    if (!((const tr_grid_type *)module)->is_list) rivals[n++] = module;
  return param_check(t->program->ctx, &given, rivals, n);
}

/* With the parameters that were given. *competes: none is missing; else a warning names the first that is. */
static tr_status set_params(const tune *t, tr_grid *grid, bool *competes) {
  const param_source given = given_params(t);
  const tr_module *module = &grid->type->info;
  TR_TRY(param_set(t->program->ctx, &given, module, &grid->values));
  const char *missing = param_missing(module, &grid->values);
  *competes = !missing;
  if (!missing) return param_settled(t->program->ctx, given.option, module, &grid->values);
  tr_ctx_warn(t->program->ctx, "the time grid %s does not compete: give its parameter, --%s %s=VALUE",
              TR_SHOW(module->name, 80), given.option, TR_SHOW(missing, 80));
  return TR_OK;
}

static tr_status add_named(tune *t, const char *name) {
  tr_grid grid;
  tune_candidate *c;
  double *points;
  bool competes;
  int n;
  TR_TRY(tr_grid_find(t->program->ctx, name, &grid));
  if (grid.type->is_list) return TR_OK;
  TR_TRY(set_params(t, &grid, &competes));
  if (!competes) return TR_OK;
  TR_TRY(tr_grid_points(t->program->ctx, &grid, path_of(t), 0, 1, (int)t->setting.steps + 1, &points, &n));
  tr_status status = add(t, name, n, &c);
  if (status == TR_OK) memcpy(c->times, points, (size_t)n * sizeof *points);
  free(points);
  return status;
}

tr_status tune_add_registered(tune *t) {
  const tr_module *module;
  TR_TRY(check_params(t));
  TR_TRY(add_named(t, TR_GRID_DEFAULT));
  for (int i = 0; (module = tr_module_at(t->program->ctx, TR_KIND_GRID, i)); i++)
    if (strcmp(module->name, TR_GRID_DEFAULT) != 0) TR_TRY(add_named(t, module->name));
  return TR_OK;
}

/* ---- the canonical field along the flow ---- */

typedef struct {
  tune *tune;
  tr_drift *canonical;
  tr_array *f;
  int64_t count;  /* numbers in a state */
  double *fields; /* (NODES, count) */
} pilot;

static tr_status keep_field(int index, double time, const tr_array *x, void *user) {
  pilot *p = user;
  tr_cond cond = sweep_target_cond(&p->tune->target, p->tune->target.n);
  TR_TRY(tr_drift_eval(p->canonical, (tr_times){1, &time}, x, &cond, p->f));
  return tr_array_get_f64(p->f, p->fields + index * p->count);
}

/* Equal steps in theta by a method of one step: their error is smooth in theta, so that differences of the
 * field mean something. Dense output of an adaptive solve has bends. */
static tr_status follow(pilot *p, const sweep_scene *scene, tr_array *x) {
  tune *t = p->tune;
  double times[NODES];
  tr_sampler sampler;
  const tr_module *method;
  tr_ctx *ctx = t->program->ctx;
  TR_TRY(sweep_scene_sampler(scene, &t->setting, &sampler));
  TR_TRY(tr_find(ctx, TR_KIND_ODE_METHOD, "rk4-classical", &method));
  TR_TRY(tr_grid_find(ctx, "list", &sampler.grid));
  uniform_angles(t, NODES, times);
  sampler.ode.method = (const tr_ode_method *)method;
  sampler.ode.values = tr_module_defaults(method);
  sampler.drift = t->target.tight;
  sampler.clock = TR_CLOCK_ANGLE;
  sampler.grid.list = sampler.save_times = times;
  sampler.grid.n_list = sampler.n_save = NODES;
  sampler.on_output = keep_field;
  sampler.out_user = p;
  progress_part(&t->progress, 4 * TUNE_PILOT_STEPS / scene->total_cost, 0, 1);
  TR_TRY(program_check_interrupt(t->program));
  TR_TRY(tr_array_set_f64(x, p->fields));
  tr_cond cond = sweep_target_cond(&t->target, t->target.n);
  return tr_sample_ode(&sampler, &cond, x, NULL);
}

/* square[k] += sum over the samples of (d^order F / dtheta^order)^2 at node k, up to a factor. */
static void add_differences(const pilot *p, int order, double *square) {
  for (int64_t i = 0; i < p->count; i++) {
    double d[NODES];
    for (int k = 0; k < NODES; k++) d[k] = p->fields[k * p->count + i];
    for (int o = 0; o < order; o++)
      for (int k = 0; k < NODES - 1 - o; k++) d[k] = d[k + 1] - d[k];
    for (int k = 0; k < NODES; k++) {
      int at = k - order / 2, last = NODES - 1 - order;
      at = at < 0 ? 0 : at > last ? last : at;
      square[k] += d[at] * d[at];
    }
  }
}

/* ---- densities ---- */

#define ORDERS 3

void tune_bound_steps(int n, double *h) {
  double before = 0, after = 0;
  for (int i = 0; i < n; i++) before += h[i];
  for (int i = 1; i < n; i++) h[i] = fmin(h[i], TUNE_STEP_RATIO * h[i - 1]);
  for (int i = n - 2; i >= 0; i--) h[i] = fmin(h[i], TUNE_STEP_RATIO * h[i + 1]);
  for (int i = 0; i < n; i++) after += h[i];
  for (int i = 0; i < n; i++) h[i] *= before / after;
}

/* times <- the points that n steps h in theta make. */
static void times_of_steps(const tune *t, int n, double *h, double *times) {
  double theta = angle(t, 0);
  tune_bound_steps(n, h);
  for (int i = 0; i < n; i++) {
    times[i] = tr_interpolant_time(path_of(t), theta);
    theta += h[i];
  }
  times[0] = 0;
  times[n] = 1;
}

/* The share of points up to each node: (1 - even) of them by the density, the rest uniform in time. */
static void accumulate(const double *nodes, const double *density, double even, double *share) {
  double total = 0;
  share[0] = 0;
  for (int k = 1; k < NODES; k++) share[k] = total += (density[k - 1] + density[k]) / 2;
  for (int k = 0; k < NODES; k++)
    share[k] = (1 - even) * (total > 0 ? share[k] / total : nodes[k]) + even * nodes[k];
}

static tr_status add_density(tune *t, const double *density, int order, double even) {
  double nodes[NODES], share[NODES];
  int n = (int)t->setting.steps, k = 0;
  char name[80];
  tune_candidate *c;
  double low = angle(t, 0), width = (angle(t, 1) - low) / (NODES - 1), before = 0;
  snprintf(name, sizeof name, "F^(%d) density, %g uniform", order, even);
  TR_TRY(add(t, name, n + 1, &c));
  uniform_angles(t, NODES, nodes);
  accumulate(nodes, density, even, share);
  double *h = malloc((size_t)n * sizeof *h);
  if (!h) return TR_FAIL(t->program->ctx, TR_E_MEM, "out of memory for %d steps", n);
  for (int i = 0; i < n; i++) {
    double want = (i + 1.0) / n;
    while (k < NODES - 2 && share[k + 1] < want) k++;
    double theta = width * (k + fmin(1, (want - share[k]) / (share[k + 1] - share[k])));
    h[i] = theta - before;
    before = theta;
  }
  times_of_steps(t, n, h, c->times);
  free(h);
  return TR_OK;
}

static tr_status add_orders(tune *t, int first, double square[ORDERS][NODES]) {
  static const double evens[] = {0.2, 0.5};
  for (int o = 0; o < ORDERS; o++) {
    for (int k = 0; k < NODES; k++) square[o][k] = pow(square[o][k], 0.5 / (first + o + 1));
    for (size_t e = 0; e < sizeof evens / sizeof *evens; e++)
      TR_TRY(add_density(t, square[o], first + o, evens[e]));
  }
  return TR_OK;
}

static tr_status follow_all(pilot *p, int first, double square[ORDERS][NODES]) {
  tune *t = p->tune;
  for (int s = 0; s < t->pilot.n; s++) {
    tr_array *x;
    TR_TRY(tr_array_get_f64(t->pilot.scene[s].start, p->fields));
    TR_TRY(sweep_target_state(&t->target, TR_F64, t->target.n, &x));
    tr_status status = follow(p, &t->pilot.scene[s], x);
    tr_array_destroy(&x);
    TR_TRY(status);
    for (int o = 0; o < ORDERS; o++) add_differences(p, first + o, square[o]);
  }
  return TR_OK;
}

tr_status tune_add_densities(tune *t) {
  double square[ORDERS][NODES] = {{0}};
  int order = (int)lround(t->setting.ode->order), first = order > 1 ? order - 1 : 1;
  pilot p = {.tune = t, .count = t->target.n * t->target.row};
  p.fields = malloc((size_t)(NODES * p.count) * sizeof(double));
  tr_status status = p.fields
                         ? TR_OK
                         : TR_FAIL(t->program->ctx, TR_E_MEM, "out of memory for the fields of %lld samples",
                                   (long long)t->target.n);
  if (status == TR_OK)
    status = tr_drift_create_transferred(t->target.tight, path_of(t), path_of(t), &p.canonical);
  if (status == TR_OK) status = sweep_target_state(&t->target, TR_F64, t->target.n, &p.f);
  if (status == TR_OK) status = follow_all(&p, first, square);
  if (status == TR_OK) status = add_orders(t, first, square);
  tr_array_destroy(&p.f);
  tr_drift_destroy(&p.canonical);
  free(p.fields);
  return status;
}

/* ---- the warp ---- */

#define KNOTS 5

/* The step of `base` over [a, b] in theta, stretched by the warp at its middle. */
static double warped(const tune *t, const double *warp, double a, double b) {
  double low = angle(t, 0), at = (KNOTS - 1) * ((a + b) / 2 - low) / (angle(t, 1) - low);
  int k = at >= KNOTS - 1 ? KNOTS - 2 : (int)at;
  return (b - a) * exp(warp[k] + (at - k) * (warp[k + 1] - warp[k]));
}

static void apply_warp(const tune *t, const tune_candidate *base, const double *warp, double *h,
                       tune_candidate *out) {
  double sum = 0, width = angle(t, 1) - angle(t, 0);
  for (int i = 0; i + 1 < base->n; i++)
    sum += h[i] = warped(t, warp, angle(t, base->times[i]), angle(t, base->times[i + 1]));
  for (int i = 0; i + 1 < base->n; i++) h[i] *= width / sum;
  times_of_steps(t, base->n - 1, h, out->times);
}

static tr_status search_warp(tune *t, const tune_candidate *base, double *h, tune_candidate *out) {
  double warp[KNOTS] = {0}, best = INFINITY;
  int runs = 0;
  apply_warp(t, base, warp, h, out);
  TR_TRY(tune_measure(t, &t->pilot, out, NULL, &best));
  for (double size = 0.4; size > 0.05; size /= 2)
    for (int k = 0; k < KNOTS; k++)
      for (int sign = -1; sign <= 1 && ++runs < TUNE_WARP_RUNS; sign += 2) {
        double error, before = warp[k];
        warp[k] += sign * size;
        apply_warp(t, base, warp, h, out);
        TR_TRY(tune_measure(t, &t->pilot, out, NULL, &error));
        if (error < best) {
          best = error;
          break;
        }
        warp[k] = before;
      }
  apply_warp(t, base, warp, h, out);
  return TR_OK;
}

tr_status tune_add_warped(tune *t) {
  int best = 0;
  char name[80];
  tune_candidate *c;
  for (int i = 1; i < t->n_candidates; i++)
    if (t->candidate[i].pilot < t->candidate[best].pilot) best = i;
  snprintf(name, sizeof name, "%.60s, stretched", t->candidate[best].name);
  TR_TRY(add(t, name, t->candidate[best].n, &c));
  double *h = malloc((size_t)c->n * sizeof *h);
  if (!h) return TR_FAIL(t->program->ctx, TR_E_MEM, "out of memory for %d steps", c->n);
  tr_status status = search_warp(t, &t->candidate[best], h, c);
  free(h);
  return status;
}
