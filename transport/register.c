#include "transport/register.h"

#include "integrators/register.h"
#include "transport/diffusion.h"
#include "transport/grid.h"
#include "transport/interpolant.h"
#include "transport/laststep.h"
#include "transport/modules.h"
#include "transport/prediction.h"

static const struct {
  const char *kind;
  const tr_module *const *module;
} modules[] = {
    {TR_KIND_INTERPOLANT, &tr_interpolant_linear},
    {TR_KIND_INTERPOLANT, &tr_interpolant_gvp},
    {TR_KIND_INTERPOLANT, &tr_interpolant_vp},
    {TR_KIND_PREDICTION, &tr_prediction_velocity},
    {TR_KIND_PREDICTION, &tr_prediction_noise},
    {TR_KIND_PREDICTION, &tr_prediction_score},
    {TR_KIND_PREDICTION, &tr_prediction_denoiser},
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
    {TR_KIND_GRID, &tr_grid_uniform},
    {TR_KIND_GRID, &tr_grid_logsnr},
    {TR_KIND_GRID, &tr_grid_quadratic},
    {TR_KIND_GRID, &tr_grid_karras},
    {TR_KIND_GRID, &tr_grid_shift},
    {TR_KIND_GRID, &tr_grid_cosine},
    {TR_KIND_GRID, &tr_grid_list},
};

tr_status tr_register_all(tr_ctx *ctx) {
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
    TR_TRY(tr_register(ctx, modules[i].kind, *modules[i].module));
  return tr_integrators_register(ctx);
}
