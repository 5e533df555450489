/* x + v L: an Euler step of the ODE. On the Linear path the same map as Tweedie. */
#include "transport/laststep/laststep.h"
#include "transport/modules_private.h"

static void map(const tr_last_step_args *args, tr_affine *out) {
  tr_affine_of(args->prediction, &args->at, TR_VELOCITY, out);
  *out = (tr_affine){1 + args->size * out->x, args->size * out->p};
}

static const tr_last_step_type type = {.info = {.name = "Euler", .summary = "x + v L"}, .map = map};
const tr_module *const tr_last_step_euler = &type.info;
