/* p = s, the score grad log p_t(x) = -e / sigma: m = (x + sigma^2 s) / alpha (Tweedie), e = -sigma s,
 * v = (alpha'/alpha) x + (sigma W/alpha) s. At alpha = 0, s = -x / sigma^2 whatever the data. */
#include "transport/modules_private.h"
#include "transport/prediction/prediction.h"

static void estimate(const tr_coeffs *c, tr_affine *m, tr_affine *e, tr_affine *v) {
  *m = (tr_affine){1 / c->alpha, c->sigma * c->sigma / c->alpha};
  *e = (tr_affine){0, -c->sigma};
  *v = (tr_affine){c->dalpha / c->alpha, c->g2_W};
}

static void target(const tr_coeffs *c, tr_target *out) {
  *out = (tr_target){c->sigma, 0, -1};
}

static const tr_prediction_type type = {
    .info = {.name = "score", .summary = "the network gives the score s = -e / sigma"},
    .tag = TR_SCORE,
    .estimate = estimate,
    .target = target,
};
const tr_module *const tr_prediction_score = &type.info;
