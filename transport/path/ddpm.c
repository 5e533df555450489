/* The noise schedule of DDPM, ADM and DiT as a path: 1000 steps with beta_i from 1e-4 to 0.02, linear in i
 * (Ho et al., arXiv 2006.11239; Dhariwal and Nichol, arXiv 2105.05233), and
 *   alpha = sqrt(abar(k)), sigma = sqrt(1 - abar(k)), k = 1000 (1 - t), abar(k) = prod_{i < k} (1 - beta_i),
 * so that k = 0 is the data and k = 1 .. 1000 are the levels that networks are trained on, under the discrete
 * times k - 1 = 0 .. 999. Between them ln abar is interpolated by the formula of Euler and Maclaurin for its
 * sum, with g(i) = -ln(1 - beta_i):
 *   -ln abar(k) = int_0^k g di - (g(k) - g(0)) / 2 + (g'(k) - g'(0)) / 12,
 * which is smooth in k and agrees with the products at whole k to 1e-15 (the next term is 1e-18).
 * alpha(0) = 0.0064: t = 0 is not quite pure noise. sigma' and W are infinite at t = 1; their ratios are not.
 */
#include "transport/modules_private.h"
#include "transport/path/preserving_private.h"

static const double steps = 1000, first = 1e-4, slope = (0.02 - 1e-4) / 999;

/* 1 - beta at step i. */
static double kept(double i) {
  return 1 - first - slope * i;
}

/* Gauss and Legendre's rule of five points on [0, 1]: exact here, since beta <= 0.02. */
static double integral(double k) {
  static const double at[] = {0.04691007703066800, 0.23076534494715845, 0.5, 0.76923465505284155,
                              0.95308992296933200},
                      weight[] = {0.11846344252809454, 0.23931433524968324, 0.28444444444444444,
                                  0.23931433524968324, 0.11846344252809454};
  double sum = 0;
  for (int i = 0; i < 5; i++) sum -= weight[i] * log1p(-first - slope * k * at[i]);
  return k * sum;
}

static double minus_log(double k) {
  const double q0 = kept(0), q = kept(k);
  return integral(k) + log1p(-slope * k / q0) / 2 + slope * slope * k / (12 * q * q0);
}

/* Its derivative. */
static double rate(double k) {
  const double q = kept(k);
  return -log1p(-first - slope * k) - slope / (2 * q) + slope * slope / (12 * q * q);
}

static void at(const double *params, double t, tr_coeffs *out) {
  const double k = steps * (1 - t);
  (void)params;
  tr_preserving_at(-minus_log(k) / 2, steps * rate(k), out);
}

static const tr_interpolant_type type = {
    .info = {.name = "DDPM",
             .summary = "variance preserving, the 1000 steps of DDPM and DiT, beta from 1e-4 to 0.02"},
    .at = at,
    .train_eps = 1e-3,
    .sample_eps = 1e-3,
    .train_eps_velocity = 1e-3,
    .sample_eps_velocity = 1e-3,
    .starts_at_zero = 1,
};
const tr_module *const tr_interpolant_ddpm = &type.info;
