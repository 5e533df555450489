/* SA-Solver (Xue et al., arXiv 2309.05019) with tau^2 = kappa of the diffusion form: predictor through the
 * last two denoisers, each state corrected through the new one and these two once it is known, in PEC mode:
 * the denoiser at the predicted state is not evaluated again. Weak order 2, strong order 1 (a step knows one
 * normal, not how the path gets there), one evaluation a step; without noise order 3. The first step, and one
 * that ends at sigma = 0, are of order 1. */
#include "transport/exponential/sde_private.h"
#include "transport/modules_private.h"

static const tr_exponential_sde table = {.points = 2, .corrector = 3};
static const tr_sde_method method = {
    .info = {.name = "sa-solver",
             .aliases = "sa-solver-2",
             .summary = "SA-Solver: the denoiser as a line in lambda, each state corrected by a parabola"},
    .strong_order = 1,
    .weak_order = 2,
    .nfe_per_step = 1,
    .caps = TR_SDE_OF_PROBLEM,
    .detail = &table};
const tr_module *const tr_exponential_sde_sa2 = &method.info;
