/* Exponential Euler for the SDE: the denoiser held over the step, everything else exact (SDE-DPM-Solver++ of
 * order 1, Lu et al., arXiv 2211.01095, for kappa = 1). Weak and strong order 1, one evaluation a step. */
#include "transport/exponential/sde_private.h"
#include "transport/modules_private.h"

static const tr_exponential_sde table = {.points = 1};
static const tr_sde_method method = {
    .info = {.name = "exponential-euler",
             .aliases = "dpmpp-1-sde",
             .summary = "exact for a denoiser held over the step, for any diffusion form"},
    .strong_order = 1,
    .weak_order = 1,
    .nfe_per_step = 1,
    .caps = TR_SDE_OF_PROBLEM,
    .detail = &table};
const tr_module *const tr_exponential_sde_euler = &method.info;
