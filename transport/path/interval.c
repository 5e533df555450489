#include "transport/path/interval.h"

#include "core/require_private.h"
#include "transport/prediction/prediction.h"

tr_status tr_interval_eps(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity prediction, double eps,
                          bool training, double *out) {
  TR_REQUIRE(ctx, interpolant, out);
  TR_REQUIRE(ctx, interpolant->type);
  const tr_interpolant_type *path = interpolant->type;
  const tr_prediction_type *type;
  *out = eps;
  TR_TRY(tr_prediction_of(ctx, prediction, &type));
  if (!isnan(eps)) return TR_OK;
  if (type->finite_at_ends)
    *out = training ? path->train_eps_velocity : path->sample_eps_velocity;
  else
    *out = training ? path->train_eps : path->sample_eps;
  return TR_OK;
}

static tr_status check_eps(tr_ctx *ctx, const char *which, double eps) {
  if (eps >= 0 && eps < 0.5) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%s eps = %g: use a number from 0 up to, but not including, 0.5", which, eps);
}

static tr_status closed(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity prediction, double eps,
                        bool training, double *t0, double *t1) {
  TR_TRY(tr_interval_eps(ctx, interpolant, prediction, eps, training, &eps));
  TR_TRY(check_eps(ctx, training ? "train" : "sample", eps));
  *t0 = interpolant->type->starts_at_zero ? 0 : eps;
  *t1 = 1 - eps;
  return TR_OK;
}

tr_status tr_interval_train(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity prediction,
                            double train_eps, double *t0, double *t1) {
  TR_REQUIRE(ctx, interpolant, t0, t1);
  return closed(ctx, interpolant, prediction, train_eps, true, t0, t1);
}

tr_status tr_interval_ode(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity prediction,
                          double sample_eps, double data_eps, bool reverse, double *t0, double *t1) {
  TR_REQUIRE(ctx, interpolant, t0, t1);
  double noise, data;
  TR_TRY(closed(ctx, interpolant, prediction, sample_eps, false, &noise, &data));
  if (!isnan(data_eps)) {
    TR_TRY(check_eps(ctx, "data", data_eps));
    data = 1 - data_eps;
  }
  *t0 = reverse ? data : noise;
  *t1 = reverse ? noise : data;
  return TR_OK;
}

tr_status tr_interval_sde(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity prediction,
                          double sample_eps, double last_size, double *t0, double *t1) {
  TR_REQUIRE(ctx, interpolant, t0, t1);
  TR_TRY(closed(ctx, interpolant, prediction, sample_eps, false, t0, t1));
  if (last_size == 0) return TR_OK;
  if (!(last_size > 0 && last_size < 1 - *t0))
    return TR_FAIL(ctx, TR_E_ARG, "a last step of size %g: use 0 (none) up to, but not including, %g",
                   last_size, 1 - *t0);
  *t1 = 1 - last_size;
  return TR_OK;
}
