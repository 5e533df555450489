/* D = n kappa(lambda) sigma W / alpha, lambda = ln(alpha / sigma): the dimensionless churn. In (lambda,
 * kappa) the SDE does not know the interpolant. kappa = 0 is the ODE, 1 is SBDM. */
#include "transport/diffusion/diffusion.h"
#include "transport/modules_private.h"

#include <math.h>

static double kappa(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm * (d->table ? tr_table_at(d->table, log(at->alpha / at->sigma)) : 1);
}

static double D(const tr_diffusion *d, const tr_coeffs *at) {
  double k = kappa(d, at);
  return k == 0 ? 0 : k * at->g2_W;
}

static double D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  double k = kappa(d, at);
  return k == 0 ? 0 : k * at->W / at->alpha;
}

static tr_status check(tr_ctx *ctx, const tr_diffusion *d) {
  if (!d->table || tr_table_min(d->table) >= 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "a table of kappa with the value %g: kappa must not be negative",
                 tr_table_min(d->table));
}

static const tr_diffusion_type type = {
    .info = {.name = "kappa",
             .summary = "D = n kappa(lambda) sigma W / alpha, kappa from a table over ln(alpha / sigma); "
                        "without one SBDM"},
    .caps = TR_DIFFUSION_TABLE_OPTIONAL,
    .table_of = "ln(alpha / sigma), kappa",
    .without_table = "kappa is 1, which is SBDM",
    .D = D,
    .D_sigma = D_sigma,
    .kappa = kappa,
    .check = check,
};
const tr_module *const tr_diffusion_of_kappa = &type.info;
