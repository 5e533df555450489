/* D = n sigma W / alpha, kappa = n: for n = 1 half the paper's w^KL, the reverse SDE of score-based diffusion
 * models (Song et al., arXiv 2011.13456). Infinite at pure noise unless alpha(0) > 0. */
#include "transport/diffusion/diffusion.h"
#include "transport/modules_private.h"

static double D(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm > 0 ? d->norm * at->g2_W : 0; /* 0 at alpha = 0 too */
}

static double D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm > 0 ? d->norm * at->W / at->alpha : 0;
}

static double kappa(const tr_diffusion *d, const tr_coeffs *at) {
  (void)at;
  return d->norm;
}

static double churn(const tr_diffusion *d, const tr_coeffs *from, const tr_coeffs *to) {
  return d->norm > 0 ? d->norm * tr_coeffs_log_snr_step(from, to) : 0;
}

static const tr_diffusion_type type = {
    .info = {.name = "SBDM",
             .aliases = "KL,w-KL",
             .summary = "D = n sigma W / alpha, the paper's w^KL = 2 D"},
    .D = D,
    .D_sigma = D_sigma,
    .kappa = kappa,
    .churn = churn,
};
const tr_module *const tr_diffusion_sbdm = &type.info;
