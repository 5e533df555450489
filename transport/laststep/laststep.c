#include "transport/laststep/laststep.h"

#include <math.h>

#include "core/require_private.h"

tr_status tr_last_step_find(tr_ctx *ctx, const char *name, tr_last_step *out) {
  TR_REQUIRE(ctx, name, out);
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_LAST_STEP, name, &module));
  *out = (tr_last_step){(const tr_last_step_type *)module, tr_module_defaults(module)};
  return TR_OK;
}

tr_status tr_last_step_set(tr_ctx *ctx, tr_last_step *last, const char *param, double value) {
  TR_REQUIRE(ctx, last, param);
  TR_REQUIRE(ctx, last->type);
  return tr_module_set(ctx, &last->type->info, &last->values, param, value);
}

tr_status tr_last_step_map(tr_ctx *ctx, const tr_last_step *last, const tr_interpolant *interpolant,
                           const tr_prediction_type *prediction, const tr_diffusion *diffusion, double t,
                           double size, tr_affine *out) {
  TR_REQUIRE(ctx, last, interpolant, prediction, diffusion, out);
  TR_REQUIRE(ctx, last->type, interpolant->type, prediction->info.name, diffusion->type);
  const tr_last_step_type *type = last->type;
  *out = (tr_affine){1, 0};
  if (type->identity) return TR_OK;
  TR_TRY(tr_module_check(ctx, &type->info, &last->values));
  tr_last_step_args args = {prediction, diffusion, tr_interpolant_at(interpolant, t), size, last->values.v};
  type->map(&args, out);
  if (isfinite(out->x) && isfinite(out->p)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG,
                 "the last step %s is infinite for a %s prediction and the form %s at t = %.10g of %s%s%s",
                 type->info.name, prediction->info.name, diffusion->type->info.name, t,
                 interpolant->type->info.name, t > 0 && t < 1 ? "" : ", where ",
                 t > 0 && t < 1 ? "" : tr_coeffs_singularity(&args.at));
}

/* What e contributes to p: of two equations the one that knows. */
static double noise_in_prediction(const tr_prediction_type *prediction, const tr_coeffs *at) {
  tr_affine m, e;
  if (tr_affine_of(prediction, at, TR_NOISE, &e) && e.p != 0) return (1 - e.x * at->sigma) / e.p;
  tr_affine_of(prediction, at, TR_DENOISER, &m);
  return -m.x * at->sigma / m.p;
}

tr_status tr_last_step_noise(tr_ctx *ctx, const tr_last_step *last, const tr_interpolant *interpolant,
                             const tr_prediction_type *prediction, const tr_diffusion *diffusion, double t,
                             double size, double *out) {
  TR_REQUIRE(ctx, last, interpolant, prediction, diffusion, out);
  tr_affine map;
  *out = NAN;
  TR_TRY(tr_last_step_map(ctx, last, interpolant, prediction, diffusion, t, size, &map));
  tr_coeffs at = tr_interpolant_at(interpolant, t);
  if (!(at.sigma > 0))
    return TR_FAIL(ctx, TR_E_ARG, "no noise is left at t = %.10g, where sigma = %g", t, at.sigma);
  *out = last->type->identity ? 1 : map.x + map.p * noise_in_prediction(prediction, &at) / at.sigma;
  return TR_OK;
}
