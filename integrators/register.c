#include "integrators/register.h"

#include "integrators/ode/ode.h"
#include "integrators/sde/sde.h"

extern const tr_ode_method tr_ode_cvode_adams, tr_ode_cvode_bdf, tr_ode_dopri5, tr_ode_bosh3, tr_ode_euler,
    tr_ode_heun2, tr_ode_midpoint, tr_ode_rk4, tr_ode_rk4_classical, tr_ode_ab2, tr_ode_ab3;
extern const tr_sde_method tr_sde_euler_maruyama, tr_sde_heun_sit, tr_sde_heun_additive, tr_sde_sra1,
    tr_sde_shark, tr_sde_sosra;

static const tr_ode_method *const ode_methods[] = {
    &tr_ode_cvode_adams,   &tr_ode_cvode_bdf, &tr_ode_dopri5,   &tr_ode_bosh3,
    &tr_ode_euler,         &tr_ode_heun2,     &tr_ode_midpoint, &tr_ode_rk4,
    &tr_ode_rk4_classical, &tr_ode_ab2,       &tr_ode_ab3,
};

static const tr_sde_method *const sde_methods[] = {
    &tr_sde_euler_maruyama, &tr_sde_heun_sit, &tr_sde_heun_additive,
    &tr_sde_sra1,           &tr_sde_shark,    &tr_sde_sosra,
};

tr_status tr_integrators_register(tr_ctx *ctx) {
  for (size_t i = 0; i < sizeof ode_methods / sizeof *ode_methods; i++)
    TR_TRY(tr_register(ctx, TR_KIND_ODE_METHOD, &ode_methods[i]->info));
  for (size_t i = 0; i < sizeof sde_methods / sizeof *sde_methods; i++)
    TR_TRY(tr_register(ctx, TR_KIND_SDE_METHOD, &sde_methods[i]->info));
  return TR_OK;
}
