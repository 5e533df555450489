/* x + (v + D s) L: the mean of an Euler-Maruyama step. */
#include "transport/laststep/laststep.h"
#include "transport/modules_private.h"

static void map(const tr_last_step_args *args, tr_affine *out) {
  tr_sde_drift_of(args->prediction, args->diffusion, &args->at, out);
  *out = (tr_affine){1 + args->size * out->x, args->size * out->p};
}

static const tr_last_step_type type = {.info = {.name = "Mean", .summary = "x + (v + D s) L"}, .map = map};
const tr_module *const tr_last_step_mean = &type.info;
