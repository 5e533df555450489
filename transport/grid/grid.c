#include "transport/grid/grid.h"

#include <math.h>
#include <stdlib.h>

#include "core/io/columns_private.h"
#include "core/require_private.h"
#include "transport/modules_private.h"

/* The ends of a list, which may be written with ten digits, are the run's. */
#define END_IN_TEXT 1e-9

tr_status tr_grid_find(tr_ctx *ctx, const char *name, tr_grid *out) {
  TR_REQUIRE(ctx, name, out);
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_GRID, name, &module));
  *out = (tr_grid){.type = (const tr_grid_type *)module, .values = tr_module_defaults(module)};
  return TR_OK;
}

tr_grid tr_grid_of_points(const double *points, int n) {
  if (!points) return (tr_grid){0};
  return (tr_grid){.type = (const tr_grid_type *)tr_grid_list, .list = points, .n_list = n};
}

tr_status tr_grid_set(tr_ctx *ctx, tr_grid *grid, const char *param, double value) {
  TR_REQUIRE(ctx, grid, param);
  TR_REQUIRE(ctx, grid->type);
  return tr_module_set(ctx, &grid->type->info, &grid->values, param, value);
}

static tr_status check_points(tr_ctx *ctx, const tr_grid *grid, const double *t, int n) {
  double direction = t[n - 1] > t[0] ? 1 : -1;
  for (int i = 0; i < n; i++) {
    if (!(t[i] >= 0 && t[i] <= 1))
      return TR_FAIL(ctx, TR_E_ARG, "time grid %s: point %d is %g: times lie between 0 (noise) and 1 (data)",
                     grid->type->info.name, i, t[i]);
    if (i && !(direction * (t[i] - t[i - 1]) > 0))
      return TR_FAIL(ctx, TR_E_ARG,
                     "time grid %s: point %d, %.10g, after %.10g: times must be strictly monotone%s",
                     grid->type->info.name, i, t[i], t[i - 1],
                     grid->type->is_list ? "" : "; use fewer points or another grid");
  }
  return TR_OK;
}

/* The given points, their ends moved onto the run's; a list from noise to data serves a reverse run too. */
static tr_status from_list(tr_ctx *ctx, const tr_grid *grid, double t0, double t1, double *t) {
  int n = grid->n_list;
  bool backwards = (grid->list[n - 1] > grid->list[0]) != (t1 > t0);
  for (int i = 0; i < n; i++) t[i] = grid->list[backwards ? n - 1 - i : i];
  TR_TRY(check_points(ctx, grid, t, n));
  if (fabs(t[0] - t0) > END_IN_TEXT || fabs(t[n - 1] - t1) > END_IN_TEXT)
    return TR_FAIL(ctx, TR_E_ARG,
                   "the time grid given goes from t = %.10g to %.10g, this run from %.10g to %.10g", t[0],
                   t[n - 1], t0, t1);
  t[0] = t0;
  t[n - 1] = t1;
  return TR_OK;
}

/* From low to high in time, each half measured from its own end. */
static void from_formula(const tr_grid *grid, const tr_interpolant *interpolant, double low, double high,
                         int n, double *t) {
  tr_coeffs first = tr_interpolant_at(interpolant, low), last = tr_interpolant_at(interpolant, high);
  double u0 = grid->type->position(grid, &first), u1 = grid->type->position(grid, &last);
  bool beyond = false;
  if (grid->type->bounds) {
    double least, most;
    grid->type->bounds(grid, &least, &most);
    beyond = u1 < least || u1 > most;
    u0 = fmin(fmax(u0, least), most);
    u1 = fmin(fmax(u1, least), most);
  }
  int steps = n - 1 - (beyond && n > 2 ? 1 : 0);
  double h = (u1 - u0) / steps;
  for (int i = 1; i < n - 1; i++)
    t[i] = grid->type->time(grid, interpolant, i < n / 2 ? u0 + i * h : u1 - (steps - i) * h);
  t[0] = low;
  t[n - 1] = high;
}

static void reverse(double *t, int n) {
  for (int i = 0; i < n / 2; i++) {
    double swapped = t[i];
    t[i] = t[n - 1 - i];
    t[n - 1 - i] = swapped;
  }
}

static tr_status fill(tr_ctx *ctx, const tr_grid *grid, const tr_interpolant *interpolant, double t0,
                      double t1, int n, double *t) {
  if (grid->type->is_list) return from_list(ctx, grid, t0, t1, t);
  from_formula(grid, interpolant, fmin(t0, t1), fmax(t0, t1), n, t);
  if (t0 > t1) reverse(t, n);
  return check_points(ctx, grid, t, n);
}

tr_status tr_grid_points(tr_ctx *ctx, const tr_grid *grid, const tr_interpolant *interpolant, double t0,
                         double t1, int n, double **points, int *n_points) {
  if (points) *points = NULL;
  TR_REQUIRE(ctx, grid, interpolant, points, n_points);
  if (!grid->type) return TR_FAIL(ctx, TR_E_ARG, "no time grid given");
  if (grid->type->is_list && (!grid->list || grid->n_list < 2))
    return TR_FAIL(ctx, TR_E_ARG, "the time grid %s needs at least 2 points, %d are given",
                   grid->type->info.name, grid->list ? grid->n_list : 0);
  if (!grid->type->is_list && grid->list)
    return TR_FAIL(ctx, TR_E_ARG, "the time grid %s takes no list of points", grid->type->info.name);
  TR_TRY(tr_interpolant_check(ctx, interpolant));
  TR_TRY(tr_module_check(ctx, &grid->type->info, &grid->values));
  if (grid->type->is_list) n = grid->n_list;
  if (n < 2) return TR_FAIL(ctx, TR_E_ARG, "%d sampling steps: at least 2 points (one step) are needed", n);
  double *t = malloc((size_t)n * sizeof *t);
  if (!t) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a grid of %d points", n);
  tr_status status = fill(ctx, grid, interpolant, t0, t1, n, t);
  if (status != TR_OK) {
    free(t);
    return status;
  }
  *points = t;
  *n_points = n;
  return TR_OK;
}

tr_status tr_grid_read(tr_ctx *ctx, const char *path, double **list, int *n_list) {
  TR_REQUIRE(ctx, path, list, n_list);
  return tr_read_columns(ctx, path, 1, 2, list, n_list);
}
