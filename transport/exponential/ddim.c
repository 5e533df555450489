/* DDIM, the exponential Euler method: the exact solution for a denoiser (and noise) held over the step (Song
 * et al., arXiv 2010.02502, with eta = 0; also DPM-Solver-1). Order 1, one evaluation a step. */
#include "transport/exponential/exponential.h"
#include "transport/modules_private.h"

static const tr_exponential table = {.of = TR_DENOISER, .points = 1, .whole_order = 1};
static const tr_ode_method method = {
    .info = {.name = "ddim", .summary = "DDIM: exact for a denoiser held over the step; order 1"},
    .caps = TR_ODE_BREAKS | TR_ODE_ANGLE,
    .order = 1,
    .nfe_per_step = 1,
    .detail = &table,
    .solve = tr_exponential_solve};
const tr_module *const tr_exponential_ddim = &method.info;
