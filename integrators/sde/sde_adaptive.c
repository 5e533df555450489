/* The adaptive walk. The step's error estimate e is measured as r = sqrt(mean((e / (atol + rtol |x|))^2)), x
 * the state at its start. A step with r > 1 is taken again, shorter, over the same path. The next step
 * follows a PI controller with the exponents that diffrax recommends for SDEs (0.3 integral, 0.1
 * proportional): the estimate of a single step is a random number, and a controller that answers it at once
 * wanders. */
#include <math.h>

#include "core/vec/vec.h"
#include "integrators/sde/sde_run_private.h"

#define DEFAULT_MAX_STEPS 100000
#define FIRST_STEP        0.02    /* of the interval */
#define SMALLEST_STEP     0x1p-20 /* of the interval: a tree knows 2^-40 */
#define ERROR_ORDER       1.5     /* r ~ h^1.5: the drifts of two stages differ by f' g dW */
#define SAFETY            0.9
#define LEAST_FACTOR      0.2
#define MOST_FACTOR       5.0
#define GRID_PER_STEP     16 /* steps end on a binary grid this much finer: short queries of the tree */

typedef struct {
  tr_sde_run *run;
  tr_array *error, *weight;
  int slot;        /* of r */
  double h;        /* wish for the next step */
  double previous; /* r of the latest accepted step; 0: none since the start or a rejection */
  int next_grid;   /* the first grid point ahead */
} control;

bool tr_sde_is_adaptive(const tr_sde_spec *spec) {
  return spec->rtol != 0 || spec->atol != 0; /* NaN too: the check then refuses it */
}

tr_status tr_sde_adaptive_check(const tr_sde_run *run) {
  const tr_sde_spec *s = run->spec;
  if (!s->method->error)
    return TR_FAIL(run->ctx, TR_E_ARG, "the method %s has no error estimate: leave rtol and atol 0",
                   s->method->info.name);
  if (!tr_brownian_knows_times(run->path))
    return TR_FAIL(run->ctx, TR_E_ARG, "adaptive steps need a Brownian tree, this path knows numbered steps");
  if (!(s->rtol >= 0) || !isfinite(s->rtol))
    return TR_FAIL(run->ctx, TR_E_ARG, "rtol = %g: a relative tolerance is a finite number, 0 or above",
                   s->rtol);
  if (!(s->atol > 0) || !isfinite(s->atol))
    return TR_FAIL(run->ctx, TR_E_ARG, "atol = %g: adaptive SDE steps need a finite number above 0", s->atol);
  if (!(s->h0 >= 0) || !isfinite(s->h0))
    return TR_FAIL(run->ctx, TR_E_ARG, "h0 = %g: use 0 (default) or a step above 0", s->h0);
  if (s->max_steps < 0)
    return TR_FAIL(run->ctx, TR_E_ARG, "max_steps = %ld: use 0 (default) or more", s->max_steps);
  return TR_OK;
}

/* The nearest time ahead of t at which a step must end: a grid point or an output. */
static double next_stop(control *c, double t) {
  const tr_sde_run *run = c->run;
  while (tr_sde_same_time(run, run->spec->grid[c->next_grid], t)) c->next_grid++;
  double stop = run->spec->grid[c->next_grid];
  for (int i = run->next_output; run->on_output && i < run->n_times; i++)
    if (!tr_sde_same_time(run, run->times[i], t)) return fmin(stop, run->times[i]);
  return stop;
}

/* The end of the step that begins at t. */
static double choose_end(control *c, double t) {
  const tr_sde_run *run = c->run;
  double stop = next_stop(c, t), rest = stop - t, start = run->spec->grid[0];
  if (c->h >= rest) return stop;
  double h = fmin(c->h, rest / 2); /* no crumbs before the stop */
  double fine = exp2(ceil(log2(GRID_PER_STEP * run->span / h)));
  return start + round((t + h - start) / run->span * fine) / fine * run->span;
}

/* r of the step just tried; 0 when it has no estimate, infinite when it is not a number. */
static tr_status measure(control *c, double h, double *r) {
  tr_sde_run *run = c->run;
  const tr_sde_spec *spec = run->spec;
  *r = 0;
  if (run->singular) return TR_OK;
  TR_TRY(spec->method->error(spec->method, h, run->scratch, c->error, &run->list));
  TR_TRY(tr_program_weights(&run->list, run->before, NULL, &spec->rtol, &spec->atol, c->weight));
  TR_TRY(tr_program_reduce(&run->list, TR_SUM_XW2, c->error, c->weight, NULL, c->slot));
  TR_TRY(tr_slot_read(run->ctx, c->slot, 1, r));
  *r = isfinite(*r) ? sqrt(*r / (double)run->x->count) : INFINITY;
  return TR_OK;
}

static double limited(double factor) {
  return fmin(fmax(factor, LEAST_FACTOR), MOST_FACTOR);
}

static void grow(control *c, double h, double r) {
  double least = pow(SAFETY / MOST_FACTOR, ERROR_ORDER / 0.4); /* an r of 0 asks for the largest factor */
  double now = fmax(r, least), before = c->previous > 0 ? c->previous : now;
  double wish = h * limited(SAFETY * pow(now, -0.4 / ERROR_ORDER) * pow(before, 0.1 / ERROR_ORDER));
  if (h < c->h / 2 && wish < c->h) return; /* cut short by a stop: no news of longer steps */
  c->h = wish;
  c->previous = now;
}

static tr_status reject(control *c, double t, double h, double r) {
  tr_sde_run *run = c->run;
  TR_TRY(tr_program_copy(&run->list, run->before, run->x));
  run->stats->n_rejected++;
  c->h = h * limited(fmin(SAFETY, SAFETY * pow(r, -1 / ERROR_ORDER)));
  c->previous = 0;
  if (c->h > SMALLEST_STEP * run->span) return TR_OK;
  return TR_FAIL(run->ctx, TR_E_SOLVER,
                 "%s: the step at t = %.10g has shrunk to %.3g without meeting rtol = %g, atol = %g",
                 run->spec->method->info.name, t, c->h, run->spec->rtol, run->spec->atol);
}

static tr_status step(control *c) {
  tr_sde_run *run = c->run;
  double t = run->stats->t_end, t_next = choose_end(c, t), r;
  TR_TRY(tr_sde_try(run, run->stats->n_steps, t, t_next));
  TR_TRY(measure(c, t_next - t, &r));
  if (r > 1) return reject(c, t, t_next - t, r);
  grow(c, t_next - t, r);
  return tr_sde_accept(run, t, t_next);
}

static tr_status walk(control *c) {
  tr_sde_run *run = c->run;
  const tr_sde_spec *spec = run->spec;
  long most = spec->max_steps ? spec->max_steps : DEFAULT_MAX_STEPS;
  double end = spec->grid[spec->n_grid - 1];
  TR_TRY(tr_slot_take(run->ctx, &c->slot));
  TR_TRY(tr_array_like(run->x, &c->error));
  TR_TRY(tr_array_like(run->x, &c->weight));
  while (!tr_sde_same_time(run, run->stats->t_end, end)) {
    if (!tr_sde_affords_step(run)) return TR_OK;
    if (run->stats->n_steps + run->stats->n_rejected >= most)
      return TR_FAIL(
          run->ctx, TR_E_SOLVER,
          "%s: %ld steps, %ld of them rejected, brought it only to t = %.10g: loosen rtol = %g, atol = "
          "%g or raise max_steps",
          spec->method->info.name, most, run->stats->n_rejected, run->stats->t_end, spec->rtol, spec->atol);
    TR_TRY(step(c));
  }
  return TR_OK;
}

tr_status tr_sde_adaptive_walk(tr_sde_run *run) {
  control c = {.run = run,
               .slot = -1,
               .h = run->spec->h0 > 0 ? run->spec->h0 : FIRST_STEP * run->span,
               .next_grid = 1};
  tr_status status = walk(&c), listed = tr_program_run(&run->list); /* before its arrays go */
  if (status == TR_OK) status = listed;
  tr_slot_give(run->ctx, &c.slot);
  tr_array_destroy(&c.error);
  tr_array_destroy(&c.weight);
  return status;
}
