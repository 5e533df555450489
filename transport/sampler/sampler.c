#include "transport/sampler/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/callback_private.h"
#include "core/require_private.h"
#include "core/text.h"
#include "core/vec/vec.h"
#include "transport/drift_private.h"
#include "transport/sampler/run_private.h"

static const char *const clock_names[] = {
    [TR_CLOCK_AUTO] = "auto", [TR_CLOCK_T] = "t", [TR_CLOCK_ANGLE] = "angle"};
enum { N_CLOCKS = sizeof clock_names / sizeof *clock_names };

const char *tr_clock_name(tr_clock clock) {
  return (unsigned)clock < N_CLOCKS ? clock_names[clock] : "auto";
}

tr_status tr_clock_find(tr_ctx *ctx, const char *name, tr_clock *out) {
  TR_REQUIRE(ctx, name, out);
  for (int i = 0; i < N_CLOCKS; i++) {
    *out = (tr_clock)i;
    if (strcmp(name, clock_names[i]) == 0) return TR_OK;
  }
  return TR_FAIL(ctx, TR_E_ARG, "unknown clock '%s': use auto, t or angle", TR_SHOW(name, 80));
}

tr_status tr_sampler_defaults(tr_ctx *ctx, tr_sampler *out) {
  TR_REQUIRE(ctx, out);
  *out = (tr_sampler){.sample_eps = NAN,
                      .data_eps = NAN,
                      .n_steps = 250,
                      .ode = {.rtol = 1e-3, .atol = 1e-6},
                      .last_size = 0.04,
                      .seed = tr_ctx_seed(ctx)};
  TR_TRY(tr_interpolant_find(ctx, "Linear", &out->interpolant));
  TR_TRY(tr_diffusion_find(ctx, "SBDM", &out->diffusion));
  TR_TRY(tr_last_step_find(ctx, "Mean", &out->last));
  TR_TRY(tr_grid_find(ctx, TR_GRID_DEFAULT, &out->grid));
  out->ode.method = (const tr_ode_method *)tr_module_named(ctx, TR_KIND_ODE_METHOD, "cvode-adams");
  out->sde.method = (const tr_sde_method *)tr_module_named(ctx, TR_KIND_SDE_METHOD, "euler-maruyama");
  return TR_OK;
}

tr_status tr_sample_init(const tr_sampler *sampler, tr_array *x) {
  TR_REQUIRE(TR_CTX_OF(x), sampler, x);
  tr_random_address address = {
      .seed = sampler->seed, .purpose = TR_RANDOM_INIT, .sample = sampler->first_sample};
  return tr_randn(&address, x);
}

/* `given`, where the sampler has a field of its own for it. */
static tr_status check_left(tr_ctx *ctx, bool given, const char *field, const char *own) {
  if (!given) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%s of a sampler is the run's: leave it 0 and set %s of the sampler", field,
                 own);
}

static tr_status check_specs(tr_ctx *ctx, const tr_ode_spec *ode, const tr_sde_spec *sde) {
  TR_TRY(check_left(ctx, ode->grid || ode->n_grid, "ode.grid", "grid, a list of points say,"));
  TR_TRY(check_left(ctx, sde->grid || sde->n_grid, "sde.grid", "grid, a list of points say,"));
  TR_TRY(check_left(ctx, ode->max_nfe != 0, "ode.max_nfe", "max_nfe"));
  TR_TRY(check_left(ctx, sde->max_nfe != 0, "sde.max_nfe", "max_nfe"));
  TR_TRY(check_left(ctx, ode->on_progress != NULL, "ode.on_progress", "on_progress"));
  return check_left(ctx, sde->on_progress != NULL, "sde.on_progress", "on_progress");
}

tr_status tr_sampler_check(const tr_sampler *sampler, const tr_array *x,
                           const tr_prediction_type **prediction) {
  if (!sampler->drift) return TR_FAIL(x->ctx, TR_E_ARG, "a sampler without a drift provider");
  if (!sampler->interpolant.type) return TR_FAIL(x->ctx, TR_E_ARG, "a sampler without an interpolant");
  TR_TRY(tr_interpolant_check(x->ctx, &sampler->interpolant));
  TR_TRY(tr_drift_check_struct(x->ctx, sampler->drift));
  if ((unsigned)sampler->clock > TR_CLOCK_ANGLE)
    return TR_FAIL(x->ctx, TR_E_ARG, "a sampler with the clock %d: use auto, t or angle",
                   (int)sampler->clock);
  if (sampler->n_restarts < 0 || (sampler->n_restarts && !sampler->restarts))
    return TR_FAIL(x->ctx, TR_E_ARG, "%d restarts are announced, but none are given", sampler->n_restarts);
  if (sampler->drift->ctx != x->ctx)
    return TR_FAIL(x->ctx, TR_E_SHAPE, "the state and %s belong to different contexts",
                   sampler->drift->ops->name);
  if (sampler->n_save < 0 || (sampler->n_save > 0 && (!sampler->save_times || !sampler->on_output)))
    return TR_FAIL(x->ctx, TR_E_ARG, "%d save times without %s", sampler->n_save,
                   sampler->save_times ? "a function that takes the states" : "the times");
  if (sampler->max_nfe < 0)
    return TR_FAIL(x->ctx, TR_E_ARG, "at most %ld evaluations: use 0 (no limit) or more", sampler->max_nfe);
  if (sampler->max_nfe > 0 && sampler->max_nfe < tr_drift_forwards(sampler->drift))
    return TR_FAIL(x->ctx, TR_E_ARG,
                   "at most %ld network evaluation%s: one of the field of %s takes %ld, use that or more",
                   sampler->max_nfe, sampler->max_nfe == 1 ? "" : "s", sampler->drift->ops->name,
                   tr_drift_forwards(sampler->drift));
  TR_TRY(check_specs(x->ctx, &sampler->ode, &sampler->sde));
  return tr_prediction_of(x->ctx, sampler->drift->kind, prediction);
}

long tr_sampler_evaluations(const tr_sampler *sampler) {
  return sampler->max_nfe / tr_drift_forwards(sampler->drift);
}

static bool same(double a, double b) {
  return tr_same_time(a, b, 1); /* t goes from 0 to 1 */
}

static tr_status check_save_time(const tr_sampler *sampler, tr_ctx *ctx, int i, double t0, double t1,
                                 double after) {
  double t = sampler->save_times[i], direction = t1 > t0 ? 1 : -1;
  if (i && !(direction * (t - sampler->save_times[i - 1]) > TR_SAME_TIME))
    return TR_FAIL(ctx, TR_E_ARG, "save time %g follows %g: save times go from %g to %g", t,
                   sampler->save_times[i - 1], t0, t1);
  if (same(t, t0) || same(t, t1) || same(t, after)) return TR_OK;
  if (direction * (t - t0) > 0 && direction * (t1 - t) > 0) return TR_OK;
  if (isnan(after))
    return TR_FAIL(ctx, TR_E_ARG, "save time %g: this run goes from t = %.10g to %.10g", t, t0, t1);
  return TR_FAIL(ctx, TR_E_ARG,
                 "save time %g: this run goes from t = %.10g to %.10g, and on to %g in one step", t, t0, t1,
                 after);
}

tr_status tr_save_plan_create(const tr_sampler *sampler, tr_ctx *ctx, double t0, double t1, double after,
                              tr_save_plan *out) {
  size_t room = (size_t)sampler->n_save + 2;
  *out = (tr_save_plan){0, malloc(room * sizeof *out->times), malloc(room * sizeof *out->index)};
  if (!out->times || !out->index)
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d save times", sampler->n_save);
  out->times[0] = t0;
  out->index[0] = -1;
  out->n = 1;
  int at_end = -1;
  for (int i = 0; i < sampler->n_save; i++) {
    double t = sampler->save_times[i];
    TR_TRY(check_save_time(sampler, ctx, i, t0, t1, after));
    if (same(t, t0))
      out->index[0] = i;
    else if (same(t, t1))
      at_end = i;
    else if (!same(t, after)) {
      out->times[out->n] = t;
      out->index[out->n++] = i;
    }
  }
  out->times[out->n] = t1;
  out->index[out->n++] = at_end;
  return TR_OK;
}

void tr_save_plan_free(tr_save_plan *plan) {
  free(plan->times);
  free(plan->index);
  *plan = (tr_save_plan){0};
}

tr_status tr_save_out(const tr_sampler *sampler, int i, double t, const tr_array *x) {
  tr_status status = sampler->on_output(i, t, x, sampler->out_user);
  return tr_callback_status(x->ctx, status, "the function that takes the states", t);
}

double tr_sampler_time(double t) {
  if (t > 1 && t < 1 + TR_SAME_TIME) return 1;
  if (t < 0 && t > -TR_SAME_TIME) return 0;
  return t;
}
