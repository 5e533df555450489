#include "integrators/register.h"

#include "core/require_private.h"
#include "integrators/modules_private.h"
#include "integrators/ode/ode.h"
#include "integrators/sde/sde.h"

tr_status tr_integrators_register(tr_ctx *ctx) {
  TR_REQUIRE(ctx, ctx);
#define TR_MODULE(kind, table) TR_TRY(tr_register(ctx, kind, table));
#include "integrators/modules.def"
#undef TR_MODULE
  return TR_OK;
}
