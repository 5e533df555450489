#include "transport/register.h"

#include "core/require_private.h"
#include "integrators/ode/ode.h"
#include "integrators/register.h"
#include "integrators/sde/sde.h"
#include "transport/diffusion/diffusion.h"
#include "transport/grid/grid.h"
#include "transport/laststep/laststep.h"
#include "transport/loss/loss.h"
#include "transport/modules_private.h"
#include "transport/path/interpolant.h"
#include "transport/prediction/prediction.h"
#include "transport/trace/trace.h"

tr_status tr_transport_register(tr_ctx *ctx) {
  TR_REQUIRE(ctx, ctx);
#define TR_MODULE(kind, table) TR_TRY(tr_register(ctx, kind, table));
#define TR_ROOM(function)      TR_TRY(function(ctx));
#include "transport/modules.def"
#undef TR_MODULE
#undef TR_ROOM
  return TR_OK;
}
