#include "transport/register.h"

#include "integrators/ode/ode.h"
#include "integrators/register.h"
#include "integrators/sde/sde.h"
#include "transport/diffusion/diffusion.h"
#include "transport/grid/grid.h"
#include "transport/laststep/laststep.h"
#include "transport/loss/loss.h"
#include "transport/modules.h"
#include "transport/path/interpolant.h"
#include "transport/prediction/prediction.h"
#include "transport/trace/trace.h"

typedef struct {
  const char *kind;
  const tr_module *const *module;
} entry;

static const entry modules[] = {
    {TR_KIND_INTERPOLANT, &tr_interpolant_linear},
    {TR_KIND_INTERPOLANT, &tr_interpolant_gvp},
    {TR_KIND_INTERPOLANT, &tr_interpolant_vp},
    {TR_KIND_PREDICTION, &tr_prediction_velocity},
    {TR_KIND_PREDICTION, &tr_prediction_noise},
    {TR_KIND_PREDICTION, &tr_prediction_score},
    {TR_KIND_PREDICTION, &tr_prediction_denoiser},
    {TR_KIND_PREDICTION, &tr_prediction_canonical},
    {TR_KIND_DIFFUSION, &tr_diffusion_constant},
    {TR_KIND_DIFFUSION, &tr_diffusion_sbdm},
    {TR_KIND_DIFFUSION, &tr_diffusion_sigma},
    {TR_KIND_DIFFUSION, &tr_diffusion_linear},
    {TR_KIND_DIFFUSION, &tr_diffusion_decreasing},
    {TR_KIND_DIFFUSION, &tr_diffusion_increasing_decreasing},
    {TR_KIND_DIFFUSION, &tr_diffusion_kl_eta},
    {TR_KIND_DIFFUSION, &tr_diffusion_of_kappa},
    {TR_KIND_DIFFUSION, &tr_diffusion_tabulated},
    {TR_KIND_LAST_STEP, &tr_last_step_none},
    {TR_KIND_LAST_STEP, &tr_last_step_mean},
    {TR_KIND_LAST_STEP, &tr_last_step_tweedie},
    {TR_KIND_LAST_STEP, &tr_last_step_euler},
    {TR_KIND_LOSS_WEIGHT, &tr_loss_none},
    {TR_KIND_LOSS_WEIGHT, &tr_loss_velocity},
    {TR_KIND_LOSS_WEIGHT, &tr_loss_likelihood},
    {TR_KIND_GRID, &tr_grid_uniform},
    {TR_KIND_GRID, &tr_grid_logsnr},
    {TR_KIND_GRID, &tr_grid_quadratic},
    {TR_KIND_GRID, &tr_grid_karras},
    {TR_KIND_GRID, &tr_grid_shift},
    {TR_KIND_GRID, &tr_grid_cosine},
    {TR_KIND_GRID, &tr_grid_list},
    {TR_KIND_TRACE, &tr_trace_hutchinson},
    {TR_KIND_TRACE, &tr_trace_hutchpp},
    {TR_KIND_TRACE, &tr_trace_exact},
};

/* Listed after those of the integrators. */
static const entry methods[] = {
    {TR_KIND_ODE_METHOD, &tr_exponential_ddim},      {TR_KIND_ODE_METHOD, &tr_exponential_dpmpp_2m},
    {TR_KIND_ODE_METHOD, &tr_exponential_dpmpp_3m},  {TR_KIND_ODE_METHOD, &tr_exponential_deis},
    {TR_KIND_ODE_METHOD, &tr_exponential_unipc_2},   {TR_KIND_ODE_METHOD, &tr_exponential_unipc_3},
    {TR_KIND_SDE_METHOD, &tr_exponential_sde_euler}, {TR_KIND_SDE_METHOD, &tr_exponential_sde_2m},
    {TR_KIND_SDE_METHOD, &tr_exponential_sde_sa2},   {TR_KIND_SDE_METHOD, &tr_exponential_sde_sa3},
    {TR_KIND_SDE_METHOD, &tr_noised_churn},          {TR_KIND_SDE_METHOD, &tr_noised_restart},
};

static tr_status register_list(tr_ctx *ctx, const entry *list, size_t n) {
  for (size_t i = 0; i < n; i++) TR_TRY(tr_register(ctx, list[i].kind, *list[i].module));
  return TR_OK;
}

tr_status tr_register_all(tr_ctx *ctx) {
  TR_TRY(register_list(ctx, modules, sizeof modules / sizeof *modules));
  TR_TRY(tr_integrators_register(ctx));
  return register_list(ctx, methods, sizeof methods / sizeof *methods);
}
