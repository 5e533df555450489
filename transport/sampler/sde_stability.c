/* For data of little spread the drift of the SDE is -(D/sigma^2) x near its mean, and an explicit step longer
 * than 2 sigma^2 / D grows what it should damp. What helps differs: where sigma stays above 0 more steps do;
 * without a last step the grid's steps and sigma fall together, and with the form sigma above norm 2 or a
 * constant D none are enough. So each remedy is tried before it is named. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "transport/sampler/run_private.h"

#define MOST_POINTS 20000

typedef struct {
  double ratio, t, h, limit; /* the step that is longest for its limit */
} excess;

static bool regular(const tr_prediction_type *prediction, const tr_diffusion *form, const tr_coeffs *at) {
  tr_affine f;
  return tr_sde_drift_of(prediction, form, at, &f) && isfinite(tr_diffusion_D(form, at));
}

/* A step out of a time where the drift is infinite is exact. */
static excess worst(const tr_sampler *s, const tr_prediction_type *prediction, const tr_diffusion *form,
                    const double *grid, int n) {
  excess most = {0};
  for (int i = 0; i + 1 < n; i++) {
    tr_coeffs at = tr_interpolant_at(&s->interpolant, tr_sampler_time(grid[i]));
    double h = grid[i + 1] - grid[i], limit = 2 * at.sigma / tr_diffusion_D_sigma(form, &at);
    if (h > most.ratio * limit && regular(prediction, form, &at))
      most = (excess){h / limit, grid[i], h, limit};
  }
  return most;
}

static bool enough(tr_ctx *ctx, const tr_sampler *s, const tr_prediction_type *prediction, double t0,
                   double t1, int points) {
  double *grid;
  int n;
  if (tr_grid_points(ctx, &s->grid, &s->interpolant, t0, t1, points, &grid, &n) != TR_OK) {
    tr_ctx_clear(ctx);
    return false;
  }
  bool stable = worst(s, prediction, &s->diffusion, grid, n).ratio <= 1;
  free(grid);
  return stable;
}

/* The fewest points, about, with which no step is too long; 0: none, up to MOST_POINTS. */
static int more_points(tr_ctx *ctx, const tr_sampler *s, const tr_prediction_type *prediction, double t0,
                       double t1) {
  int low = s->n_steps, high = low;
  if (s->grid.type->is_list) return 0;
  do {
    low = high;
    if (high >= MOST_POINTS) return 0;
    high = high < MOST_POINTS / 2 ? 2 * high : MOST_POINTS;
  } while (!enough(ctx, s, prediction, t0, t1, high));
  while (high - low > 1 + low / 100) {
    int middle = low + (high - low) / 2;
    if (enough(ctx, s, prediction, t0, t1, middle))
      high = middle;
    else
      low = middle;
  }
  return high;
}

/* The largest norm, to two digits, with which no step of the grid is too long; 0: none. D need not be
 * proportional to the norm. */
static double smaller_norm(const tr_sampler *s, const tr_prediction_type *prediction, const double *grid,
                           int n, double ratio) {
  tr_diffusion form = s->diffusion;
  double unit = pow(10, floor(log10(form.norm / ratio)) - 1);
  form.norm = floor(form.norm / ratio / unit) * unit;
  return form.norm > 0 && worst(s, prediction, &form, grid, n).ratio <= 1 ? form.norm : 0;
}

tr_status tr_sde_warn_unstable(tr_ctx *ctx, const tr_sampler *sampler, const tr_prediction_type *prediction,
                               const double *grid, int n) {
  const char *form = sampler->diffusion.type->info.name;
  excess most = worst(sampler, prediction, &sampler->diffusion, grid, n);
  if (!(most.ratio > 1)) return TR_OK;
  double norm = smaller_norm(sampler, prediction, grid, n, most.ratio);
  int points = more_points(ctx, sampler, prediction, grid[0], grid[n - 1]);
  char of_norm[48] = "", of_points[48] = "";
  if (norm > 0) snprintf(of_norm, sizeof of_norm, "a norm of at most %g, ", norm);
  if (points > 0) snprintf(of_points, sizeof of_points, "%d sampling steps, ", points);
  tr_ctx_warn(ctx,
              "the step of %.3g at t = %.4g exceeds 2 sigma^2 / D = %.3g of the form %s at norm %g: the SDE "
              "may diverge there; use %s%sor a method that has no such limit, such as exponential-euler",
              most.h, most.t, most.limit, form, sampler->diffusion.norm, of_norm, of_points);
  return TR_OK;
}
