#include "transport/loss/loss.h"

#include <math.h>

#include "core/require_private.h"
#include "core/vec/vec.h"

tr_status tr_loss_weight_find(tr_ctx *ctx, const char *name, const tr_loss_weight **out) {
  TR_REQUIRE(ctx, name, out);
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_LOSS_WEIGHT, name, &module));
  TR_TRY(tr_module_refuse_params(ctx, module, "loss weights"));
  *out = (const tr_loss_weight *)module;
  return TR_OK;
}

static tr_status check_batch(tr_times times, const tr_array *x1, const tr_array *other) {
  tr_ctx *ctx = x1->ctx;
  char a[80], b[80];
  if (other->ctx != ctx || other->dtype != x1->dtype || !tr_array_same_shape(x1, other))
    return TR_FAIL(ctx, TR_E_SHAPE, "a loss on data %s and %s: they must agree",
                   tr_array_describe(x1, a, sizeof a), tr_array_describe(other, b, sizeof b));
  if (times.n != 1 && times.n != x1->shape[0])
    return TR_FAIL(ctx, TR_E_SHAPE, "%lld times for %lld rows: give one, or one a row", (long long)times.n,
                   (long long)x1->shape[0]);
  for (int64_t i = 0; i < times.n; i++)
    if (!(times.t[i] >= 0 && times.t[i] <= 1))
      return TR_FAIL(ctx, TR_E_ARG, "a loss at t = %.17g: times lie between 0 (noise) and 1 (data)",
                     times.t[i]);
  return TR_OK;
}

static tr_coeffs coeffs_of(const tr_interpolant *interpolant, tr_times times, int64_t row) {
  return tr_interpolant_at(interpolant, times.t[times.n == 1 ? 0 : row]);
}

tr_status tr_interpolate(const tr_interpolant *interpolant, tr_times times, const tr_array *x1,
                         const tr_array *x0, tr_array *x) {
  TR_REQUIRE(TR_CTX_OF_ANY(x1, x0, x), interpolant, x1, x0, x);
  TR_TRY(check_batch(times, x1, x0));
  TR_TRY(check_batch(times, x1, x));
  for (int64_t i = 0; i < x1->shape[0]; i++) {
    tr_coeffs at = coeffs_of(interpolant, times, i);
    tr_array data = tr_rows(x1, i, 1), noise = tr_rows(x0, i, 1), state = tr_rows(x, i, 1);
    TR_TRY(tr_axpby(at.alpha, &data, at.sigma, &noise, &state));
  }
  return TR_OK;
}

static tr_status weight_of(const tr_loss *loss, const tr_coeffs *at, const tr_target *target, tr_ctx *ctx,
                           double *out) {
  const tr_prediction_type *prediction = loss->prediction;
  tr_affine v, e;
  *out = 1;
  if (prediction->unweighted) return TR_OK;
  tr_affine_of(prediction, at, TR_VELOCITY, &v);
  tr_affine_of(prediction, at, TR_NOISE, &e);
  *out = loss->weight->at(at, v.p / target->p, e.p / target->p);
  if (isfinite(*out)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "the loss weight %s is infinite for a %s prediction at t = %.10g of %s",
                 loss->weight->info.name, prediction->info.name, at->t, loss->interpolant.type->info.name);
}

/* r goes into `residual`, then, where a gradient is wanted, the gradient over it. */
static tr_status eval_row(const tr_loss *loss, const tr_coeffs *at, const tr_array *const term[3],
                          double factor, tr_array *residual, double *out) {
  tr_target target = {0};
  double weight, squares;
  loss->prediction->target(at, &target);
  TR_TRY(weight_of(loss, at, &target, residual->ctx, &weight));
  TR_TRY(tr_lincomb(3, (const double[]){target.p, -target.x1, -target.x0}, term, residual));
  TR_TRY(tr_reduce(TR_SUM_XY, residual, residual, NULL, &squares));
  *out = weight * squares / (double)residual->count;
  return tr_scale(2 * factor * weight * target.p / (double)residual->count, residual, residual);
}

static tr_status eval_rows(const tr_loss *loss, tr_times times, const tr_array *p, const tr_array *x1,
                           const tr_array *x0, double factor, double *out, tr_array *dp, tr_array *spare) {
  for (int64_t i = 0; i < p->shape[0]; i++) {
    tr_coeffs at = coeffs_of(&loss->interpolant, times, i);
    tr_array prediction = tr_rows(p, i, 1), data = tr_rows(x1, i, 1), noise = tr_rows(x0, i, 1);
    tr_array residual = dp ? tr_rows(dp, i, 1) : *spare;
    const tr_array *const term[3] = {&prediction, &data, &noise};
    TR_TRY(eval_row(loss, &at, term, factor, &residual, &out[i]));
  }
  return TR_OK;
}

tr_status tr_loss_eval(const tr_loss *loss, tr_times times, const tr_array *p, const tr_array *x1,
                       const tr_array *x0, double factor, double *out, tr_array *dp) {
  TR_REQUIRE(TR_CTX_OF_ANY(p, x1, x0), loss, p, x1, x0, out);
  tr_array *spare = NULL;
  TR_TRY(check_batch(times, x1, x0));
  TR_TRY(check_batch(times, x1, p));
  if (dp) TR_TRY(check_batch(times, x1, dp));
  if (!loss->prediction->target)
    return TR_FAIL(p->ctx, TR_E_UNSUPPORTED, "a %s prediction has no target to train on",
                   loss->prediction->info.name);
  if (p->shape[0] == 0) return TR_OK;
  if (!dp) {
    tr_array row = tr_rows(p, 0, 1);
    TR_TRY(tr_array_like(&row, &spare));
  }
  tr_status status = eval_rows(loss, times, p, x1, x0, factor, out, dp, spare);
  tr_array_destroy(&spare);
  return status;
}
