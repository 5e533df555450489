/* Churn: noise before every step of the ODE (Karras et al., arXiv 2206.00364, algorithm 2, for any path, any
 * diffusion form and any ODE method; see transport/sampler/noised_ode.h). With the K of a diffusion form the
 * run is the SDE of that form, split into its Ornstein-Uhlenbeck part, which is exact, and the ODE. Weak
 * order and evaluations are those of the ODE method. */
#include <math.h>
#include <stdlib.h>

#include "transport/modules_private.h"
#include "transport/sampler/noised_plan_private.h"

static tr_status check_edm(tr_ctx *ctx, const tr_noised *n) {
  if (!(n->churn >= 0) || !isfinite(n->churn))
    return TR_FAIL(ctx, TR_E_ARG, "churn %g: use a finite number, 0 or above", n->churn);
  if (!(n->sigma_min >= 0 && n->sigma_min <= n->sigma_max))
    return TR_FAIL(ctx, TR_E_ARG, "churn at noise levels from %g to %g: use 0 <= lowest <= highest",
                   n->sigma_min, n->sigma_max);
  if (!(n->noise > 0) || !isfinite(n->noise))
    return TR_FAIL(ctx, TR_E_ARG, "a churn noise factor of %g: use a finite number above 0", n->noise);
  return TR_OK;
}

/* K before the step from t to t_next of a grid of n steps. */
static double amount(const tr_sampler *s, const tr_coeffs *at, double t_next, int n) {
  if (!s->noised.edm) {
    double K = tr_diffusion_churn(&s->diffusion, &s->interpolant, at->t, t_next);
    return isfinite(K) ? K : 0;
  }
  double level = at->sigma / at->alpha;
  if (level < s->noised.sigma_min || level > s->noised.sigma_max) return 0;
  return log1p(fmin(s->noised.churn / n, sqrt(2) - 1));
}

/* The earlier time at which lambda is less by K, not before t0. */
static double time_back(const tr_interpolant *interpolant, const tr_coeffs *at, double K, double t0) {
  double t = tr_interpolant_time(interpolant, atan2(at->alpha * exp(-K), at->sigma));
  return fmin(fmax(t, t0), at->t);
}

static void add_legs(const tr_sampler *s, const double *grid, int n, tr_leg_plan *out) {
  for (int i = 0; i + 1 < n; i++) {
    tr_coeffs at = tr_interpolant_at(&s->interpolant, grid[i]);
    tr_leg leg = {.noise = -1, .from = grid[i], .to = grid[i + 1]};
    double K = i == 0 ? 0 : amount(s, &at, grid[i + 1], n - 1);
    if (K > 0) leg.from = time_back(&s->interpolant, &at, K, grid[0]);
    if (leg.from < grid[i])
      tr_leg_inject(&s->interpolant, grid[i], leg.from, s->noised.edm ? s->noised.noise : 1, out, &leg);
    tr_leg_append(out, leg, (const double[]){leg.from, leg.to}, 2);
  }
}

static tr_status plan(tr_ctx *ctx, const tr_sampler *s, double t0, double t1, tr_leg_plan *out) {
  double *grid;
  int n;
  TR_TRY(s->noised.edm ? check_edm(ctx, &s->noised)
                       : tr_diffusion_check(ctx, &s->diffusion, &s->interpolant));
  TR_TRY(tr_grid_points(ctx, &s->grid, &s->interpolant, t0, t1, s->n_steps, &grid, &n));
  tr_status status = tr_leg_plan_reserve(ctx, out, (size_t)n, 2 * (size_t)n);
  if (status == TR_OK) add_legs(s, grid, n, out);
  free(grid);
  return status;
}

static const tr_noised_ode table = {.plan = plan, .uses_form = true};
static const tr_sde_method method = {
    .info = {.name = "churn",
             .aliases = "edm-churn",
             .summary = "an ODE method with noise before every step, exact in law"},
    .detail = &table};
const tr_module *const tr_noised_churn = &method.info;
