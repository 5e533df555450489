/* The built-in modules of this room, one file each, for register.c. */
#ifndef TR_TRANSPORT_MODULES_H
#define TR_TRANSPORT_MODULES_H

#include <stddef.h>

#include "core/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const tr_module *const tr_interpolant_linear, *const tr_interpolant_gvp, *const tr_interpolant_vp;
extern const tr_module *const tr_prediction_velocity,
    *const tr_prediction_noise, *const tr_prediction_score, *const tr_prediction_denoiser,
                                                                *const tr_prediction_canonical;
extern const tr_module *const tr_diffusion_constant,
    *const tr_diffusion_sbdm, *const tr_diffusion_sigma, *const tr_diffusion_linear,
                                                             *const tr_diffusion_decreasing,
                                                                 *const tr_diffusion_increasing_decreasing,
                                                                     *const tr_diffusion_kl_eta,
                                                                         *const tr_diffusion_of_kappa,
                                                                             *const tr_diffusion_tabulated;
extern const tr_module *const tr_last_step_none, *const tr_last_step_mean, *const tr_last_step_tweedie,
                                                                               *const tr_last_step_euler;
extern const tr_module *const tr_loss_none, *const tr_loss_velocity, *const tr_loss_likelihood;
extern const tr_module *const tr_grid_uniform,
    *const tr_grid_logsnr, *const tr_grid_quadratic, *const tr_grid_karras, *const tr_grid_shift,
                                                                                *const tr_grid_cosine,
                                                                                    *const tr_grid_list;

extern const tr_module *const tr_trace_hutchinson, *const tr_trace_hutchpp, *const tr_trace_exact;

/* of kind "ode-method" */
extern const tr_module *const tr_exponential_ddim,
    *const tr_exponential_dpmpp_2m, *const tr_exponential_dpmpp_3m, *const tr_exponential_deis,
                                                                        *const tr_exponential_unipc_2,
                                                                            *const tr_exponential_unipc_3;

/* of kind "sde-method" */
extern const tr_module *const tr_exponential_sde_euler,
    *const tr_exponential_sde_2m, *const tr_exponential_sde_sa2, *const tr_exponential_sde_sa3,
                                                                     *const tr_noised_churn,
                                                                         *const tr_noised_restart;

#ifdef __cplusplus
}
#endif

#endif
