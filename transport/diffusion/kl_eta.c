/* D = n (w/2) / sqrt(1 + 2 eta w^2 / L_t) with w = w^KL = 2 sigma W / alpha: the minimiser of
 *   (1/2) int w_t^-1 (1 + w_t / w^KL)^2 L_t dt + eta int w_t dt,
 * the SiT paper's w^{KL,eta} (arXiv 2401.08740; it does not state its eta). L_t > 0 is the mean squared error
 * of the velocity at time t, measured in training: the table. Finite at pure noise: sqrt(L / (8 eta)). */
#include "transport/diffusion/diffusion.h"
#include "transport/modules_private.h"

#include <math.h>

enum { ETA };
static const tr_param parameters[] = {
    [ETA] = {.name = "eta",
             .value = NAN,
             .range = {.ends = TR_RANGE_GT | TR_RANGE_LE, .low = 0, .high = 1e6},
             .help = "weight of the cost of noise"},
};

static double loss(const tr_diffusion *d, const tr_coeffs *at) {
  return tr_table_at(d->table, at->t);
}

static double kappa(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm / sqrt(1 + 8 * d->values.v[ETA] * at->g2_W * at->g2_W / loss(d, at));
}

static double D(const tr_diffusion *d, const tr_coeffs *at) {
  if (isinf(at->g2_W)) return d->norm * sqrt(loss(d, at) / (8 * d->values.v[ETA]));
  return at->g2_W * kappa(d, at);
}

static double D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  return at->alpha > 0 ? at->W / at->alpha * kappa(d, at) : D(d, at) / at->sigma;
}

static tr_status check(tr_ctx *ctx, const tr_diffusion *d) {
  double least = tr_table_min(d->table);
  if (!(least > 0))
    return TR_FAIL(ctx, TR_E_ARG, "KL-eta with a loss of %g in its table: losses are positive", least);
  return TR_OK;
}

static const tr_diffusion_type type = {
    .info = {.name = "KL-eta",
             .aliases = "w-KL-eta",
             .summary = "D = n (w/2) / sqrt(1 + 2 eta w^2 / L_t), w = w^KL; L_t from a table",
             .params = parameters,
             .n_params = 1},
    .caps = TR_DIFFUSION_TABLE,
    .table_of = "t, L_t (the loss of the velocity, which 'transit loss' measures)",
    .D = D,
    .D_sigma = D_sigma,
    .kappa = kappa,
    .check = check,
};
const tr_module *const tr_diffusion_kl_eta = &type.info;
