#include "experiments/common/grid_options.h"

#include "experiments/common/param_options.h"

const char *const grid_option_names[] = {"num-sampling-steps", "time-grid",  "grid-param", "grid-shift",
                                         "grid-rho",           "grid-bound", "grid-file",  NULL};

static tr_status read_list(tr_ctx *ctx, const char *file, bool points_given, long *n_points, tr_grid *grid,
                           double **list) {
  if (!file != !grid->type->is_list)
    return TR_FAIL(ctx, TR_E_ARG, "--grid-file and --time-grid list belong together: give both or neither");
  if (!file) return TR_OK;
  TR_TRY(tr_grid_read(ctx, file, list, &grid->n_list));
  grid->list = *list;
  if (points_given && *n_points != grid->n_list)
    return TR_FAIL(ctx, TR_E_ARG, "--num-sampling-steps %ld, but %s has %d points: leave it away", *n_points,
                   file, grid->n_list);
  *n_points = grid->n_list;
  return TR_OK;
}

tr_status grid_options_set(tr_ctx *ctx, const tr_option_table *table, const tr_parsed *parsed,
                           grid_options *o, long *n_points, tr_sampler *sampler, double **list) {
  tr_grid *grid = &sampler->grid;
  const param_alias aliases[] = {
      {"grid-shift", "shift", o->shift}, {"grid-rho", "rho", o->rho}, {"grid-bound", "bound", o->bound}};
  const param_source source = {"grid-param", &o->params, aliases, sizeof aliases / sizeof *aliases};
  *list = NULL;
  TR_TRY(tr_grid_find(ctx, o->time_grid, grid));
  TR_TRY(param_set_all(ctx, &source, &grid->type->info, &grid->values));
  TR_TRY(param_resolve(ctx, &grid->type->info, &grid->values, &o->params));
  bool points_given = tr_option_given(table, parsed, "num-sampling-steps");
  TR_TRY(read_list(ctx, o->file, points_given, n_points, grid, list));
  sampler->n_steps = (int)*n_points;
  return TR_OK;
}
