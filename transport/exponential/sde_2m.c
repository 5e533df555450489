/* SDE-DPM-Solver++ (2M) (Lu et al., arXiv 2211.01095) for any diffusion form, theirs is kappa = 1: the
 * denoiser extrapolated in lambda, everything else exact. With D = 0 it is dpmpp-2m of the ODE. Weak order 2,
 * strong order 1 (the denoiser feels the noise within a step), one evaluation a step; the first step, and one
 * that ends at sigma = 0, are of order 1. */
#include "transport/exponential/sde_private.h"
#include "transport/modules_private.h"

static const tr_exponential_sde table = {.points = 2, .at_middle = true};
static const tr_sde_method method = {
    .info = {.name = "dpmpp-2m-sde",
             .aliases = "sde-dpm-solver++",
             .summary = "SDE-DPM-Solver++ (2M): the denoiser extrapolated in lambda"},
    .strong_order = 1,
    .weak_order = 2,
    .nfe_per_step = 1,
    .caps = TR_SDE_OF_PROBLEM,
    .detail = &table};
const tr_module *const tr_exponential_sde_2m = &method.info;
