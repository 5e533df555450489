/* The error of the noise times d ln(alpha / sigma) / dt = W / (alpha sigma): the weight of the bound on the
 * log-likelihood (Kingma et al., arXiv 2107.00630). */
#include "transport/loss/loss.h"
#include "transport/modules_private.h"

static double at(const tr_coeffs *c, double velocity, double noise) {
  (void)velocity;
  return c->W / (c->alpha * c->sigma) * noise * noise;
}

static const tr_loss_weight type = {
    .info = {.name = "likelihood", .summary = "the bound on the log-likelihood"}, .at = at};
const tr_module *const tr_loss_likelihood = &type.info;
