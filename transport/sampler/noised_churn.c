/* Churn: noise before every step of the ODE (Karras et al., arXiv 2206.00364, algorithm 2, for any path, any
 * diffusion form and any ODE method; see transport/sampler/noised_ode.h). With the K of a diffusion form the
 * run is the SDE of that form, split into its Ornstein-Uhlenbeck part, which is exact, and the ODE. Weak
 * order and evaluations are those of the ODE method. */
#include <math.h>
#include <stdlib.h>

#include "transport/modules_private.h"
#include "transport/sampler/noised_plan_private.h"

enum { CHURN, LEVEL_MIN, LEVEL_MAX, NOISE };
static const tr_param params[] = {
    [CHURN] = {.name = "churn",
               .value = NAN,
               .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 0, .high = 1e6},
               .unset = "unset: as much noise as the diffusion form has in the step",
               .help =
                   "EDM's S_churn instead of a form: a step adds the share min(S / steps, sqrt(2) - 1) to "
                   "its noise level"},
    [LEVEL_MIN] = {.name = "level-min",
                   .value = 0,
                   .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 0, .high = 1e6},
                   .help = "with churn: S_min, the lowest noise level sigma / alpha at which it is added"},
    [LEVEL_MAX] = {.name = "level-max",
                   .value = NAN,
                   .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 0, .high = 1e6},
                   .unset = "unset: no limit",
                   .help = "with churn: S_max, the highest"},
    [NOISE] = {.name = "noise",
               .value = 1,
               .range = {.ends = TR_RANGE_GT | TR_RANGE_LE, .low = 0, .high = 1000},
               .help =
                   "with churn: S_noise, a factor of the added noise; other than 1 (EDM has 1.003 to 1.007) "
                   "it changes the law"},
};

/* EDM's churn. */
static bool instead_of_form(const tr_values *values) {
  return !isnan(values->v[CHURN]);
}

static tr_status check_edm(tr_ctx *ctx, const tr_values *values) {
  if (!(values->v[LEVEL_MIN] > values->v[LEVEL_MAX])) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "churn at noise levels from %g to %g: use lowest <= highest",
                 values->v[LEVEL_MIN], values->v[LEVEL_MAX]);
}

/* The other parameters are parts of EDM's. */
static tr_status check_form(tr_ctx *ctx, const tr_sampler *s) {
  for (int i = LEVEL_MIN; i <= NOISE; i++)
    if (s->sde.values.set >> i & 1u)
      return TR_FAIL(ctx, TR_E_ARG, "%s of churn is set, but not its churn: it is a part of EDM's churn",
                     params[i].name);
  return tr_diffusion_check(ctx, &s->diffusion, &s->interpolant);
}

/* K before the step from t to t_next of a grid of n steps. */
static double amount(const tr_sampler *s, const tr_coeffs *at, double t_next, int n) {
  const double *v = s->sde.values.v;
  if (!instead_of_form(&s->sde.values)) {
    double K = tr_diffusion_churn(&s->diffusion, &s->interpolant, at->t, t_next);
    return isfinite(K) ? K : 0;
  }
  double level = at->sigma / at->alpha;
  if (level < v[LEVEL_MIN] || level > v[LEVEL_MAX]) return 0; /* NaN: no limit */
  return log1p(fmin(v[CHURN] / n, sqrt(2) - 1));
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
      tr_leg_inject(&s->interpolant, grid[i], leg.from, s->sde.values.v[NOISE], out, &leg);
    tr_leg_append(out, leg, (const double[]){leg.from, leg.to}, 2);
  }
}

static tr_status plan(tr_ctx *ctx, const tr_sampler *s, double t0, double t1, tr_leg_plan *out) {
  double *grid;
  int n;
  TR_TRY(instead_of_form(&s->sde.values) ? check_edm(ctx, &s->sde.values) : check_form(ctx, s));
  TR_TRY(tr_grid_points(ctx, &s->grid, &s->interpolant, t0, t1, s->n_steps, &grid, &n));
  tr_status status = tr_leg_plan_reserve(ctx, out, (size_t)n, 2 * (size_t)n);
  if (status == TR_OK) add_legs(s, grid, n, out);
  free(grid);
  return status;
}

static const tr_noised_ode table = {
    .reads = TR_NOISED_FORM | TR_NOISED_GRID, .instead_of_form = instead_of_form, .plan = plan};
static const tr_sde_method method = {
    .info = {.name = "churn",
             .aliases = "edm-churn",
             .summary = "an ODE method with noise before every step, exact in law",
             .params = params,
             .n_params = 4},
    .caps = TR_SDE_AROUND_ODE,
    .detail = &table};
const tr_module *const tr_noised_churn = &method.info;
