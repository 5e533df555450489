#include "transport/prediction/prediction.h"

#include <math.h>

#include "core/require_private.h"
#include "core/vec/vec.h"

tr_status tr_prediction_find(tr_ctx *ctx, const char *name, const tr_prediction_type **out) {
  TR_REQUIRE(ctx, name, out);
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_PREDICTION, name, &module));
  TR_TRY(tr_module_refuse_params(ctx, module, "predictions"));
  *out = (const tr_prediction_type *)module;
  return TR_OK;
}

tr_status tr_prediction_of(tr_ctx *ctx, tr_quantity tag, const tr_prediction_type **out) {
  TR_REQUIRE(ctx, out);
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_PREDICTION, i)); i++) {
    *out = (const tr_prediction_type *)module;
    if ((*out)->tag == tag) return TR_OK;
  }
  return TR_FAIL(ctx, TR_E_ARG, "no registered prediction is the %s (tag %d)", tr_quantity_name(tag),
                 (int)tag);
}

const char *tr_quantity_name(tr_quantity quantity) {
  switch (quantity) {
  case TR_VELOCITY:
    return "velocity";
  case TR_NOISE:
    return "noise";
  case TR_SCORE:
    return "score";
  case TR_DENOISER:
    return "denoiser";
  case TR_CANONICAL:
    return "canonical field";
  default:
    return "prediction";
  }
}

static tr_affine combine(double a, tr_affine p, double b, tr_affine q) {
  return (tr_affine){a * p.x + b * q.x, a * p.p + b * q.p};
}

bool tr_affine_of(const tr_prediction_type *prediction, const tr_coeffs *at, tr_quantity wanted,
                  tr_affine *out) {
  if (out) *out = (tr_affine){NAN, NAN};
  if (!prediction || !prediction->estimate || !at || !out) return false;
  tr_affine m, e, v;
  *out = (tr_affine){0, 1};
  if (wanted == prediction->tag) return true;
  prediction->estimate(at, &m, &e, &v);
  switch (wanted) {
  case TR_VELOCITY:
    *out = v;
    break;
  case TR_NOISE:
    *out = e;
    break;
  case TR_SCORE:
    *out = (tr_affine){-e.x / at->sigma, -e.p / at->sigma};
    break;
  case TR_DENOISER:
    *out = m;
    break;
  case TR_CANONICAL:
    *out = combine(at->sigma / at->c, m, -at->alpha / at->c, e);
    break;
  default:
    *out = (tr_affine){NAN, NAN};
  }
  return isfinite(out->x) && isfinite(out->p);
}

tr_status tr_convert(tr_ctx *ctx, const tr_interpolant *interpolant, const tr_prediction_type *prediction,
                     tr_quantity wanted, double t, tr_affine *out) {
  TR_REQUIRE(ctx, interpolant, prediction, out);
  TR_REQUIRE(ctx, interpolant->type, prediction->info.name);
  if (!(t >= 0 && t <= 1))
    return TR_FAIL(ctx, TR_E_ARG, "t = %g: times lie between 0 (noise) and 1 (data)", t);
  tr_coeffs at = tr_interpolant_at(interpolant, t);
  if (tr_affine_of(prediction, &at, wanted, out)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "the %s does not follow from a %s prediction at t = %.10g of %s, where %s",
                 tr_quantity_name(wanted), prediction->info.name, t, interpolant->type->info.name,
                 tr_coeffs_singularity(&at));
}

static bool canonical_exists(const tr_prediction_type *prediction, const tr_coeffs *at) {
  tr_affine F;
  return tr_affine_of(prediction, at, TR_CANONICAL, &F);
}

void tr_canonical_angles(const tr_prediction_type *prediction, const tr_interpolant *interpolant, double *low,
                         double *high) {
  if (!prediction || !interpolant || !low || !high) return;
  tr_coeffs start = tr_interpolant_at(interpolant, 0), end = tr_interpolant_at(interpolant, 1);
  *low = start.theta + (canonical_exists(prediction, &start) ? 0 : TR_THETA_MIN);
  *high = end.theta - (canonical_exists(prediction, &end) ? 0 : TR_THETA_MIN);
}

tr_status tr_affine_apply(tr_affine a, const tr_array *x, const tr_array *p, tr_array *z) {
  TR_REQUIRE_ARRAYS(x, p, z);
  if (a.x == 0 && a.p == 1) return p == z ? TR_OK : tr_array_copy(p, z);
  return tr_axpby(a.x, x, a.p, p, z);
}

tr_status tr_affine_list(tr_program *list, tr_affine a, const tr_array *x, const tr_array *p, tr_array *z) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, p, z), list, x, p, z);
  if (a.x == 0 && a.p == 1) return tr_program_copy(list, p, z);
  return tr_program_axpby(list, a.x, x, a.p, p, z);
}

static tr_status convert_row(const tr_array *x, int64_t row, tr_affine a, tr_array *out) {
  tr_array from = tr_rows(x, row, 1), to = tr_rows(out, row, 1);
  return tr_affine_apply(a, &from, &to, &to);
}

tr_status tr_field_eval(const tr_interpolant *interpolant, tr_drift *drift, tr_quantity wanted,
                        tr_times times, const tr_array *x, const tr_cond *cond, tr_array *out) {
  TR_REQUIRE(TR_CTX_FROM(drift, x, out), interpolant, drift, x, out);
  const tr_prediction_type *prediction;
  tr_affine a;
  TR_TRY(tr_prediction_of(drift->ctx, drift->kind, &prediction));
  for (int64_t i = 0; i < times.n; i++)
    TR_TRY(tr_convert(drift->ctx, interpolant, prediction, wanted, times.t[i], &a));
  TR_TRY(tr_drift_eval(drift, times, x, cond, out));
  if (times.n == 1) return tr_affine_apply(a, x, out, out);
  for (int64_t i = 0; i < times.n; i++) {
    TR_TRY(tr_convert(drift->ctx, interpolant, prediction, wanted, times.t[i], &a));
    TR_TRY(convert_row(x, i, a, out));
  }
  return TR_OK;
}
