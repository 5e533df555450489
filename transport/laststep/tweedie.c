/* x / alpha + (sigma^2 / alpha) s, which is the denoiser m = E[x1 | x] (Tweedie's formula; Robbins 1956,
 * Efron 2011). */
#include "transport/laststep/laststep.h"
#include "transport/modules_private.h"

static void map(const tr_last_step_args *args, tr_affine *out) {
  tr_affine_of(args->prediction, &args->at, TR_DENOISER, out);
}

static const tr_last_step_type type = {
    .info = {.name = "Tweedie", .summary = "x / alpha + (sigma^2 / alpha) s = E[x1 | x]"}, .map = map};
const tr_module *const tr_last_step_tweedie = &type.info;
