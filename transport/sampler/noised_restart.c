/* Restart (Xu et al., arXiv 2306.14878): the ODE goes several times over an interval, taken back to its start
 * by much noise each time, which makes the errors made before it fade; see transport/sampler/noised_ode.h. */
#include <math.h>
#include <stdlib.h>

#include "integrators/same_time_private.h"
#include "transport/modules_private.h"
#include "transport/sampler/noised_plan_private.h"

static bool adaptive(const tr_sampler *s) {
  return s->ode.method->caps & TR_ODE_ADAPTIVE;
}

/* n steps of the grid's rule; the ends alone where the ODE method chooses its steps. */
static tr_status points_of(tr_ctx *ctx, const tr_sampler *s, double from, double to, int n, double **points,
                           int *count) {
  if (!adaptive(s)) return tr_grid_points(ctx, &s->grid, &s->interpolant, from, to, n + 1, points, count);
  *points = malloc(2 * sizeof **points);
  if (!*points) return TR_FAIL(ctx, TR_E_MEM, "out of memory for two points");
  (*points)[0] = from;
  (*points)[1] = to;
  *count = 2;
  return TR_OK;
}

static tr_status check(tr_ctx *ctx, const tr_sampler *s, double t0, double t1) {
  if (s->n_restarts < 1 || !s->restarts)
    return TR_FAIL(ctx, TR_E_ARG, "restart without an interval: give at least one");
  for (int i = 0; i < s->n_restarts; i++) {
    const tr_restart *r = &s->restarts[i];
    if (!(r->low >= t0 && r->low < r->high && r->high <= t1))
      return TR_FAIL(ctx, TR_E_ARG,
                     "the restart interval from t = %g to %g: this run goes from %.10g to %.10g", r->low,
                     r->high, t0, t1);
    if (i && !(r->low >= r[-1].high))
      return TR_FAIL(ctx, TR_E_ARG,
                     "the restart interval from t = %g begins before the one before it ends, %g", r->low,
                     r[-1].high);
    if (r->restarts < 0 || r->steps < 1)
      return TR_FAIL(ctx, TR_E_ARG, "%d restarts of %d steps: use 0 or more of 1 or more steps", r->restarts,
                     r->steps);
  }
  if (!s->grid.type->is_list || adaptive(s)) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_ARG,
      "restart needs a rule for the points of its intervals, which the time grid list is not: use another");
}

/* Points of the main grid strictly between, and the ends; returns how many. */
static int points_between(const double *grid, int n, double from, double to, double *out) {
  int count = 0;
  out[count++] = from;
  for (int i = 0; i < n; i++)
    if (grid[i] > from + TR_SAME_TIME && grid[i] < to - TR_SAME_TIME) out[count++] = grid[i];
  out[count++] = to;
  return count;
}

static void add_main_leg(const double *grid, int n, double from, double to, double *room, tr_leg_plan *out) {
  if (!(to > from)) return;
  tr_leg_append(out, (tr_leg){.noise = -1, .from = from, .to = to}, room,
                points_between(grid, n, from, to, room));
}

static tr_status add_restarts(tr_ctx *ctx, const tr_sampler *s, const tr_restart *r, tr_leg_plan *out) {
  double *grid;
  int n;
  TR_TRY(points_of(ctx, s, r->low, r->high, r->steps, &grid, &n));
  for (int k = 0; k < r->restarts; k++) {
    tr_leg leg = {.from = r->low, .to = r->high};
    tr_leg_inject(&s->interpolant, r->high, r->low, 1, out, &leg);
    tr_leg_append(out, leg, grid, n);
  }
  free(grid);
  return TR_OK;
}

static tr_status add_legs(tr_ctx *ctx, const tr_sampler *s, const double *grid, int n, double *room,
                          tr_leg_plan *out) {
  double from = grid[0];
  for (int i = 0; i < s->n_restarts; i++) {
    const tr_restart *r = &s->restarts[i];
    add_main_leg(grid, n, from, r->high, room, out);
    TR_TRY(add_restarts(ctx, s, r, out));
    from = r->high;
  }
  add_main_leg(grid, n, from, grid[n - 1], room, out);
  return TR_OK;
}

static tr_status reserve(tr_ctx *ctx, const tr_sampler *s, int n, double **room, tr_leg_plan *out) {
  size_t legs = 1, points = (size_t)n + 2;
  for (int i = 0; i < s->n_restarts; i++) {
    const tr_restart *r = &s->restarts[i];
    legs += 1 + (size_t)r->restarts;
    points += 2 + (size_t)r->restarts * ((size_t)r->steps + 2); /* a bounded grid has a point more */
  }
  *room = malloc(((size_t)n + 2) * sizeof **room);
  if (!*room) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d points", n);
  return tr_leg_plan_reserve(ctx, out, legs, points);
}

static tr_status plan(tr_ctx *ctx, const tr_sampler *s, double t0, double t1, tr_leg_plan *out) {
  double *grid, *room = NULL;
  int n;
  TR_TRY(check(ctx, s, t0, t1));
  TR_TRY(points_of(ctx, s, t0, t1, s->n_steps - 1, &grid, &n));
  tr_status status = reserve(ctx, s, n, &room, out);
  if (status == TR_OK) status = add_legs(ctx, s, grid, n, room, out);
  free(grid);
  free(room);
  return status;
}

static const tr_noised_ode table = {.reads = TR_NOISED_RESTARTS, .plan = plan};
static const tr_sde_method method = {
    .info = {.name = "restart",
             .summary = "an ODE method taken back by much noise over given intervals, exact in law"},
    .caps = TR_SDE_AROUND_ODE,
    .detail = &table};
const tr_module *const tr_noised_restart = &method.info;
