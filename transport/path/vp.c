/* The variance-preserving diffusion path with a linear schedule beta(t) = bmin + (1 - t)(bmax - bmin):
 *   alpha = exp(L), L = -(1-t)^2 (bmax - bmin) / 4 - (1-t) bmin / 2,   sigma = sqrt(1 - alpha^2)
 *   alpha' = alpha beta / 2, sigma sigma' = -alpha^2 beta / 2, W = alpha beta / (2 sigma)
 * (Song et al., arXiv 2011.13456; "VP" in the SiT code, which names bmin, bmax sigma_min, sigma_max.)
 * alpha(0) = 0.0066: t = 0 is not quite pure noise. sigma' and W are infinite at t = 1; their ratios are not.
 */
#include "transport/modules_private.h"
#include "transport/path/preserving_private.h"

enum { BMIN, BMAX };

static double log_alpha(const double *p, double u) {
  return -u * u * (p[BMAX] - p[BMIN]) / 4 - u * p[BMIN] / 2;
}

static void at(const double *params, double t, tr_coeffs *out) {
  double u = 1 - t, beta = params[BMIN] + u * (params[BMAX] - params[BMIN]), L = log_alpha(params, u);
  tr_preserving_at(L, beta, out);
}

/* alpha = sin(theta), so u = 1 - t solves (bmax - bmin)/4 u^2 + bmin/2 u + ln sin(theta) = 0; written without
 * cancellation. */
static double time_of_angle(const double *params, double theta) {
  double cosine = cos(theta), log_sine = theta < 1 ? log(sin(theta)) : log1p(-cosine * cosine) / 2;
  double A = (params[BMAX] - params[BMIN]) / 4, B = params[BMIN] / 2, C = -log_sine;
  return 1 - 2 * C / (B + sqrt(B * B + 4 * A * C));
}

static tr_status check(tr_ctx *ctx, const double *p) {
  if (p[BMIN] <= p[BMAX]) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "VP with sigma_min = %g above sigma_max = %g: use sigma_min <= sigma_max",
                 p[BMIN], p[BMAX]);
}

/* At the data an alpha below 1, at the noise one above 0: exp(-500). */
#define BETA                                                                                                 \
  { .ends = TR_RANGE_GE | TR_RANGE_LE, .low = 1e-6, .high = 1000 }
static const tr_param parameters[] = {
    [BMIN] = {.name = "sigma_min",
              .value = 0.1,
              .range = BETA,
              .help = "beta at the data, bmin (the name is the SiT code's)"},
    [BMAX] = {.name = "sigma_max", .value = 20, .range = BETA, .help = "beta at the noise, bmax"},
};

static const tr_interpolant_type type = {
    .info = {.name = "VP",
             .summary = "variance preserving, beta linear in t from sigma_max to sigma_min",
             .params = parameters,
             .n_params = 2,
             .check = check},
    .at = at,
    .time_of_angle = time_of_angle,
    .train_eps = 1e-5,
    .sample_eps = 1e-3,
    .train_eps_velocity = 1e-5,
    .sample_eps_velocity = 1e-3,
    .starts_at_zero = 1,
};
const tr_module *const tr_interpolant_vp = &type.info;
